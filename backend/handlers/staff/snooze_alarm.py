"""POST /api/v1/staff/alarms/{alarm_id}/snoozes: let it be quiet for a time (告警静音)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.handle_alarms import snooze
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    until_at: Annotated[datetime, Meta(tz=True)]
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/alarms/{alarm_id}/snoozes", permission="staff.alarm.handle")
async def handle(ctx: Context, alarm_id: RowId, body: Body) -> Reply[None]:
    """Snooze a standing alarm for at most 7 days. Errors: NotFound, AlarmIsOver, WrongSnooze."""
    await snooze(ctx, alarm_id, body.until_at, body.reason)
    return no_content()
