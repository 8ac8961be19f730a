"""POST /api/v1/staff/accounts/{account_id}/counter-top-ups: take money at the counter (售电收款)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.counter_top_up import CounterTopUp, Method, Payment, top_up_at_counter
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    amount_fen: int
    method: Method
    received_fen: int | None = None  # Of cash: the change is what it is more than the amount.
    payer: Annotated[str, Meta(max_length=32)] = ""
    note: Annotated[str, Meta(max_length=100)] = ""
    reference: Annotated[str, Meta(max_length=64)] = ""  # Of a transfer or a card slip.
    request_id: UUID  # Made when the form opens and kept for its retries.


@post(
    "/api/v1/staff/accounts/{account_id}/counter-top-ups", permission="staff.top_up", idempotent="request_id"
)
async def handle(ctx: Context, account_id: RowId, body: Body) -> Reply[CounterTopUp]:
    """Book it once and order the power back on; the same request again returns the first answer.

    Errors: NotFound, AccountClosed, Invalid, AmountOutOfRange, HoardLimit, RequestReused.
    """
    payment = Payment(
        amount_fen=body.amount_fen,
        method=body.method,
        received_fen=body.received_fen,
        payer=body.payer.strip(),
        note=body.note.strip(),
        reference=body.reference.strip(),
        request_id=str(body.request_id),
    )
    return created(await top_up_at_counter(ctx, account_id, payment))
