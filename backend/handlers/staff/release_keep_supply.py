"""DELETE /api/v1/staff/keep-supplies/{keep_supply_id}: end keep-supply before its time (保电解除)."""

from backend.context import Context
from backend.routing import Reply, delete, no_content
from backend.services.keep_supply import release_keep_supply
from backend.services.row_ids import RowId


@delete("/api/v1/staff/keep-supplies/{keep_supply_id}", permission="staff.keep_supply.approve")
async def handle(ctx: Context, keep_supply_id: RowId) -> Reply[None]:
    """End it; the rules of an arrears trip then hold again. Errors: NotFound."""
    await release_keep_supply(ctx, keep_supply_id)
    return no_content()
