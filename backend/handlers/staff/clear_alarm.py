"""POST /api/v1/staff/alarms/{alarm_id}/clearances: a person's word that it is over (关闭告警)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.handle_alarms import clear
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/alarms/{alarm_id}/clearances", permission="staff.alarm.handle")
async def handle(ctx: Context, alarm_id: RowId, body: Body) -> Reply[None]:
    """End an alarm of a kind that no fact ends. Errors: NotFound, AlarmIsOver, EndsByItself."""
    await clear(ctx, alarm_id, body.reason)
    return no_content()
