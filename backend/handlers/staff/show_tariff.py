"""GET /api/v1/staff/tariffs/{tariff_id}: a tariff with its versions and drafts (电价版本)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.tariff_lists import TariffView, show_tariff


@get("/api/v1/staff/tariffs/{tariff_id}", permission="staff.tariff.view")
async def handle(ctx: Context, tariff_id: RowId) -> Reply[TariffView]:
    """Return past, present and future versions, and whether they were used. Errors: NotFound."""
    return ok(await show_tariff(ctx, tariff_id))
