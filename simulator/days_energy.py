"""Is every kilowatt-hour where it belongs (电量核对)? The product's rollups and charges against the meters.

All is compared in what the meters' displays showed at true instants, so that nothing is rounded twice:
* from the first accepted register to the last one: exactly, by days, by accruals, by ledger entries;
* an accepted register: within one step of what was shown at its instant;
* a day, and a period of a day: within what the intervals over its ends hold, and within STEPS steps where
  the product says that nothing of the day is estimated, for then the meter's own registers decided; 0 at
  an end where a reading stands. An interval over several ends may be off by all it holds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.store import rows
from common.clock import LOCAL_ZONE
from simulator.days_planted import FaultKind, Planted
from simulator.periods import PERIODS, PeriodTable
from simulator.time_line import DAY_US, to_instant
from simulator.whole import WholeMall

STEP_WH = 10
STEPS = 2  # Of the display: the registers by period turn over at other instants than the total.
PERIOD_COLUMNS = tuple(f"{name}_wh" for name in PERIODS)
EPOCH_MS = int(to_instant(0).timestamp() * 1000)


@dataclass(frozen=True)
class Read:
    """An accepted register (secondary side)."""

    at_us: int
    register_wh: int
    frozen: bool


@dataclass(frozen=True)
class MeterBooks:
    """What the product has of one meter."""

    serial: str
    ratio: int
    reads: Sequence[Read]
    days: dict[int, dict[str, Any]]  # By local day as 20261122.
    accrued_wh: int | None  # None for a public meter.

    @property
    def total_wh(self) -> int:
        return (self.reads[-1].register_wh - self.reads[0].register_wh) * self.ratio


async def wrong_energy(whole: WholeMall, faults: Sequence[Planted]) -> list[str]:
    """Return what does not agree, in Chinese; an empty list when all does."""
    wrong: list[str] = []
    for books in await _books():
        if len(books.reads) < 2:
            wrong.append(f"表 {books.serial} 没有两次有效抄表")
            continue
        clock_faults = [
            fault for fault in faults if fault.kind is FaultKind.CLOCK and fault.subject == books.serial
        ]
        wrong += _totals(books) + _registers(whole, books, bool(clock_faults))
        wrong += _Days(whole, books, bool(clock_faults)).wrong()
    return wrong + await _charges()


def _totals(books: MeterBooks) -> list[str]:
    by_day = sum(int(day["energy_wh"]) for day in books.days.values())
    wrong = []
    if by_day != books.total_wh:
        wrong.append(f"表 {books.serial} 各日合计 {by_day} Wh，示数差 {books.total_wh} Wh")
    if books.accrued_wh is not None and books.accrued_wh != books.total_wh:
        wrong.append(f"表 {books.serial} 计费 {books.accrued_wh} Wh，示数差 {books.total_wh} Wh")
    for number, day in books.days.items():
        by_period = sum(int(day[name]) for name in PERIOD_COLUMNS)
        if by_period != int(day["energy_wh"]):
            wrong.append(f"表 {books.serial} {number} 各时段合计 {by_period} Wh，当日 {day['energy_wh']} Wh")
    return wrong


def _registers(whole: WholeMall, books: MeterBooks, is_clock_wrong: bool) -> list[str]:
    meter = whole.mall.meters[books.serial]
    wrong = []
    for read in books.reads:
        shown_wh, _ = meter.register_wh(read.at_us)
        if abs(shown_wh - read.register_wh) > STEP_WH and not (read.frozen and is_clock_wrong):
            at = to_instant(read.at_us).astimezone(LOCAL_ZONE)
            wrong.append(f"表 {books.serial} {at:%m-%d %H:%M:%S} 示数 {read.register_wh}，实际 {shown_wh}")
    return wrong


class _Days:
    """One meter's days and periods, from its first accepted register to its last."""

    def __init__(self, whole: WholeMall, books: MeterBooks, is_clock_wrong: bool) -> None:
        self.meter = whole.mall.meters[books.serial]
        self.table: PeriodTable = whole.mall.period_table
        self.books = books
        self.is_clock_wrong = is_clock_wrong
        self.begin_us, self.end_us = books.reads[0].at_us, books.reads[-1].at_us
        self.index = 0  # Of the newest reading at or before the end that was asked for last.

    def wrong(self) -> list[str]:
        found = []
        for day in range(self.begin_us // DAY_US, (self.end_us - 1) // DAY_US + 1):
            from_us, to_us_ = max(day * DAY_US, self.begin_us), min((day + 1) * DAY_US, self.end_us)
            found += self._day(from_us, to_us_)
        return found

    def _day(self, from_us: int, to_us_: int) -> list[str]:
        on = to_instant(from_us).astimezone(LOCAL_ZONE).date()
        booked = self.books.days.get(on.year * 10_000 + on.month * 100 + on.day, {})
        is_estimated = bool(booked.get("estimated", 0)) or self.is_clock_wrong
        true_wh, allowed_wh = [0, 0, 0, 0], [0, 0, 0, 0]
        before_wh, before_allowed = self._register(from_us), self._allowed(from_us, is_estimated)
        day_allowed = before_allowed
        for _, end_us, period in self.table.pieces(from_us, to_us_, 0):
            after_wh, after_allowed = self._register(end_us), self._allowed(end_us, is_estimated)
            true_wh[period] += (after_wh - before_wh) * self.books.ratio
            allowed_wh[period] += before_allowed + after_allowed
            before_wh, before_allowed = after_wh, after_allowed
        day_allowed += before_allowed
        found = []
        pairs = [("全天", int(booked.get("energy_wh", 0)), sum(true_wh), day_allowed)]
        for index, column in enumerate(PERIOD_COLUMNS):
            pairs.append((PERIODS[index], int(booked.get(column, 0)), true_wh[index], allowed_wh[index]))
        for name, has_wh, should_wh, may_wh in pairs:
            if abs(has_wh - should_wh) > may_wh:
                what = f"表 {self.books.serial} {on} {name}"
                found.append(f"{what} 记 {has_wh} Wh，实际 {should_wh} Wh，容差 {may_wh} Wh")
        return found

    def _register(self, us: int) -> int:
        """What the display showed; at the ends, what was accepted."""
        reads = self.books.reads
        if us <= self.begin_us:
            return reads[0].register_wh
        if us >= self.end_us:
            return reads[-1].register_wh
        near = self._around(us)
        if near[0].at_us == us:
            return near[0].register_wh
        return self.meter.register_wh(us)[0]

    def _allowed(self, us: int, is_estimated: bool) -> int:
        if us <= self.begin_us or us >= self.end_us:
            return 0
        first, second = self._around(us)
        if first.at_us == us:
            return 0
        holds_wh = (second.register_wh - first.register_wh) * self.books.ratio
        crossed = sum(1 for _ in self.table.pieces(first.at_us, second.at_us, 0)) - 1
        if is_estimated or crossed > 1:
            return holds_wh + STEP_WH * self.books.ratio
        return min(holds_wh + STEP_WH * self.books.ratio, STEPS * STEP_WH * self.books.ratio)

    def _around(self, us: int) -> tuple[Read, Read]:
        """Return the readings at or before an instant and after it; instants come in their order."""
        reads = self.books.reads
        while self.index > 0 and reads[self.index].at_us > us:
            self.index -= 1
        while reads[self.index + 1].at_us <= us:
            self.index += 1
        return reads[self.index], reads[self.index + 1]


async def _books() -> list[MeterBooks]:
    reads: dict[int, list[Read]] = {}
    for row in await rows(
        "SELECT meter_id, read_at_ms, kind, register_wh FROM reading"
        " WHERE verdict IN ('first', 'accepted') ORDER BY meter_id, read_at_ms"
    ):
        at_us = (int(row["read_at_ms"]) - EPOCH_MS) * 1000
        reads.setdefault(int(row["meter_id"]), []).append(
            Read(at_us, int(row["register_wh"]), row["kind"] == "frozen")
        )
    days: dict[int, dict[int, dict[str, Any]]] = {}
    for row in await rows("SELECT * FROM usage_day"):
        days.setdefault(int(row["meter_id"]), {})[int(row["day"])] = row
    accrued = {
        int(row["meter_id"]): int(row["wh"])
        for row in await rows("SELECT meter_id, SUM(energy_wh) AS wh FROM accrual GROUP BY meter_id")
    }
    return [
        MeterBooks(
            serial=row["serial"],
            ratio=int(row["ct_ratio"]) * int(row["pt_ratio"]),
            reads=reads.get(int(row["id"]), []),
            days=days.get(int(row["id"]), {}),
            accrued_wh=accrued.get(int(row["id"]), 0) if row["account_id"] is not None else None,
        )
        for row in await rows("SELECT id, serial, ct_ratio, pt_ratio, account_id FROM meter ORDER BY id")
    ]


async def _charges() -> list[str]:
    """What ledger entries charge is what was accrued for them."""
    accrued = {
        int(row["entry_id"]): int(row["wh"])
        for row in await rows(
            "SELECT entry_id, SUM(energy_wh) AS wh FROM accrual WHERE entry_id IS NOT NULL GROUP BY entry_id"
        )
    }
    wrong = []
    for row in await rows("SELECT id, facts FROM entry WHERE kind = 'ENERGY'"):
        charged_wh = int(json.loads(row["facts"]).get("energy_wh", 0))
        if accrued.pop(int(row["id"]), None) != charged_wh:
            wrong.append(f"凭证 {row['id']} 计费 {charged_wh} Wh，与应计不符")
    return wrong + [f"应计没有凭证 {entry_id}" for entry_id in accrued]
