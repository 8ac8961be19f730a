"""POST /api/v1/staff/meters/{meter_id}/emergency-trips: switch off at once (紧急断电)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.control_supply import emergency_trip
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=200)] = ""  # May follow within 24 hours.


@post("/api/v1/staff/meters/{meter_id}/emergency-trips", permission="staff.trip.emergency")
async def handle(ctx: Context, meter_id: RowId, body: Body) -> Reply[None]:
    """Place a safety reason to be off; no second factor. Errors: NotFound, NotPrepaid."""
    await emergency_trip(ctx, meter_id, body.reason)
    return no_content()
