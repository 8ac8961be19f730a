"""GET /api/v1/staff/opening-choices: vacant shops, free meters, tariffs (开户可选项)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_opening import OpeningChoices, show_choices


@get("/api/v1/staff/opening-choices", permission="staff.account.open")
async def handle(ctx: Context) -> Reply[OpeningChoices]:
    """Return what the opening of an account can pick from."""
    return ok(await show_choices(ctx))
