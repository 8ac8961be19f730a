"""POST /api/v1/staff/commands/{order_id}/retries: send a stuck order again (重新下发)."""

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.steer_commands import retry_command


@post("/api/v1/staff/commands/{order_id}/retries", permission="staff.restore")
async def handle(ctx: Context, order_id: RowId) -> Reply[None]:
    """Give a stuck order a new generation; for a trip it takes the right to trip as well.

    Errors: NotFound, Forbidden, NothingToRetry.
    """
    await retry_command(ctx, order_id)
    return no_content()
