"""POST /api/v1/tenant/accounts/{account_id}/top-ups: begin a top-up (交电费)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.begin_top_up import TopUpView, begin_top_up
from backend.services.row_ids import RowId
from common.units import Fen


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    amount_fen: Annotated[int, Meta(gt=0, le=100_000_000)]
    request_id: Annotated[str, Meta(min_length=8, max_length=64)]  # Made by the phone, kept for its retries.


@post("/api/v1/tenant/accounts/{account_id}/top-ups", permission="tenant.top_up", idempotent="request_id")
async def handle(ctx: Context, account_id: RowId, body: Body) -> Reply[TopUpView]:
    """Create the order and return what the phone needs to pay it.

    Errors: NotFound, AmountOutOfRange, HoardLimit, RequestReused, ChannelUnsure, ChannelRefused.
    """
    return created(await begin_top_up(ctx, account_id, Fen(body.amount_fen), body.request_id))
