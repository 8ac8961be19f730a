"""POST /api/v1/staff/receipts/{entry_id}/reversals: ask for a top-up to be undone (申请冲正)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.reversals import ReversalAsked, ask_reversal
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/receipts/{entry_id}/reversals", permission="staff.reversal.ask")
async def handle(ctx: Context, entry_id: RowId, body: Body) -> Reply[ReversalAsked]:
    """Ask; another person approves.

    Errors: NotFound, PaidByWechat, AlreadyReversed, AlreadyRefunded, AlreadyAsked, ReversalOfClosed.
    """
    return created(await ask_reversal(ctx, entry_id, body.reason))
