"""The energy that a meter has counted, as a function of time (电能计量).

Nothing ticks: a new segment begins where the supply, an added load, the meter's clock or its register
is changed, and the energy at any instant follows from the load's running sums. All in whole nJ.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Any

from simulator.load import Load
from simulator.periods import NOTHING, ByPeriod, PeriodTable, add, subtract
from simulator.time_line import NJ_PER_WH

STEP_WH = 10  # The last digit of every register: 0.01 kWh.
STEP_NJ = STEP_WH * NJ_PER_WH
MAX_SEGMENTS = 256  # Older ones are forgotten; only the truth about the far past is lost with them.
MW_PER_W = 1000
US_PER_S = 1_000_000


@dataclass(frozen=True)
class Segment:
    """A span in which nothing but the load's own curve changes; it lasts until the next one."""

    start_us: int
    at_start: ByPeriod  # nJ counted so far, by period.
    flowing: bool = True
    extra_w: int = 0
    times: int = 1  # The load's own curve counts so many times (overload, a quick drain).
    offset_us: int = 0  # The meter's clock minus true time.
    total_shift: int = 0  # Steps by which the shown total is false (faults).
    period_shift: ByPeriod = NOTHING


class EnergyHistory:
    """All segments of one meter. Changes come in the order of time (计量历史)."""

    def __init__(self, load: Load, table: PeriodTable, installed: Segment) -> None:
        self._load = load
        self._table = table
        self._segments: list[Segment] = []
        self._starts: list[int] = []
        self._before: list[ByPeriod] = []  # at_start less the load's own sum: the quick way to a value.
        self._append(installed)

    @property
    def last(self) -> Segment:
        return self._segments[-1]

    def at(self, us: int) -> Segment:
        """Return the segment in force at an instant; the first also serves what lies before it."""
        return self._segments[self._index(us)]

    def energy_nj(self, us: int) -> ByPeriod:
        """Return what the meter has counted by period, its first register included (real energy, nJ)."""
        index = self._index(us)
        segment = self._segments[index]
        if not segment.flowing or us <= segment.start_us:
            return segment.at_start
        if segment.extra_w or segment.offset_us or segment.times != 1:
            return add(segment.at_start, self._piecewise(segment, us))
        return add(self._before[index], self._load.energy_nj(us))

    def power_mw(self, us: int) -> int:
        segment = self.at(us)
        if not segment.flowing:
            return 0
        return self._load.power_mw(us) * segment.times + segment.extra_w * MW_PER_W

    def register_steps(self, us: int, ct_ratio: int) -> tuple[int, ByPeriod]:
        """Return the shown total and period registers: secondary side, steps of 10 Wh, never below 0."""
        segment = self.at(us)
        a, b, c, d = self.energy_nj(us)
        step = ct_ratio * STEP_NJ
        e, f, g, h = segment.period_shift
        total = (a + b + c + d) // step + segment.total_shift
        if segment.period_shift == NOTHING:
            return total, (a // step, b // step, c // step, d // step)
        return max(0, total), (
            max(0, a // step + e),
            max(0, b // step + f),
            max(0, c // step + g),
            max(0, d // step + h),
        )

    def change(
        self,
        us: int,
        *,
        flowing: bool | None = None,
        extra_w: int | None = None,
        times: int | None = None,
        offset_us: int | None = None,
        jump_steps: int = 0,
    ) -> None:
        """Begin a segment. A change dated before the last one counts from the last one on."""
        last = self.last
        start_us = max(us, last.start_us)
        segment = replace(
            last,
            start_us=start_us,
            at_start=self.energy_nj(start_us),
            flowing=last.flowing if flowing is None else flowing,
            extra_w=last.extra_w if extra_w is None else extra_w,
            times=last.times if times is None else times,
            offset_us=last.offset_us if offset_us is None else offset_us,
        )
        if jump_steps:
            shift = list(last.period_shift)
            shift[self.period(start_us)] += jump_steps
            segment = replace(
                segment,
                total_shift=last.total_shift + jump_steps,
                period_shift=(shift[0], shift[1], shift[2], shift[3]),
            )
        self._append(segment)

    def period(self, us: int) -> int:
        """Return the index of the period that the meter's own clock and table say."""
        _, _, period = next(self._table.pieces(us, us + 1, self.at(us).offset_us))
        return period

    def to_json(self) -> list[Any]:
        return [
            [
                s.start_us,
                s.at_start,
                s.flowing,
                s.extra_w,
                s.times,
                s.offset_us,
                s.total_shift,
                s.period_shift,
            ]
            for s in self._segments
        ]

    def load_json(self, rows: list[Any]) -> None:
        """Replace all segments by kept ones."""
        self._segments, self._starts, self._before = [], [], []
        for start_us, at_start, flowing, extra_w, times, offset_us, total_shift, shift in rows:
            conditions = (flowing, extra_w, times, offset_us, total_shift)
            self._append(Segment(start_us, tuple(at_start), *conditions, tuple(shift)))

    def _append(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._starts.append(segment.start_us)
        self._before.append(subtract(segment.at_start, self._load.energy_nj(segment.start_us)))
        if len(self._segments) > MAX_SEGMENTS:
            for kept in (self._segments, self._starts, self._before):
                del kept[0]

    def _index(self, us: int) -> int:
        if us >= self._starts[-1]:
            return -1
        return max(0, bisect_right(self._starts, us) - 1)

    def _piecewise(self, segment: Segment, us: int) -> ByPeriod:
        sums = [0, 0, 0, 0]
        for start, end, period in self._table.pieces(segment.start_us, us, segment.offset_us):
            own = sum(self._load.energy_nj(end)) - sum(self._load.energy_nj(start))
            sums[period] += own * segment.times + segment.extra_w * MW_PER_W * (end - start)
        return sums[0], sums[1], sums[2], sums[3]
