"""GET /api/v1/staff/board/stream: the board, live (实时看板)."""

from backend.context import Context
from backend.routing import EventStream, get
from backend.services.show_board import stream_board


@get("/api/v1/staff/board/stream", permission="staff.board")
async def handle(ctx: Context) -> EventStream:
    """Send the whole board, then what changed each second, and a beat while nothing does."""
    return EventStream(stream_board(ctx))
