"""GET /api/v1/staff/top-ups/{top_up_id}: follow money from the till to the meter (收款进度)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.follow_counter import CounterTrack, follow_counter
from backend.services.row_ids import RowId


@get("/api/v1/staff/top-ups/{top_up_id}", permission="staff.top_up")
async def handle(ctx: Context, top_up_id: RowId) -> Reply[CounterTrack]:
    """Return how far a top-up has come: 入账, 下发, 采集服务, 电表应答, 回读确认. Errors: NotFound."""
    return ok(await follow_counter(ctx, top_up_id))
