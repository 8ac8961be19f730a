"""POST /api/v1/staff/alarm-acknowledgements: several alarms at once (批量确认告警)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.handle_alarms import Acknowledged, acknowledge_many


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    alarm_ids: Annotated[list[str], Meta(min_length=1, max_length=200)]
    note: Annotated[str, Meta(max_length=200)] = ""


@post("/api/v1/staff/alarm-acknowledgements", permission="staff.alarm.handle")
async def handle(ctx: Context, body: Body) -> Reply[Acknowledged]:
    """Acknowledge what still stands; what has ended meanwhile is counted. Errors: NotFound (any of them)."""
    return ok(await acknowledge_many(ctx, body.alarm_ids, body.note))
