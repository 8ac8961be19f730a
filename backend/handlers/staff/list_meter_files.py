"""GET /api/v1/staff/files/meters: the file of meters, searched, sorted, by page (电表档案)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.file_meters import MeterKindName, MeterPage, MeterQuery, MeterState, list_meters
from backend.services.file_pages import PAGE_SIZE, PageNumber, PageSize, SortKey, Words
from backend.services.row_ids import RowId


@get("/api/v1/staff/files/meters", permission="staff.meter.view")
async def handle(
    ctx: Context,
    q: Words = "",
    kind: MeterKindName | None = None,
    shaft: Words | None = None,
    line: RowId | None = None,
    profile: Words | None = None,
    state: MeterState | None = None,
    sort: SortKey = "line",
    page: PageNumber = 1,
    size: PageSize = PAGE_SIZE,
) -> Reply[MeterPage]:
    """Return meters with what they showed last; retired ones by their state alone. Errors: Invalid (sort)."""
    query = MeterQuery(
        q=q,
        kind=kind,
        shaft=shaft,
        line_id=line,
        profile=profile,
        state=state,
        sort=sort,
        page=page,
        size=size,
    )
    return ok(await list_meters(ctx, query))
