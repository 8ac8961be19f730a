"""GET /api/v1/staff/reads/{read_request_id}: what became of a reading asked for (立即抄表结果)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_meter import ReadView, show_read


@get("/api/v1/staff/reads/{read_request_id}", permission="staff.read_now")
async def handle(ctx: Context, read_request_id: RowId) -> Reply[ReadView]:
    """Return whether it was answered, waits or expired. Errors: NotFound."""
    return ok(await show_read(ctx, read_request_id))
