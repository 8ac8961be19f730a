"""GET /api/v1/staff/profiles: which meter models can be read (可用表型)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.meter_models import ModelView, list_models


@get("/api/v1/staff/profiles", permission="staff.site.view")
async def handle(ctx: Context) -> Reply[list[ModelView]]:
    """Return what the site's collectors report; empty before any has."""
    return ok(await list_models(ctx.caller.site_id) or [])
