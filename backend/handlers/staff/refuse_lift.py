"""POST /api/v1/staff/meters/{meter_id}/lift-refusals: an emergency stays (驳回或撤回解除紧急断电的申请)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.control_supply import refuse_lift
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/meters/{meter_id}/lift-refusals", permission="staff.restore.emergency_lift")
async def handle(ctx: Context, meter_id: RowId, body: Body) -> Reply[None]:
    """Refuse a wish to lift an emergency, or take the own one back. Errors: NotFound, NobodyAsked."""
    await refuse_lift(ctx, meter_id, body.reason)
    return no_content()
