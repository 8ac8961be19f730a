"""GET /api/v1/staff/home: what needs the caller today (工作台)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.workbench import Workbench, show_workbench


@get("/api/v1/staff/home", permission="staff")
async def handle(ctx: Context) -> Reply[Workbench]:
    """Return tiles, shops running out, today's curve, shafts and the caller's last actions, by right."""
    return ok(await show_workbench(ctx))
