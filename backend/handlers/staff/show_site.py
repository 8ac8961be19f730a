"""GET /api/v1/staff/site: what hangs where (站点档案)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_site import WiredShaft, show_site


@get("/api/v1/staff/site", permission="staff.site.view")
async def handle(ctx: Context) -> Reply[list[WiredShaft]]:
    """Return shafts, gateways, lines and meters by code; no password is in it."""
    return ok(await show_site(ctx))
