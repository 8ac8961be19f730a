"""GET /api/v1/staff/accounts/{account_id}/usage: use by hour, day or month (用电曲线)."""

from datetime import date
from typing import Literal

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_usage import ShopUsage, show_usage


@get("/api/v1/staff/accounts/{account_id}/usage", permission="staff.account.view")
async def handle(
    ctx: Context,
    account_id: RowId,
    first_on: date,
    last_on: date,
    by: Literal["hour", "day", "month"] = "day",
) -> Reply[ShopUsage]:
    """Return the use of local days, both included, and of the period before. Errors: NotFound, Invalid."""
    return ok(await show_usage(ctx, account_id, first_on, last_on, by))
