"""POST /api/v1/staff/alarms/{alarm_id}/acknowledgements: somebody has seen it (确认告警)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.handle_alarms import acknowledge
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    note: Annotated[str, Meta(max_length=200)] = ""


@post("/api/v1/staff/alarms/{alarm_id}/acknowledgements", permission="staff.alarm.handle")
async def handle(ctx: Context, alarm_id: RowId, body: Body) -> Reply[None]:
    """Acknowledge a standing alarm; again is harmless. Errors: NotFound, AlarmIsOver."""
    await acknowledge(ctx, alarm_id, body.note)
    return no_content()
