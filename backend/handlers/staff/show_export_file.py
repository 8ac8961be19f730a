"""GET /api/v1/staff/exports/{export_id}/file: a finished file (下载导出文件)."""

from urllib.parse import quote

from backend.context import Context
from backend.routing import Raw, get
from backend.services.exports import export_file
from backend.services.row_ids import RowId

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@get("/api/v1/staff/exports/{export_id}/file", permission="staff.report.export")
async def handle(ctx: Context, export_id: RowId) -> Raw:
    """Give it to whoever asked for it or may see the same report. Errors: NotFound, Forbidden, ExportGone."""
    name, content = await export_file(ctx, export_id)
    told = f"attachment; filename=\"report.xlsx\"; filename*=UTF-8''{quote(name)}"
    return Raw(content, _XLSX, headers=(("Content-Disposition", told), ("Cache-Control", "no-store")))
