"""POST /api/v1/staff/ratio-changes/{ratio_change_id}/decisions: approve or refuse (变比审批)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.ratio_changes import decide_ratio_change
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    granted: bool


@post("/api/v1/staff/ratio-changes/{ratio_change_id}/decisions", permission="staff.ratio.approve")
async def handle(ctx: Context, ratio_change_id: RowId, body: Body) -> Reply[None]:
    """Answer somebody else's wish. Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired."""
    await decide_ratio_change(ctx, ratio_change_id, body.granted)
    return no_content()
