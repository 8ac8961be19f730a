"""PUT /api/v1/staff/accounts/{account_id}/power-limit: what a shop may draw (功率限值)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.power_limits import Limits, set_limits
from backend.services.row_ids import RowId

Watts = Annotated[int, Meta(gt=0, le=10_000_000)]


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """power_limit_w and night_limit_w: None is no limit. The rest: None is as the site's policy says."""

    power_limit_w: Watts | None
    night_limit_w: Watts | None
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    tell_s: Annotated[int, Meta(ge=5, le=3_600)] | None = None
    trip_s: Annotated[int, Meta(ge=10, le=7_200)] | None = None
    restore_s: Annotated[int, Meta(ge=30, le=86_400)] | None = None
    retries: Annotated[int, Meta(ge=0, le=10)] | None = None


@put("/api/v1/staff/accounts/{account_id}/power-limit", permission="staff.power_limit")
async def handle(ctx: Context, account_id: RowId, body: Body) -> Reply[None]:
    """Set a shop's limits and where it differs from the site's times. Errors: NotFound, NoGrace."""
    limits = Limits(
        power_limit_w=body.power_limit_w,
        night_limit_w=body.night_limit_w,
        tell_s=body.tell_s,
        trip_s=body.trip_s,
        restore_s=body.restore_s,
        retries=body.retries,
    )
    await set_limits(ctx, account_id, limits, body.reason)
    return no_content()
