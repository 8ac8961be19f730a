"""POST /api/v1/staff/meter-retirements: take meters out (停用电表)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.site_meters import retire_meters


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    meter_ids: Annotated[list[str], Meta(min_length=1, max_length=247)]  # All of them, or none.
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/meter-retirements", permission="staff.site.build")
async def handle(ctx: Context, body: Body) -> Reply[None]:
    """Retire meters that count for nobody; their history stays. Errors: NotFound, MeterInUse."""
    await retire_meters(ctx, body.meter_ids, body.reason)
    return no_content()
