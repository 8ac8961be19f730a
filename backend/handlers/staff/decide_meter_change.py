"""POST /api/v1/staff/meter-changes/{meter_change_id}/decisions: approve or refuse (换表审批)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.meter_changes import decide_change
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    granted: bool


@post("/api/v1/staff/meter-changes/{meter_change_id}/decisions", permission="staff.meter.change.approve")
async def handle(ctx: Context, meter_change_id: RowId, body: Body) -> Reply[None]:
    """Carry the change out, or refuse it. Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired."""
    await decide_change(ctx, meter_change_id, body.granted)
    return no_content()
