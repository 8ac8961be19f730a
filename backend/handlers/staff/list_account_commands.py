"""GET /api/v1/staff/accounts/{account_id}/commands: relay orders to a shop's meters (指令记录)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_log import list_shop_commands
from backend.services.show_commands import CommandPage


@get("/api/v1/staff/accounts/{account_id}/commands", permission="staff.command.view")
async def handle(
    ctx: Context,
    account_id: RowId,
    before: RowId | None = None,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
) -> Reply[CommandPage]:
    """Return them newest first; `before` is the last page's `next_before`. Errors: NotFound."""
    return ok(await list_shop_commands(ctx, account_id, before, limit))
