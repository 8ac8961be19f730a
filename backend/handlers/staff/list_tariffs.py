"""GET /api/v1/staff/tariffs: the site's tariffs (电价方案)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.tariff_lists import TariffLine, list_tariffs


@get("/api/v1/staff/tariffs", permission="staff.tariff.view")
async def handle(ctx: Context) -> Reply[list[TariffLine]]:
    """Return each with what is in force now and how many drafts wait."""
    return ok(await list_tariffs(ctx))
