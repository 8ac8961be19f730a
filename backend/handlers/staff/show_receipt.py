"""GET /api/v1/staff/receipts/{entry_id}: one receipt, printed or not (收据)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_receipts import ReceiptView, show_receipt


@get("/api/v1/staff/receipts/{entry_id}", permission="staff.account.view")
async def handle(ctx: Context, entry_id: RowId) -> Reply[ReceiptView]:
    """Return all that stands on the paper of a top-up. Errors: NotFound."""
    return ok(await show_receipt(ctx, entry_id))
