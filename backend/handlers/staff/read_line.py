"""POST /api/v1/staff/lines/{line_id}/reads: read all meters of a line now (总线试抄)."""

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.line_reads import LineRead, read_line
from backend.services.row_ids import RowId


@post("/api/v1/staff/lines/{line_id}/reads", permission="staff.read_now", audit=False)
async def handle(ctx: Context, line_id: RowId) -> Reply[list[LineRead]]:
    """Ask the collector for a reading of each meter. Errors: NotFound, NothingToRead."""
    return created(await read_line(ctx, line_id))
