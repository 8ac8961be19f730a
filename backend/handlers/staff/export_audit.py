"""GET /api/v1/staff/audit/excel: the audit log as Excel (导出操作日志)."""

from datetime import datetime

from backend.context import Context
from backend.handlers.staff.list_audit import OperationName
from backend.routing import Raw, get
from backend.services.file_excel import EXCEL, Column, workbook
from backend.services.file_pages import Words
from backend.services.row_ids import RowId
from backend.services.show_audit import AuditLine, AuditQuery, Mark, all_audit

_MARKS = {"money": "资金", "breaker": "通断电", "": ""}


def _text(line: AuditLine) -> str:
    return "；".join(f"{name}={value}" for name, value in line.facts.items())


_COLUMNS = [
    Column[AuditLine]("序号", "count", lambda one: one.sequence, 8),
    Column[AuditLine]("时间", "time", lambda one: one.at, 20),
    Column[AuditLine]("人员", "text", lambda one: one.actor),
    Column[AuditLine]("操作", "text", lambda one: one.words, 20),
    Column[AuditLine]("类别", "text", lambda one: _MARKS[one.mark], 8),
    Column[AuditLine]("对象", "text", lambda one: one.object_name or one.object, 24),
    Column[AuditLine]("原因", "text", lambda one: one.reason, 30),
    Column[AuditLine]("来自", "text", lambda one: one.client_ip, 16),
    Column[AuditLine]("内容", "text", _text, 60),
]


@get("/api/v1/staff/audit/excel", permission="staff.audit.view")
async def handle(
    ctx: Context,
    staff_id: RowId | None = None,
    operation: OperationName = "",
    object_: Words = "",
    mark: Mark = "",
    from_: datetime | None = None,
    to: datetime | None = None,
) -> Raw:
    """Return what a query finds, the newest 20,000 of it."""
    query = AuditQuery(
        staff_id=staff_id, operation=operation, object=object_, mark=mark, from_at=from_, to_at=to
    )
    found = await all_audit(ctx, query)
    return Raw(workbook("操作日志", ctx.clock.now(), _COLUMNS, found), EXCEL)
