"""POST /api/v1/staff/meters/{meter_id}/restores: lift what the staff placed (人工送电)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.control_supply import restore
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/meters/{meter_id}/restores", permission="staff.restore")
async def handle(ctx: Context, meter_id: RowId, body: Body) -> Reply[None]:
    """Lift staff and safety reasons; money is not touched.

    Errors: NotFound, NotPrepaid, NothingToLift, SecondPersonNeeded (the wish is on record).
    """
    await restore(ctx, meter_id, body.reason)
    return no_content()
