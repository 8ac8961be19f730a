"""GET /api/v1/staff/first-steps: what the caller does first, and what of it is done (上手清单)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.first_steps import FirstSteps, show_first_steps


@get("/api/v1/staff/first-steps", permission="staff")
async def handle(ctx: Context) -> Reply[FirstSteps]:
    """Return the caller's steps by their rights; none for rights that no list is for."""
    return ok(await show_first_steps(ctx))
