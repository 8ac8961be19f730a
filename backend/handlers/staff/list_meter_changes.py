"""GET /api/v1/staff/meter-changes: meters changed and asked to be changed (换表记录)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.meter_changes import ChangeView, list_changes


@get("/api/v1/staff/meter-changes", permission="staff.meter.view")
async def handle(ctx: Context) -> Reply[list[ChangeView]]:
    """Return the newest 200 changes with both registers."""
    return ok(await list_changes(ctx))
