"""GET /api/v1/staff/power-watches: shops over their power limit, or off for it (超限)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.power_limits import PowerWatchView, list_watches


@get("/api/v1/staff/power-watches", permission="staff.board")
async def handle(ctx: Context) -> Reply[list[PowerWatchView]]:
    """Return each with its state and what comes next, the newest change first."""
    return ok(await list_watches(ctx))
