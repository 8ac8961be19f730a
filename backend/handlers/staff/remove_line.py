"""POST /api/v1/staff/lines/{line_id}/removals: take an empty line out (拆除总线)."""

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.site_build import Why, remove_line


@post("/api/v1/staff/lines/{line_id}/removals", permission="staff.site.build")
async def handle(ctx: Context, line_id: RowId, body: Why) -> Reply[None]:
    """Remove a line that has no meter any more. Errors: NotFound, NotEmpty."""
    await remove_line(ctx, line_id, body.reason)
    return no_content()
