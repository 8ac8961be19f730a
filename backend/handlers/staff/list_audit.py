"""GET /api/v1/staff/audit: the audit log (操作日志)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.file_pages import PageNumber, PageSize, Words
from backend.services.row_ids import RowId
from backend.services.show_audit import AuditPage, AuditQuery, Mark, list_audit

OperationName = Annotated[str, Meta(max_length=64)]


@get("/api/v1/staff/audit", permission="staff")
async def handle(
    ctx: Context,
    staff_id: RowId | None = None,
    operation: OperationName = "",
    object_: Words = "",
    mark: Mark = "",
    from_: datetime | None = None,
    to: datetime | None = None,
    page: PageNumber = 1,
    size: PageSize = 50,
) -> Reply[AuditPage]:
    """Return a page, the newest first: all, money and one's own, or one's own, as the caller may see."""
    query = AuditQuery(
        staff_id=staff_id, operation=operation, object=object_, mark=mark, from_at=from_, to_at=to
    )
    return ok(await list_audit(ctx, query, page, size))
