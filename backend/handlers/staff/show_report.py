"""GET /api/v1/staff/reports/{kind}: one report, a page of it (报表)."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.show_report import ReportQuery, ReportView, show_report


@get("/api/v1/staff/reports/{kind}", permission="staff")
async def handle(
    ctx: Context,
    kind: Annotated[str, Meta(max_length=32)],
    from_: date | None = None,
    to: date | None = None,
    group: Annotated[str, Meta(max_length=16)] = "",
    shaft: RowId | None = None,
    floor: Annotated[str, Meta(max_length=16)] | None = None,
    meter: RowId | None = None,
    page: Annotated[int, Meta(ge=0, le=1_000_000)] = 1,
    per_page: Annotated[int, Meta(ge=10, le=200)] = 50,
) -> Reply[ReportView]:
    """Return rows, sum row, chart and tie; `page=0` gives all rows, up to 3,000.

    Money needs staff.report.sales, the rest staff.report.energy; staff.report.own shows one's own takings.
    Errors: Forbidden, NotFound, Invalid.
    """
    query = ReportQuery(
        from_on=from_,
        to_on=to,
        group=group,
        shaft_id=shaft,
        floor=floor,
        meter_id=meter,
        page=page,
        per_page=per_page,
    )
    return ok(await show_report(ctx, kind, query))
