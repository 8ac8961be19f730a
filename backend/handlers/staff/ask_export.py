"""POST /api/v1/staff/exports: want a report as an Excel file (导出报表)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.errors import Invalid
from backend.routing import Reply, created, post
from backend.services.exports import ExportView, ask_export
from backend.services.row_ids import id_of
from backend.services.show_report import ReportQuery

Id = Annotated[str, Meta(max_length=20)]


class Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """whole: every single row; else what is on screen, this page of it."""

    kind: Annotated[str, Meta(max_length=32)]
    from_on: date | None = None
    to_on: date | None = None
    group: Annotated[str, Meta(max_length=16)] = ""
    shaft_id: Id | None = None
    floor: Annotated[str, Meta(max_length=16)] | None = None
    meter_id: Id | None = None
    page: Annotated[int, Meta(ge=0, le=1_000_000)] = 1
    per_page: Annotated[int, Meta(ge=10, le=200)] = 50
    whole: bool = False
    request_id: UUID  # Made when the button was pressed, kept for retries.


@post("/api/v1/staff/exports", permission="staff.report.export", idempotent="request_id")
async def handle(ctx: Context, body: Body) -> Reply[ExportView]:
    """Put the file in hand; a job makes it. Errors: Forbidden, NotFound, Invalid, ExportsFull."""
    query = ReportQuery(
        from_on=body.from_on,
        to_on=body.to_on,
        group=body.group,
        shaft_id=_id(body.shaft_id, "shaft_id"),
        floor=body.floor,
        meter_id=_id(body.meter_id, "meter_id"),
        page=body.page,
        per_page=body.per_page,
    )
    return created(await ask_export(ctx, body.kind, query, whole=body.whole, request_id=str(body.request_id)))


def _id(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    number = id_of(text)
    if number is None:
        raise Invalid(fields={name: "没有这一项"})
    return number
