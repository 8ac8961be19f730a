"""One sheet of a report's file (工作表): title, where the figures come from, sum row, head, rows.

The sum row stands above the head, so that filter and sorting leave it alone.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

Cell = str | int | None
_SHANGHAI = timedelta(hours=8)
_LONGEST_TEXT = 32_767  # Of one cell, by Excel.
_WIDTHS = {
    "text": 10,
    "fen": 14,
    "wh": 13,
    "w": 10,
    "count": 9,
    "seconds": 10,
    "milli": 9,
    "time": 19,
    "check": 8,
}
_UNITS = {"fen": "（元）", "wh": "（度）", "w": "（kW）", "seconds": "（秒）", "check": "（元）"}
FORMATS = {
    "fen": "#,##0.00;[Red]-#,##0.00",
    "wh": "#,##0.000;[Red]-#,##0.000",
    "w": "#,##0.000",
    "count": "#,##0",
    "seconds": "#,##0",
    "milli": "0.0%",
    "time": "yyyy-mm-dd hh:mm:ss",
    "check": '[Red]#,##0.00;[Red]-#,##0.00;"✓"',
}
_DIVISORS = {"fen": 100, "wh": 1000, "w": 1000, "milli": 1000, "check": 100}


class ColumnSpec(Struct, frozen=True):
    title: str
    unit: str


class SheetSpec(Struct, frozen=True, kw_only=True):
    """lines: what is said above the table, the title first. totals: the sum row; empty: none."""

    name: str
    lines: list[str]
    columns: list[ColumnSpec]
    totals: list[Cell]


def number_of(value: int, unit: str) -> float | int:
    """Return a number as Excel shows it. The quotient is the nearest double: it prints exactly as it is."""
    divisor = _DIVISORS.get(unit)
    return value if divisor is None else value / divisor


def local_time(ms: int) -> datetime:
    """Return the mall's time without a zone, which Excel does not know."""
    return (datetime.fromtimestamp(ms / 1000, UTC) + _SHANGHAI).replace(tzinfo=None)


class SheetWriter:
    """Writes one sheet from the top down; rows that were written are out of memory."""

    def __init__(self, workbook: Any, spec: SheetSpec) -> None:
        self.count = 0
        self._spec = spec
        self._sheet = workbook.add_worksheet(spec.name)
        bold = {"bold": True, "valign": "vcenter"}
        self._title = workbook.add_format({**bold, "font_size": 15})
        self._said = workbook.add_format({"font_color": "#5C6470"})
        self._head = workbook.add_format(
            {**bold, "bg_color": "#ECF2FC", "border": 1, "border_color": "#BDD1F4", "text_wrap": True}
        )
        self._plain = {unit: workbook.add_format({"num_format": text}) for unit, text in FORMATS.items()}
        self._sum = {
            unit: workbook.add_format({**bold, "bg_color": "#F4F6F9", "top": 1, "num_format": text})
            for unit, text in {**FORMATS, "text": "@"}.items()
        }
        self._text = workbook.add_format({"num_format": "@"})
        self._widths = [self._width(one) for one in spec.columns]
        self._row = 0

    def begin(self) -> None:
        sheet, spec = self._sheet, self._spec
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer("&L&A&R第 &P 页，共 &N 页")
        for number, line in enumerate(spec.lines):
            sheet.set_row(self._row, 24 if number == 0 else 16)
            sheet.write_string(self._row, 0, line[:_LONGEST_TEXT], self._title if number == 0 else self._said)
            self._row += 1
        if spec.totals:
            self._cells(spec.totals, self._sum)
        for number, column in enumerate(spec.columns):
            sheet.write_string(self._row, number, column.title + _UNITS.get(column.unit, ""), self._head)
        sheet.set_row(self._row, 32)
        sheet.repeat_rows(self._row)
        self._row += 1
        self._first = self._row
        sheet.freeze_panes(self._row, 1)

    def write(self, rows: list[list[Cell]]) -> None:
        formats = {**self._plain, "text": self._text}
        for row in rows:
            self._cells(row, formats)
        self.count += len(rows)

    def end(self) -> None:
        last = max(self._row - 1, self._first - 1)
        self._sheet.autofilter(self._first - 1, 0, last, len(self._spec.columns) - 1)
        for number, width in enumerate(self._widths):
            self._sheet.set_column(number, number, min(width, 40))

    def _cells(self, row: list[Cell], formats: dict[str, Any]) -> None:
        sheet, at = self._sheet, self._row
        for number, (value, column) in enumerate(zip(row, self._spec.columns, strict=True)):
            look = formats[column.unit]
            if value is None:
                sheet.write_blank(at, number, None, look)
            elif isinstance(value, str):
                # Always as text: what begins with "=" stays what it is.
                sheet.write_string(at, number, value[:_LONGEST_TEXT], look)
                self._widths[number] = max(self._widths[number], _wide(value))
            elif column.unit == "time":
                sheet.write_datetime(at, number, local_time(value), look)
            else:
                sheet.write_number(at, number, number_of(value, column.unit), look)
        self._row += 1

    def _width(self, column: ColumnSpec) -> int:
        return max(_WIDTHS[column.unit], min(_wide(column.title), 16))


def _wide(text: str) -> int:
    """Return how many digits a text is as wide as: a Chinese character takes two."""
    return sum(2 if ord(one) > 0x2E7F else 1 for one in text[:60]) + 2
