"""POST /api/v1/staff/meters/{meter_id}/emergency-reasons: say why it was an emergency (补填紧急断电原因)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.emergency_reasons import explain_emergency
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/meters/{meter_id}/emergency-reasons", permission="staff.trip.emergency")
async def handle(ctx: Context, meter_id: RowId, body: Body) -> Reply[None]:
    """Write the missing reason down and close its task. Errors: NotFound, NothingToExplain."""
    await explain_emergency(ctx, meter_id, body.reason)
    return no_content()
