"""GET /api/v1/staff/accounts/{account_id}/opening: what the printed sheet says (开户单)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_opening import OpeningSheet, show_sheet


@get("/api/v1/staff/accounts/{account_id}/opening", permission="staff.account.open")
async def handle(ctx: Context, account_id: RowId) -> Reply[OpeningSheet]:
    """Return how an account began, with the door code of its shop. Errors: NotFound."""
    return ok(await show_sheet(ctx, account_id))
