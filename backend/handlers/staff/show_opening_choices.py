"""GET /api/v1/staff/opening-choices: vacant shops, free meters, tariffs (开户可选项)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_opening import Choices, show_choices


@get("/api/v1/staff/opening-choices", permission="staff.account.open")
async def handle(ctx: Context) -> Reply[Choices]:
    """Return what the opening of an account can pick from."""
    return ok(await show_choices(ctx))
