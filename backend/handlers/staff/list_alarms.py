"""GET /api/v1/staff/alarms: what is wrong now (告警)."""

from typing import Annotated, Literal

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_alarms import AlarmView, list_alarms


@get("/api/v1/staff/alarms", permission="staff.board")
async def handle(
    ctx: Context,
    kind: Annotated[str, Meta(max_length=32)] | None = None,
    severity: Literal["urgent", "major", "minor"] | None = None,
    shaft: Annotated[str, Meta(max_length=32)] | None = None,
    mine: bool = False,
    unacknowledged: bool = False,
) -> Reply[list[AlarmView]]:
    """Return the roots that stand with what they explain, the worst first.

    shaft: its code. mine: assigned to the caller.
    """
    return ok(
        await list_alarms(
            ctx, kind=kind, severity=severity, shaft=shaft, mine=mine, unacknowledged=unacknowledged
        )
    )
