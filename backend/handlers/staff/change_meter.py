"""PUT /api/v1/staff/meters/{meter_id}: hang a meter elsewhere, or read it otherwise (改挂电表)."""

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.row_ids import RowId
from backend.services.site_meters import ChangedMeter, change_meter


@put("/api/v1/staff/meters/{meter_id}", permission="staff.site.build")
async def handle(ctx: Context, meter_id: RowId, body: ChangedMeter) -> Reply[None]:
    """Make a meter as the body says, its ratio apart. Errors: NotFound, MeterInUse, Invalid."""
    await change_meter(ctx, meter_id, body)
    return no_content()
