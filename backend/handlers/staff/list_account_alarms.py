"""GET /api/v1/staff/accounts/{account_id}/alarms: alarms about a shop, standing or not (告警)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_log import list_shop_alarms
from backend.services.show_alarms import AlarmPage


@get("/api/v1/staff/accounts/{account_id}/alarms", permission="staff.board")
async def handle(
    ctx: Context,
    account_id: RowId,
    before: RowId | None = None,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
) -> Reply[AlarmPage]:
    """Return them newest first; `before` is the last page's `next_before`. Errors: NotFound."""
    return ok(await list_shop_alarms(ctx, account_id, before, limit))
