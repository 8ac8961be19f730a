"""GET /api/v1/staff/keep-supplies: who is kept on, who asked (保电清单)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_keep_supplies import KeepSupplyView, list_keep_supplies


@get("/api/v1/staff/keep-supplies", permission="staff.board")
async def handle(ctx: Context, ended: bool = False) -> Reply[list[KeepSupplyView]]:
    """Return open wishes and standing keep-supplies, newest first; or those that have ended."""
    return ok(await list_keep_supplies(ctx, ended=ended))
