"""GET /api/v1/staff/board: every meter as it stands (监控看板)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_board import Board, show_board


@get("/api/v1/staff/board", permission="staff.board")
async def handle(ctx: Context) -> Reply[Board]:
    """Return all meters of the site."""
    return ok(await show_board(ctx))
