"""GET /api/v1/staff/commands: relay orders and how they went (指令中心)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_commands import CommandPage, CommandQuery, Shown, list_commands
from common.wire import Relay

Instant = Annotated[datetime, Meta(tz=True)]


@get("/api/v1/staff/commands", permission="staff.command.view")
async def handle(
    ctx: Context,
    meter_id: RowId | None = None,
    shown: Shown | None = None,
    relay: Relay | None = None,
    by: Annotated[str, Meta(max_length=20)] | None = None,
    shop: Annotated[str, Meta(max_length=64)] | None = None,
    from_at: Instant | None = None,
    to_at: Instant | None = None,
    before: RowId | None = None,
    limit: Annotated[int, Meta(ge=1, le=500)] = 50,
) -> Reply[CommandPage]:
    """Return the newest orders first; `before` is the last page's `next_before`."""
    query = CommandQuery(
        meter_id=meter_id,
        shown=shown,
        relay=relay,
        by=by,
        shop=shop,
        from_at=from_at,
        to_at=to_at,
        before=before,
        limit=limit,
    )
    return ok(await list_commands(ctx, query))
