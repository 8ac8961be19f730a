"""GET /api/v1/staff/files/meters/{meter_id}: one meter's page (电表档案页)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.meter_file import MeterFileDetail, show_meter_file
from backend.services.row_ids import RowId


@get("/api/v1/staff/files/meters/{meter_id}", permission="staff.meter.view")
async def handle(ctx: Context, meter_id: RowId) -> Reply[MeterFileDetail]:
    """Return how a meter is reached, what it shows and what became of it; retired, too. Errors: NotFound."""
    return ok(await show_meter_file(ctx, meter_id))
