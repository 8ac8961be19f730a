"""POST /api/v1/staff/calendar/days: days of the site's own (自定日期)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.show_calendar import set_days


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """off: True a holiday, False a workday, None only a day on which nobody is cut off."""

    first_on: date
    last_on: date
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    off: bool | None
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    request_id: UUID


@post("/api/v1/staff/calendar/days", permission="staff.policy.change", idempotent="request_id")
async def handle(ctx: Context, body: Body) -> Reply[None]:
    """Enter days from today on; they go before the official notice. Errors: Invalid (with the field)."""
    await set_days(ctx, body.first_on, body.last_on, body.name, body.off, body.reason, body.request_id)
    return no_content()
