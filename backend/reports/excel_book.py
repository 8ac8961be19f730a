"""What a report's Excel file says (导出内容): the screen's table, sum row, chart and tie; all single rows."""

from collections.abc import AsyncIterator
from datetime import datetime

from msgspec import Struct

from backend.reports.excel_chart import ChartSpec, SeriesSpec
from backend.reports.excel_process import Rows
from backend.reports.excel_sheet import ColumnSpec, SheetSpec
from backend.reports.port import Asked, Column, Detail, Report, Row, Sheet, Tie, Unit
from backend.reports.write_excel import Book
from common.clock import local
from common.units import yuan_text


class About(Struct, frozen=True, kw_only=True):
    """Who made the file, for which mall, when, and what is filtered, in words."""

    site_name: str
    staff_name: str
    made_at: datetime
    filtered: str


def book_of(
    path: str, report: Report, sheet: Sheet, detail: Detail | None, about: About
) -> tuple[Book, list[Rows]]:
    """Return what the file is and where its rows come from.

    detail: every single row, on a second sheet; None: what is on screen alone. A report whose rows are the
    single ones already has one sheet.
    """
    lines = _lines(report, sheet, about)
    is_log = detail is not None and detail.columns == sheet.columns
    first = SheetSpec(
        name=report.title, lines=lines, columns=_columns(sheet.columns), totals=list(sheet.totals)
    )
    sheets, rows = [first], [detail.chunks if detail is not None and is_log else _once(sheet.rows)]
    if detail is not None and not is_log:
        more = [f"{lines[0]} · 全部明细", *lines[1:2], f"共 {detail.row_count} 行，合计与汇总表同源于总账"]
        sheets.append(
            SheetSpec(name="明细", lines=more, columns=_columns(detail.columns), totals=list(detail.totals))
        )
        rows.append(detail.chunks)
    chart = None
    if sheet.figure is not None:
        series = [
            SeriesSpec(one.name, one.unit.value, one.values, one.line, one.stack)
            for one in sheet.figure.series
        ]
        chart = ChartSpec(sheet.figure.title, sheet.figure.categories, series)
    book = Book(
        path=path,
        author=about.staff_name,
        title=f"{about.site_name} {report.title}",
        sheets=sheets,
        chart=chart,
    )
    return book, rows


def file_name(report: Report, asked: Asked) -> str:
    return f"{report.title}_{asked.from_on:%Y%m%d}-{asked.to_on:%Y%m%d}.xlsx"


def tie_text(tie: Tie) -> str:
    """Say of one sum whether it is the same on both ways."""
    report, source = _number(tie.report, tie.unit), _number(tie.source, tie.unit)
    if tie.ok:
        return f"{tie.name} {report}，与{tie.source_name}一致 ✓"
    apart = _number(tie.report - tie.source, tie.unit)
    return f"{tie.name}不一致：报表 {report}，{tie.source_name} {source}，相差 {apart} ✗"


def _number(value: int, unit: Unit) -> str:
    if unit is Unit.FEN:
        return f"{yuan_text(value)} 元"
    if unit is Unit.WH:
        whole, part = divmod(abs(value), 1000)
        return f"{'-' if value < 0 else ''}{whole:,}.{part:03d} 度"
    return f"{value:,}"


def _lines(report: Report, sheet: Sheet, about: About) -> list[str]:
    until = f"数据截至 {local(sheet.data_until_at):%Y-%m-%d %H:%M:%S}" if sheet.data_until_at else ""
    missing = f"{sheet.missing} 只表缺数" if sheet.missing else ""
    made = f"{about.staff_name} 于 {local(about.made_at):%Y-%m-%d %H:%M} 生成"
    told = [f"统计期间 {sheet.from_on} 至 {sheet.to_on}", about.filtered, until, missing, made]
    lines = [f"{about.site_name} {report.title}", "　".join(one for one in told if one)]
    if sheet.ties:
        lines.append("　".join(tie_text(one) for one in sheet.ties))
    return [*lines, *([sheet.notice] if sheet.notice else []), *sheet.notes]


def _columns(columns: list[Column]) -> list[ColumnSpec]:
    return [ColumnSpec(one.title, one.unit.value) for one in columns]


async def _once(rows: list[Row]) -> AsyncIterator[list[Row]]:
    if rows:
        yield rows
