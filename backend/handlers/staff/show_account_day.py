"""GET /api/v1/staff/accounts/{account_id}/days/{on}: what one day's charge rests on (争议核对)."""

from datetime import date

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_day import ShopDay, show_day


@get("/api/v1/staff/accounts/{account_id}/days/{on}", permission="staff.account.view")
async def handle(ctx: Context, account_id: RowId, on: date) -> Reply[ShopDay]:
    """Return registers, periods, price parts, formula and corrections of a charge day. Errors: NotFound."""
    return ok(await show_day(ctx, account_id, on))
