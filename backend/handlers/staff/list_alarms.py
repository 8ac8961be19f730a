"""GET /api/v1/staff/alarms: what is wrong now (告警)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_lists import AlarmView, list_alarms


@get("/api/v1/staff/alarms", permission="staff.board")
async def handle(ctx: Context) -> Reply[list[AlarmView]]:
    """Return standing alarms, newest first."""
    return ok(await list_alarms(ctx))
