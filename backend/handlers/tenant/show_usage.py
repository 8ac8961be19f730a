"""GET /api/v1/tenant/accounts/{account_id}/usage: usage by day or month (用电量)."""

from datetime import date
from typing import Literal

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.bindings import account_for
from backend.services.row_ids import RowId
from backend.services.show_usage import Usage, usage_of


@get("/api/v1/tenant/accounts/{account_id}/usage", permission="tenant.view")
async def handle(
    ctx: Context, account_id: RowId, first_on: date, last_on: date, by: Literal["day", "month"] = "day"
) -> Reply[list[Usage]]:
    """Return usage from first_on to last_on, local days. Errors: NotFound, Invalid."""
    account = await account_for(ctx, account_id)
    return ok(await usage_of(account.id, first_on, last_on, by))
