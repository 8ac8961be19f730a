"""PUT /api/v1/staff/shafts/{shaft_id}: change a shaft while it runs (修改强电井)."""

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.row_ids import RowId
from backend.services.site_build import ShaftBody, put_shaft


@put("/api/v1/staff/shafts/{shaft_id}", permission="staff.site.build")
async def handle(ctx: Context, shaft_id: RowId, body: ShaftBody) -> Reply[None]:
    """Make a shaft as the body says. Errors: NotFound, CodeTaken."""
    await put_shaft(ctx, body, shaft_id)
    return no_content()
