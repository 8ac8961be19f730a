"""What a report is (报表): what is asked, what is answered. Each kind is one file that declares `REPORT`.

A cell is text, a whole number in the unit of its column, or None for what is not known.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

Cell = str | int | None
Row = list[Cell]


class Unit(StrEnum):
    """What the numbers of a column are."""

    TEXT = "text"
    FEN = "fen"
    WH = "wh"
    W = "w"
    COUNT = "count"
    SECONDS = "seconds"
    MILLI = "milli"  # Thousandths, shown as a share of a hundred with one decimal.
    TIME = "time"  # Milliseconds since 1970.
    CHECK = "check"  # 0: right; fen that are wrong otherwise.


class Column(Struct, frozen=True):
    key: str
    title: str
    unit: Unit = Unit.TEXT
    group: str = ""  # A word over several columns.


class Group(Struct, frozen=True):
    """A way to put figures together (汇总方式)."""

    key: str
    title: str


class Series(Struct, frozen=True):
    name: str
    unit: Unit
    values: list[int | None]
    line: bool = False  # Otherwise bars.
    stack: str = ""


class Figure(Struct, frozen=True):
    """The chart over the table: one value of each series for a category."""

    title: str
    categories: list[str]
    series: list[Series]


class Tie(Struct, frozen=True):
    """Two ways to the same sum (勾稽): from the rows, and straight from the ledger or the hours' rollup."""

    name: str
    unit: Unit
    report: int
    source: int
    source_name: str

    @property
    def ok(self) -> bool:
        return self.report == self.source


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody wants to see. Days are the mall's, both ends included.

    shaft_id, floor, meter_id: None: all. staff_id: the takings of this person alone.
    page: from 1; 0: all rows, up to `ALL_ROWS`.
    """

    site_id: int
    now: datetime
    from_on: date
    to_on: date
    group: str = ""
    shaft_id: int | None = None
    floor: str | None = None
    meter_id: int | None = None
    staff_id: int | None = None
    page: int = 1
    per_page: int = 50


ALL_ROWS = 3_000  # On one screen or in one print; more goes into a file.


class Sheet(Struct, frozen=True, kw_only=True):
    """One report as it is shown.

    rows: one page. totals: of all rows, worked out apart from them where that can be done.
    from_on, to_on: what it covers; `notice` says so where that is less than was asked.
    missing: meters in scope without all their data; None where that means nothing.
    """

    from_on: date
    to_on: date
    columns: list[Column]
    rows: list[Row]
    totals: Row
    row_count: int
    figure: Figure | None = None
    data_until_at: datetime | None = None
    missing: int | None = None
    ties: list[Tie] = []
    notice: str = ""
    notes: list[str] = []


class Detail(Struct, frozen=True):
    """Every single row behind a report (全部明细), a chunk at a time."""

    columns: list[Column]
    row_count: int
    totals: Row
    chunks: AsyncIterator[list[Row]]


class Report(Struct, frozen=True, kw_only=True):
    kind: str
    title: str
    permission: str
    groups: tuple[Group, ...]
    show: Callable[[Asked], Awaitable[Sheet]]
    detail: Callable[[Asked], Awaitable[Detail]]
    by_meter: bool = False  # May be asked for one meter.


def page_of(asked: Asked, rows: list[Row]) -> list[Row]:
    """Cut one page out of all rows."""
    if asked.page == 0:
        return rows[:ALL_ROWS]
    start = (asked.page - 1) * asked.per_page
    return rows[start : start + asked.per_page]


def window(asked: Asked) -> tuple[int, int]:
    """Return LIMIT and OFFSET of the asked page."""
    if asked.page == 0:
        return ALL_ROWS, 0
    return asked.per_page, (asked.page - 1) * asked.per_page
