"""POST /api/v1/staff/exports/{export_id}/retry: make a file that failed (重新导出)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.exports import ExportView, retry_export
from backend.services.row_ids import RowId


@post("/api/v1/staff/exports/{export_id}/retry", permission="staff.report.export")
async def handle(ctx: Context, export_id: RowId) -> Reply[ExportView]:
    """Try again what failed, was stopped or has expired. Errors: NotFound, ExportFixed, Forbidden."""
    return ok(await retry_export(ctx, export_id))
