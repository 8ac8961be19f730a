"""One frame for all reports (报表): who may see which, and what was asked in words that a report takes."""

from datetime import date, datetime, timedelta

from msgspec import Struct, structs

from backend.context import Context
from backend.errors import Forbidden, Invalid, NotFound
from backend.models.site import Shaft, Shop
from backend.reports.catalog import REPORTS
from backend.reports.port import Asked, Column, Figure, Group, Report, Row, Sheet, Unit
from backend.reports.scope import scope_of
from common.clock import local

OWN, EXPORT = "staff.report.own", "staff.report.export"
OF_REPORTS = (OWN, "staff.report.sales", "staff.report.energy")
KIND_OF_OWN = "sales-by-day"
MOST_DAYS = 1_100  # Three years.


class ReportQuery(Struct, frozen=True, kw_only=True):
    """What somebody asks for. Days are the mall's; none: this month up to today."""

    from_on: date | None = None
    to_on: date | None = None
    group: str = ""
    shaft_id: int | None = None
    floor: str | None = None
    meter_id: int | None = None
    page: int = 1
    per_page: int = 50


class TieView(Struct, frozen=True, kw_only=True):
    name: str
    unit: Unit
    report: int
    source: int
    source_name: str
    ok: bool


class ReportView(Struct, frozen=True, kw_only=True):
    """A report as it is shown. own: the caller's own takings alone. missing: meters that lack data."""

    kind: str
    title: str
    own: bool
    group: str
    groups: list[Group]
    from_on: date
    to_on: date
    columns: list[Column]
    rows: list[Row]
    totals: Row
    row_count: int
    page: int
    per_page: int
    figure: Figure | None
    data_until_at: datetime | None
    missing: int | None
    ties: list[TieView]
    notice: str
    notes: list[str]


class KindView(Struct, frozen=True, kw_only=True):
    kind: str
    title: str
    groups: list[Group]
    by_meter: bool
    own: bool


class Choice(Struct, frozen=True):
    id: str
    title: str


class ReportChoices(Struct, frozen=True, kw_only=True):
    """What the caller may see, and what it can be narrowed to."""

    kinds: list[KindView]
    shafts: list[Choice]
    floors: list[str]
    meters: list[Choice]


async def show_report(ctx: Context, kind: str, query: ReportQuery) -> ReportView:
    """Return one report. Errors: Forbidden, NotFound (no such kind), Invalid (on its field)."""
    report, own = report_for(ctx, kind)
    asked = asked_of(ctx, report, query, own=own)
    return _view(report, own, asked, await report.show(asked))


def report_for(ctx: Context, kind: str) -> tuple[Report, bool]:
    """Return a report that the caller may see, and whether only their own part of it."""
    if not ctx.caller.permissions.intersection(OF_REPORTS):
        raise Forbidden()
    report = REPORTS.get(kind)
    if report is None:
        raise NotFound()
    if report.permission in ctx.caller.permissions:
        return report, False
    if kind == KIND_OF_OWN and OWN in ctx.caller.permissions:
        return report, True
    raise Forbidden()


def asked_of(ctx: Context, report: Report, query: ReportQuery, *, own: bool) -> Asked:
    """Read what was asked. The last day is today at most."""
    today = local(ctx.clock.now()).date()
    to_on = query.to_on or today
    from_on = query.from_on or to_on.replace(day=1)
    groups = [one.key for one in report.groups]
    if to_on < from_on:
        raise Invalid(fields={"to": "结束日期不能早于开始日期"})
    if from_on > today:
        raise Invalid(fields={"from": "开始日期不能晚于今天"})
    to_on = min(to_on, today)
    if to_on - from_on >= timedelta(days=MOST_DAYS):
        raise Invalid(fields={"from": f"最多查询 {MOST_DAYS} 天"})
    if query.group and query.group not in groups:
        raise Invalid(fields={"group": "没有这种汇总方式"})
    if query.meter_id is not None and not report.by_meter:
        raise Invalid(fields={"meter": "这张报表不按电表筛选"})
    return Asked(
        site_id=ctx.caller.site_id,
        now=ctx.clock.now(),
        from_on=from_on,
        to_on=to_on,
        # Who sees their own takings alone sees them by day.
        group=groups[0] if own else query.group or groups[0],
        shaft_id=query.shaft_id,
        floor=query.floor,
        meter_id=query.meter_id,
        staff_id=ctx.caller.id if own else None,
        page=query.page,
        per_page=query.per_page,
    )


async def report_choices(ctx: Context) -> ReportChoices:
    """Return what the caller may choose from. Errors: Forbidden."""
    if not ctx.caller.permissions.intersection(OF_REPORTS):
        raise Forbidden()
    kinds = []
    for report in REPORTS.values():
        may = report.permission in ctx.caller.permissions
        own = not may and report.kind == KIND_OF_OWN and OWN in ctx.caller.permissions
        if may or own:
            kinds.append(
                KindView(
                    kind=report.kind,
                    title=report.title,
                    groups=list(report.groups[:1] if own else report.groups),
                    by_meter=report.by_meter,
                    own=own,
                )
            )
    site_id, today = ctx.caller.site_id, local(ctx.clock.now()).date()
    shafts = await Shaft.filter(site_id=site_id, removed_at=None).order_by("code")
    shops = await Shop.filter(site_id=site_id, practice=False)
    scope = await scope_of(Asked(site_id=site_id, now=ctx.clock.now(), from_on=today, to_on=today))
    return ReportChoices(
        kinds=kinds,
        shafts=[Choice(str(one.id), one.name) for one in shafts],
        floors=sorted({one.floor for one in shops if one.floor}),
        meters=[
            Choice(str(one.meter_id), f"{one.serial} {scope.name_of(one)}") for one in scope.meters.values()
        ],
    )


def _view(report: Report, own: bool, asked: Asked, sheet: Sheet) -> ReportView:
    return ReportView(
        kind=report.kind,
        title=report.title,
        own=own,
        group=asked.group,
        groups=list(report.groups[:1] if own else report.groups),
        from_on=sheet.from_on,
        to_on=sheet.to_on,
        columns=sheet.columns,
        rows=sheet.rows,
        totals=sheet.totals,
        row_count=sheet.row_count,
        page=asked.page,
        per_page=asked.per_page,
        figure=sheet.figure,
        data_until_at=sheet.data_until_at,
        missing=sheet.missing,
        ties=[TieView(**structs.asdict(one), ok=one.ok) for one in sheet.ties],
        notice=sheet.notice,
        notes=sheet.notes,
    )
