"""GET /api/v1/staff/wiring-health: how the lines are (总线健康)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.wiring_health import LineFigures, show_wiring_health


@get("/api/v1/staff/wiring-health", permission="staff.site.view")
async def handle(ctx: Context) -> Reply[list[LineFigures]]:
    """Return each line's state with what its collector counts."""
    return ok(await show_wiring_health(ctx))
