"""GET /api/v1/staff/accounts/{account_id}: one shop's account at a glance (商铺详情)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_head import AccountDetail, show_account


@get("/api/v1/staff/accounts/{account_id}", permission="staff.account.view")
async def handle(ctx: Context, account_id: RowId) -> Reply[AccountDetail]:
    """Return balances, limits, meters and, if the caller may see them, people. Errors: NotFound."""
    return ok(await show_account(ctx, account_id))
