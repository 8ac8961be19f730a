"""GET /api/v1/staff/power-limits: what every shop may draw, and how it stands (功率限值)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.power_limit_list import PowerLimitLine, list_power_limits


@get("/api/v1/staff/power-limits", permission="staff.policy.view")
async def handle(ctx: Context) -> Reply[list[PowerLimitLine]]:
    """Return shops with their limits, the times that count, and the newest power of each meter."""
    return ok(await list_power_limits(ctx))
