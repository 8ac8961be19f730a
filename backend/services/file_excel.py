"""A list of files as an Excel workbook (导出): what was searched for, all pages of it.

Some hundred rows are written within the request. What people typed stays text: no cell becomes a formula.
"""

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import xlsxwriter
from msgspec import Struct

from common.clock import local

T = TypeVar("T")

Kind = Literal["text", "count", "yuan", "kwh", "kw", "days", "time"]
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMATS = {
    "text": "@",
    "count": "0",
    "yuan": "#,##0.00;[Red]-#,##0.00",
    "kwh": "0.00",
    "kw": "0.000",
    "days": "0.0",
    "time": "yyyy-mm-dd hh:mm:ss",
}
_HEAD_ROW = 2


class Column(Struct, Generic[T], frozen=True):
    """One column. value: in fen, Wh, W, UTC as everywhere; None leaves the cell empty (unknown)."""

    title: str
    kind: Kind
    value: Callable[[T], Any]
    width: int = 14


def workbook(title: str, made_at: datetime, columns: Sequence[Column[T]], found: Sequence[T]) -> bytes:
    """Return a workbook of one sheet: title, time, heads, rows; frozen below the heads, with filters."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "default_date_format": _FORMATS["time"]})
    sheet = book.add_worksheet(title[:31])
    formats = {kind: book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
    head = book.add_format({"bold": True, "bg_color": "#E8EDF5", "bottom": 1})
    sheet.write_string(0, 0, title, book.add_format({"bold": True, "font_size": 14}))
    sheet.write_string(1, 0, f"共 {len(found)} 条，数据截至 {local(made_at):%Y-%m-%d %H:%M:%S}")
    for at, column in enumerate(columns):
        sheet.set_column(at, at, column.width)
        sheet.write_string(_HEAD_ROW, at, column.title, head)
    for number, row in enumerate(found, start=_HEAD_ROW + 1):
        for at, column in enumerate(columns):
            _write(sheet, number, at, column.kind, column.value(row), formats[column.kind])
    sheet.freeze_panes(_HEAD_ROW + 1, 1)
    sheet.autofilter(_HEAD_ROW, 0, _HEAD_ROW + max(1, len(found)), len(columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_HEAD_ROW)
    book.close()
    return buffer.getvalue()


def _write(sheet: Any, row: int, at: int, kind: Kind, value: Any, style: Any) -> None:
    if value is None or value == "":
        return
    if kind == "text":
        sheet.write_string(row, at, str(value), style)
    elif kind == "time":
        sheet.write_datetime(row, at, local(value).replace(tzinfo=None), style)
    else:
        divisor = {"yuan": 100, "kwh": 1_000, "kw": 1_000}.get(kind, 1)
        sheet.write_number(row, at, value / divisor, style)
