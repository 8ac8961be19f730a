"""GET /api/v1/staff/policy: the site's rules of warning and tripping (预警与断电策略)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.change_policy import PolicyView, show_policy


@get("/api/v1/staff/policy", permission="staff.policy.view")
async def handle(ctx: Context) -> Reply[PolicyView]:
    """Return the values, shops with terms of their own, and the last 50 changes."""
    return ok(await show_policy(ctx))
