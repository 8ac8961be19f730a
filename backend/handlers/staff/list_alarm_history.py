"""GET /api/v1/staff/alarm-history: what was wrong, and for how long (告警历史)."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_alarms import AlarmPage, list_history

Instant = Annotated[datetime, Meta(tz=True)]


@get("/api/v1/staff/alarm-history", permission="staff.board")
async def handle(
    ctx: Context,
    from_at: Instant | None = None,
    to_at: Instant | None = None,
    meter_id: RowId | None = None,
    kind: Annotated[str, Meta(max_length=32)] | None = None,
    severity: Literal["urgent", "major", "minor"] | None = None,
    shaft: Annotated[str, Meta(max_length=32)] | None = None,
    before: RowId | None = None,
    limit: Annotated[int, Meta(ge=1, le=500)] = 100,
) -> Reply[AlarmPage]:
    """Return alarms raised in [from_at, to_at), newest first; `before` is the last page's `next_before`."""
    return ok(
        await list_history(
            ctx,
            from_at=from_at,
            to_at=to_at,
            meter_id=meter_id,
            kind=kind,
            severity=severity,
            shaft=shaft,
            before=before,
            limit=limit,
        )
    )
