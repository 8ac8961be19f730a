"""POST /api/v1/staff/exports/{export_id}/cancellation: stop an export (取消导出)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.exports import ExportView, cancel_export
from backend.services.row_ids import RowId


@post("/api/v1/staff/exports/{export_id}/cancellation", permission="staff.report.export")
async def handle(ctx: Context, export_id: RowId) -> Reply[ExportView]:
    """Stop what waits or runs. Errors: NotFound, ExportFixed."""
    return ok(await cancel_export(ctx, export_id))
