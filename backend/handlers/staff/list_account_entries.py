"""GET /api/v1/staff/accounts/{account_id}/entries: a shop's top-ups and charges (充值与扣费流水)."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_entries import FlowPage, list_entries

Kind = Literal["TOP_UP", "ENERGY", "REVERSAL", "REFUND", "OPENING"]


@get("/api/v1/staff/accounts/{account_id}/entries", permission="staff.account.view")
async def handle(
    ctx: Context,
    account_id: RowId,
    kind: Kind | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
    before: Annotated[int, Meta(ge=1)] | None = None,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
) -> Reply[FlowPage]:
    """Return entries newest first, each with the balance after it; `before` is the last page's `next_before`.

    Errors: NotFound.
    """
    page = await list_entries(
        ctx, account_id, kind=kind, from_on=from_on, to_on=to_on, before=before, limit=limit
    )
    return ok(page)
