"""GET /api/v1/staff/commands: relay orders and how they went (指令跟踪)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_meter import Command, list_commands


@get("/api/v1/staff/commands", permission="staff.command.view")
async def handle(
    ctx: Context, meter_id: RowId | None = None, limit: Annotated[int, Meta(ge=1, le=500)] = 100
) -> Reply[list[Command]]:
    """Return the newest orders first, of one meter or of the site."""
    return ok(await list_commands(ctx, meter_id, limit))
