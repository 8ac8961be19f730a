"""GET /api/v1/staff/counter/accounts/{account_id}: a shop as the cashier sees it (柜台卡片)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.counter_card import CounterCard, show_card
from backend.services.row_ids import RowId


@get("/api/v1/staff/counter/accounts/{account_id}", permission="staff.top_up")
async def handle(ctx: Context, account_id: RowId) -> Reply[CounterCard]:
    """Return balances, days, debts, limits and recent top-ups of one account. Errors: NotFound."""
    return ok(await show_card(ctx, account_id))
