"""POST /api/v1/staff/meters/{meter_id}/trips: switch a shop off (人工断电)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.control_supply import trip
from backend.services.row_ids import RowId
from backend.services.staff_sign_in import step_up


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    totp: Annotated[str, Meta(pattern=r"^\d{6}$")]


@post("/api/v1/staff/meters/{meter_id}/trips", permission="staff.trip")
async def handle(ctx: Context, meter_id: RowId, body: Body) -> Reply[None]:
    """Place a staff reason to be off, after the second factor. Errors: NotFound, NotPrepaid."""
    await step_up(ctx, body.totp, "staff.trip", f"meter:{meter_id}")
    await trip(ctx, meter_id, body.reason)
    return no_content()
