"""GET /api/v1/staff/accounts/{account_id}/statement: a shop's statement for some days (对账单)."""

from datetime import date

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.statement import Statement, show_statement


@get("/api/v1/staff/accounts/{account_id}/statement", permission="staff.account.view")
async def handle(ctx: Context, account_id: RowId, from_: date, to: date) -> Reply[Statement]:
    """Return opening, top-ups, charges by day, corrections and closing, with the ledger's own check.

    from, to: local days of booking, both included. Errors: NotFound, Invalid.
    """
    return ok(await show_statement(ctx, account_id, from_, to))
