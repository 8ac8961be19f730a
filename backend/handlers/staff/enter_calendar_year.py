"""POST /api/v1/staff/calendar/years: a year's notice is entered in full, or no longer (年度放假安排)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.show_calendar import enter_year


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    year: Annotated[int, Meta(ge=2020, le=2100)]
    entered: bool
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    request_id: UUID


@post("/api/v1/staff/calendar/years", permission="staff.policy.change", idempotent="request_id")
async def handle(ctx: Context, body: Body) -> Reply[None]:
    """Let the year's other weekdays count as workdays. Errors: Invalid (nothing is entered yet)."""
    await enter_year(ctx, body.year, body.entered, body.reason, body.request_id)
    return no_content()
