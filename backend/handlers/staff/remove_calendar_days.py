"""POST /api/v1/staff/calendar/removals: take days of the site's own back (撤销自定日期)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.show_calendar import remove_days


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    first_on: date
    last_on: date
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    request_id: UUID


@post("/api/v1/staff/calendar/removals", permission="staff.policy.change", idempotent="request_id")
async def handle(ctx: Context, body: Body) -> Reply[None]:
    """Let the official notice hold for these days again. Errors: Invalid (with the field)."""
    await remove_days(ctx, body.first_on, body.last_on, body.reason, body.request_id)
    return no_content()
