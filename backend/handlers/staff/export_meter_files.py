"""GET /api/v1/staff/files/meters/excel: the file of meters as Excel (导出电表档案)."""

from backend.context import Context
from backend.routing import Raw, get
from backend.services.file_excel import EXCEL
from backend.services.file_exports import export_meters
from backend.services.file_meters import MeterKindName, MeterQuery, MeterState
from backend.services.file_pages import SortKey, Words
from backend.services.row_ids import RowId


@get("/api/v1/staff/files/meters/excel", permission="staff.meter.view")
async def handle(
    ctx: Context,
    q: Words = "",
    kind: MeterKindName | None = None,
    shaft: Words | None = None,
    line: RowId | None = None,
    profile: Words | None = None,
    state: MeterState | None = None,
    sort: SortKey = "line",
) -> Raw:
    """Return all meters that the query finds. Errors: Invalid (sort)."""
    query = MeterQuery(q=q, kind=kind, shaft=shaft, line_id=line, profile=profile, state=state, sort=sort)
    return Raw(await export_meters(ctx, query), EXCEL)
