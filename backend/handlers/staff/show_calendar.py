"""GET /api/v1/staff/calendar: holidays, make-up workdays and the site's own days of a year (节假日)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_calendar import CalendarView, show_calendar


@get("/api/v1/staff/calendar", permission="staff.policy.view")
async def handle(ctx: Context, year: Annotated[int, Meta(ge=2020, le=2100)]) -> Reply[CalendarView]:
    """Return every day with what it is and who says so; a year that is not announced says that."""
    return ok(await show_calendar(ctx, year))
