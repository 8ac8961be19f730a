"""POST /api/v1/staff/keep-supplies/{keep_supply_id}/decisions: approve or refuse (保电审批)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.keep_supply import decide_keep_supply
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    granted: bool


@post("/api/v1/staff/keep-supplies/{keep_supply_id}/decisions", permission="staff.keep_supply.approve")
async def handle(ctx: Context, keep_supply_id: RowId, body: Body) -> Reply[None]:
    """Answer somebody else's wish. Errors: NotFound, OwnRequest, AlreadyDecided."""
    await decide_keep_supply(ctx, keep_supply_id, body.granted)
    return no_content()
