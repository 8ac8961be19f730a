"""GET /api/v1/staff/meters/{meter_id}: one meter in detail (表详情)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_meter import MeterDetail, show_meter


@get("/api/v1/staff/meters/{meter_id}", permission="staff.meter.view")
async def handle(ctx: Context, meter_id: RowId) -> Reply[MeterDetail]:
    """Return registers, electrical values, the newest readings and orders. Errors: NotFound."""
    return ok(await show_meter(ctx, meter_id))
