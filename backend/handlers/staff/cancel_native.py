"""POST /api/v1/staff/top-ups/{top_up_id}/cancellations: close a code that nobody has paid (取消扫码)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.native_orders import NativeOrder, cancel_native
from backend.services.row_ids import RowId


@post("/api/v1/staff/top-ups/{top_up_id}/cancellations", permission="staff.top_up")
async def handle(ctx: Context, top_up_id: RowId) -> Reply[NativeOrder]:
    """Close it at the channel; when the customer was faster its state is "booked".

    Errors: NotFound, ChannelUnsure, ChannelRefused.
    """
    return ok(await cancel_native(ctx, top_up_id))
