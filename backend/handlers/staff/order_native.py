"""POST /api/v1/staff/accounts/{account_id}/native-orders: a code for the customer to scan (扫码收款)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.native_orders import NativeOrder, Scan, order_native
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    amount_fen: int
    payer: Annotated[str, Meta(max_length=32)] = ""
    note: Annotated[str, Meta(max_length=100)] = ""
    request_id: UUID  # Made when the form opens and kept for its retries.


@post("/api/v1/staff/accounts/{account_id}/native-orders", permission="staff.top_up", idempotent="request_id")
async def handle(ctx: Context, account_id: RowId, body: Body) -> Reply[NativeOrder]:
    """Create the order, or return the first one of this request.

    Errors: NotFound, AccountClosed, AmountOutOfRange, HoardLimit, PracticeHasNoCode, RequestReused,
    ChannelUnsure, ChannelRefused.
    """
    scan = Scan(
        amount_fen=body.amount_fen,
        payer=body.payer.strip(),
        note=body.note.strip(),
        request_id=str(body.request_id),
    )
    return created(await order_native(ctx, account_id, scan))
