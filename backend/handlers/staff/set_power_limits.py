"""PUT /api/v1/staff/power-limits: the same limits for several shops (批量设置功率限值)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.errors import NotFound
from backend.handlers.staff.set_power_limit import Watts
from backend.routing import Reply, no_content, put
from backend.services.power_limits import Limits, set_many_limits
from backend.services.row_ids import id_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """As for one shop; all of the shops get all of it."""

    account_ids: Annotated[list[str], Meta(min_length=1, max_length=500)]
    power_limit_w: Watts | None
    night_limit_w: Watts | None
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    tell_s: Annotated[int, Meta(ge=5, le=3_600)] | None = None
    trip_s: Annotated[int, Meta(ge=10, le=7_200)] | None = None
    restore_s: Annotated[int, Meta(ge=30, le=86_400)] | None = None
    retries: Annotated[int, Meta(ge=0, le=10)] | None = None


@put("/api/v1/staff/power-limits", permission="staff.power_limit")
async def handle(ctx: Context, body: Body) -> Reply[None]:
    """Set limits for all of the shops or for none. Errors: NotFound, NoGrace."""
    ids = [id_of(text) for text in body.account_ids]
    known = [number for number in ids if number is not None]
    if len(known) != len(ids):
        raise NotFound()
    limits = Limits(
        power_limit_w=body.power_limit_w,
        night_limit_w=body.night_limit_w,
        tell_s=body.tell_s,
        trip_s=body.trip_s,
        restore_s=body.restore_s,
        retries=body.retries,
    )
    await set_many_limits(ctx, known, limits, body.reason)
    return no_content()
