"""GET /api/v1/staff/accounts/{account_id}/messages: what a shop was told (发送记录)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_log import MessagePage, list_messages


@get("/api/v1/staff/accounts/{account_id}/messages", permission="staff.account.view")
async def handle(
    ctx: Context,
    account_id: RowId,
    before: RowId | None = None,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
) -> Reply[MessagePage]:
    """Return them newest first; `before` is the last page's `next_before`. Errors: NotFound."""
    return ok(await list_messages(ctx, account_id, before, limit))
