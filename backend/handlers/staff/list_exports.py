"""GET /api/v1/staff/exports: the caller's files, made and in the making (我的导出)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.exports import ExportView, list_exports


@get("/api/v1/staff/exports", permission="staff.report.export")
async def handle(ctx: Context) -> Reply[list[ExportView]]:
    """Return the newest first, with their progress."""
    return ok(await list_exports(ctx))
