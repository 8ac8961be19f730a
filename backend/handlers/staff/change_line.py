"""PUT /api/v1/staff/lines/{line_id}: change a line while it runs (修改总线)."""

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.row_ids import RowId
from backend.services.site_build import LineBody, put_line


@put("/api/v1/staff/lines/{line_id}", permission="staff.site.build")
async def handle(ctx: Context, line_id: RowId, body: LineBody) -> Reply[None]:
    """Make a line as the body says. Its meters go along. Errors: NotFound, CodeTaken, Invalid."""
    await put_line(ctx, body, line_id)
    return no_content()
