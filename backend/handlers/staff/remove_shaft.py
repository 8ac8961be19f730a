"""POST /api/v1/staff/shafts/{shaft_id}/removals: take an empty shaft out (拆除强电井)."""

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.site_build import Why, remove_shaft


@post("/api/v1/staff/shafts/{shaft_id}/removals", permission="staff.site.build")
async def handle(ctx: Context, shaft_id: RowId, body: Why) -> Reply[None]:
    """Remove a shaft that has no gateway any more. Errors: NotFound, NotEmpty."""
    await remove_shaft(ctx, shaft_id, body.reason)
    return no_content()
