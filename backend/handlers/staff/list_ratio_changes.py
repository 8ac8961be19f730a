"""GET /api/v1/staff/ratio-changes: asked for, approved, in force (变比更改记录)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.ratio_changes import RatioChangeView, list_ratio_changes


@get("/api/v1/staff/ratio-changes", permission="staff.site.view")
async def handle(ctx: Context) -> Reply[list[RatioChangeView]]:
    """Return the newest changes first."""
    return ok(await list_ratio_changes(ctx))
