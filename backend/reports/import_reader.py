"""Read a filled-in import file (读取导入文件): cells to values, and what is wrong by sheet, row and column.

The file comes from outside: it is measured before it is opened, read row by row, and no formula is followed.
Called in a thread of its own; it touches no database.
"""

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import openpyxl
from msgspec import Struct, field

from backend.reports.import_columns import (
    METER_COLUMNS,
    METERS,
    MOST_ROWS,
    SHOP_COLUMNS,
    SHOPS,
    Column,
    Kind,
)

MOST_BYTES = 2 << 20  # Of the file as it comes; 2,000 rows of both sheets take some 200 KB.
_MOST_UNPACKED_BYTES = 24 << 20
_MOST_PARTS = 200
_MOST_COLUMNS = 60
_MOST_EMPTY_ROWS = 5_000  # Formatted but empty: passed over, within reason.
_LONGEST_S = 20.0
_MOST_PROBLEMS = 500
_CHUNK = 1 << 16
_MOST_DIGITS = 12
_EXACT = 10**15  # Excel keeps fifteen digits of a number.
_DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


class NoWorkbook(Exception):
    """The file as a whole cannot be used; the sentence is for people."""


class ImportProblem(Struct, frozen=True, kw_only=True):
    """One thing to mend. row: as Excel counts; 1 is the headings. column: its heading, or empty."""

    sheet: str
    row: int
    column: str
    message: str


class Line(Struct, frozen=True):
    """One filled-in row: values by column key; None: left empty, or wrong and told so."""

    row: int
    values: dict[str, Any]
    wrong: frozenset[str] = frozenset()  # Keys of cells that could not be read.

    def text(self, key: str) -> str:
        return str(self.values.get(key) or "")


class Workbook(Struct, frozen=True):
    shops: list[Line]
    meters: list[Line]
    problems: list[ImportProblem] = field(default_factory=list)


def read_workbook(content: bytes, monotonic: Callable[[], float]) -> Workbook:
    """Read both sheets. Raises NoWorkbook for what is no workbook of ours, or more than can be."""
    until_s = monotonic() + _LONGEST_S
    _measure(content, monotonic, until_s)
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    except Exception:  # A broken part raises whatever the XML reader or zlib find.
        raise NoWorkbook("文件无法打开，请用 Excel 另存为 .xlsx 后再上传") from None
    problems: list[ImportProblem] = []
    try:
        found = {
            name: _lines(book, name, columns, problems, monotonic, until_s)
            for name, columns in ((SHOPS, SHOP_COLUMNS), (METERS, METER_COLUMNS))
        }
    except NoWorkbook:
        raise
    except Exception:
        raise NoWorkbook("文件内容损坏，请重新下载模板填写") from None
    finally:
        book.close()
    if not problems and not any(found.values()):
        raise NoWorkbook("文件里没有填写任何商铺或电表")
    return Workbook(found[SHOPS], found[METERS], problems[:_MOST_PROBLEMS])


def _measure(content: bytes, monotonic: Callable[[], float], until_s: float) -> None:
    """Unpack once into nothing: what a part says of its size is not believed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            names = parts.infolist()
            if len(names) > _MOST_PARTS or "xl/workbook.xml" not in parts.namelist():
                raise NoWorkbook("这不是 Excel 工作簿（.xlsx），请使用下载的模板")
            total = 0
            for part in names:
                before = b""
                with parts.open(part) as stream:
                    while chunk := stream.read(_CHUNK):
                        total += len(chunk)
                        if total > _MOST_UNPACKED_BYTES or monotonic() > until_s:
                            raise NoWorkbook("文件解压后过大，请只保留需要导入的内容")
                        if _DECLARATION.search(before[-32:] + chunk):
                            raise NoWorkbook("文件含有不允许的内容，请用 Excel 另存后再上传")
                        before = chunk
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError):
        raise NoWorkbook("这不是 Excel 工作簿（.xlsx），请使用下载的模板") from None


def _lines(
    book: Any,
    name: str,
    columns: Sequence[Column],
    problems: list[ImportProblem],
    monotonic: Callable[[], float],
    until_s: float,
) -> list[Line]:
    if name not in book.sheetnames:
        problems.append(
            ImportProblem(sheet=name, row=1, column="", message=f"缺少工作表“{name}”，请使用下载的模板")
        )
        return []
    rows = book[name].iter_rows(max_col=_MOST_COLUMNS)
    places = _headings(name, next(rows, ()), columns, problems)
    if places is None:
        return []
    lines: list[Line] = []
    empty = 0
    for number, cells in enumerate(rows, start=2):
        if monotonic() > until_s:
            raise NoWorkbook("文件读取超时，请减少行数后再上传")
        if all(_is_empty(cells[at]) for at in places if at < len(cells)):
            empty += 1
            if empty > _MOST_EMPTY_ROWS:
                raise NoWorkbook("空行过多，请删除表格下方的空行后再上传")
            continue
        if len(lines) >= MOST_ROWS:
            raise NoWorkbook(f"工作表“{name}”超过 {MOST_ROWS} 行，请分批导入")
        lines.append(_line(name, number, cells, places, problems))
    return lines


def _headings(
    sheet: str, cells: Sequence[Any], columns: Sequence[Column], problems: list[ImportProblem]
) -> dict[int, Column] | None:
    """Return which column stands where; None when a needed one is missing."""
    titles = {column.title: column for column in columns}
    places: dict[int, Column] = {}
    before = len(problems)
    for at, cell in enumerate(cells):
        title = _plain(str(cell.value)).rstrip("*").strip() if cell.value is not None else ""
        column = titles.get(title)
        if column is None and title:
            problems.append(ImportProblem(sheet=sheet, row=1, column=title[:32], message="多余的列，请删除"))
        elif column is not None and column in places.values():
            problems.append(ImportProblem(sheet=sheet, row=1, column=title, message="这一列重复出现"))
        elif column is not None:
            places[at] = column
    missing = [column for column in columns if column.needed and column not in places.values()]
    problems += [ImportProblem(sheet=sheet, row=1, column=one.title, message="缺少这一列") for one in missing]
    return places if len(problems) == before else None


def _line(
    sheet: str, row: int, cells: Sequence[Any], places: dict[int, Column], problems: list[ImportProblem]
) -> Line:
    values: dict[str, Any] = {}
    wrong: set[str] = set()
    for at, column in places.items():
        cell = cells[at] if at < len(cells) else None
        value, complaint = (None, "") if cell is None or _is_empty(cell) else _value(cell, column)
        if value is None and not complaint and column.needed:
            complaint = "必填"
        if complaint:
            wrong.add(column.key)
            problems.append(ImportProblem(sheet=sheet, row=row, column=column.title, message=complaint))
        values[column.key] = value
    return Line(row, values, frozenset(wrong))


def _value(cell: Any, column: Column) -> tuple[Any, str]:
    """Return a cell's value, or what is wrong with it."""
    if cell.data_type == "f":
        return None, "不能填公式，请粘贴为数值"
    if cell.data_type == "e":
        return None, "单元格里是错误值"
    if isinstance(cell.value, bool) or cell.data_type == "d":
        return None, "类型不对，请把单元格设为文本后重新填写"
    if column.kind is Kind.TEXT:
        return _text(cell.value, column)
    return _number(cell.value, column)


def _text(value: object, column: Column) -> tuple[str | None, str]:
    if isinstance(value, int | float):
        if abs(value) >= _EXACT:
            return None, "数字过长，Excel 已改变末位，请把单元格设为文本后重新填写"
        if value != int(value):
            return None, "应为编号或文字，不能是小数"
        value = int(value)
    text = _plain(str(value))
    if len(text) > column.longest:
        return None, f"最多 {column.longest} 个字"
    return text, ""


def _number(value: object, column: Column) -> tuple[int | None, str]:
    wanted = "应为整数" if column.kind is Kind.WHOLE else "应为数字，最多三位小数"
    try:
        number = Decimal(_plain(str(value)))
        if number.is_finite() and abs(number.adjusted()) > _MOST_DIGITS:
            return None, wanted
        scaled = number * (1 if column.kind is Kind.WHOLE else 1_000)
        if not number.is_finite() or scaled != int(scaled):
            return None, wanted
    except (InvalidOperation, ValueError, OverflowError):
        return None, wanted
    if not column.least <= scaled <= column.most:
        scale = 1 if column.kind is Kind.WHOLE else 1_000
        return None, f"应在 {column.least / scale:g} 至 {column.most / scale:g} 之间"
    return int(scaled), ""


def _is_empty(cell: Any) -> bool:
    return cell.value is None or (isinstance(cell.value, str) and not cell.value.strip())


def _plain(text: str) -> str:
    """Full-width letters and digits as plain ones, without what cannot be seen."""
    kept = "".join(char for char in unicodedata.normalize("NFKC", text) if char.isprintable())
    return kept.strip()
