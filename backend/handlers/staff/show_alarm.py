"""GET /api/v1/staff/alarms/{alarm_id}: one alarm, what it explains and how it went (告警详情)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_alarms import AlarmDetail, show_alarm


@get("/api/v1/staff/alarms/{alarm_id}", permission="staff.board")
async def handle(ctx: Context, alarm_id: RowId) -> Reply[AlarmDetail]:
    """Return an alarm that stands or stood. Errors: NotFound."""
    return ok(await show_alarm(ctx, alarm_id))
