"""POST /api/v1/staff/lines/{line_id}/meters: hang meters on a line (新增电表)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.row_ids import RowId
from backend.services.site_meters import Added, NewMeter, add_meters


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    meters: Annotated[list[NewMeter], Meta(min_length=1, max_length=247)]  # All of them, or none.


@post("/api/v1/staff/lines/{line_id}/meters", permission="staff.site.build")
async def handle(ctx: Context, line_id: RowId, body: Body) -> Reply[list[Added]]:
    """Add meters; a retired one of the same serial begins again. Errors: NotFound, MeterExists, Invalid."""
    return created(await add_meters(ctx, line_id, body.meters))
