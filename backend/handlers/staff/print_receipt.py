"""POST /api/v1/staff/receipts/{entry_id}/prints: print a receipt, counted (打印、补打收据)."""

from uuid import UUID

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.print_receipts import print_receipt
from backend.services.row_ids import RowId
from backend.services.show_receipts import ReceiptView


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    request_id: UUID  # Made when somebody presses "print" and kept for its retries.


@post("/api/v1/staff/receipts/{entry_id}/prints", permission="staff.account.view", idempotent="request_id")
async def handle(ctx: Context, entry_id: RowId, body: Body) -> Reply[ReceiptView]:
    """Count the print. The original is for whoever took the money; a reprint takes a right of its own.

    Errors: NotFound, Forbidden.
    """
    return ok(await print_receipt(ctx, entry_id, str(body.request_id)))
