"""GET /api/v1/staff/lines/{line_id}/reads: what became of a line's test read (总线试抄结果)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.line_reads import LineRead, show_line_reads
from backend.services.row_ids import RowId


@get("/api/v1/staff/lines/{line_id}/reads", permission="staff.read_now")
async def handle(ctx: Context, line_id: RowId) -> Reply[list[LineRead]]:
    """Return each meter with what became of its newest request. Errors: NotFound."""
    return ok(await show_line_reads(ctx, line_id))
