"""POST /api/v1/staff/alarms/{alarm_id}/assignments: who sees to it (指派告警)."""

from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound
from backend.routing import Reply, no_content, post
from backend.services.handle_alarms import assign
from backend.services.row_ids import RowId, id_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    staff_id: str


@post("/api/v1/staff/alarms/{alarm_id}/assignments", permission="staff.alarm.handle")
async def handle(ctx: Context, alarm_id: RowId, body: Body) -> Reply[None]:
    """Give a standing alarm to a member of the staff. Errors: NotFound, AlarmIsOver."""
    staff_id = id_of(body.staff_id)
    if staff_id is None:
        raise NotFound()
    await assign(ctx, alarm_id, staff_id)
    return no_content()
