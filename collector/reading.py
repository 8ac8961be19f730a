"""A full read of one meter in one or more requests, and the reading it becomes (抄表)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from collector.layout import Layout, Part
from collector.requests import Request
from collector.values import Values
from common.wire import PlanMeter, Reading, ReadingKind


@dataclass
class FullRead:
    """What is left to ask, and what has been answered.

    parts:     what is wanted; money comes first, and with it the read is worth a reading.
    midnights: how many of the last ones to ask for, with the day's values.
    expires_s: a requested read is not begun after this instant (monotonic); None: no limit.
    """

    meter_id: str
    layout: Layout
    kind: ReadingKind
    due_s: float
    request_id: str | None = None
    expires_s: float | None = None
    parts: tuple[Part, ...] = (Part.MONEY, Part.ELECTRICAL)
    midnights: int = 1
    retry_s: float = 1.0
    read_at: datetime | None = None
    clock_read_at: datetime | None = None  # When the answer that shows the meter's clock came in.
    answers: list[tuple[Request, Sequence[int]]] = field(default_factory=list)
    _left: list[tuple[Part, Request]] = field(default_factory=list)
    _brought: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def part(self) -> Part:
        """The part that the next request belongs to."""
        return self._left[0][0]

    @property
    def brought(self) -> tuple[Part, ...]:
        """The parts that have been answered, as far as the meter has them."""
        left = {part for part, _ in self._left}
        return tuple(part for part in self._brought if part not in left)

    def next(self) -> Request:
        return self._left[0][1]

    def take(self, words: Sequence[int], at: datetime) -> bool:
        """Keep an answer; returns True when all of them are there."""
        if self.read_at is None:
            self.read_at = at
        request = self._left.pop(0)[1]
        if self.layout.shows_clock(request):
            self.clock_read_at = at
        self.answers.append((request, words))
        return not self._left

    def refuse(self) -> bool:
        """Go on without the next value: the meter does not have it. Returns True when nothing is left."""
        gone = self.layout.told_by(self._left.pop(0)[1])
        self._left = [(part, request) for part, request in self._left if request not in gone]
        return not self._left

    def give_up(self, part: Part) -> None:
        """Go on without a part; never money's."""
        asked = set(self._requests(part))
        self._left = [(other, request) for other, request in self._left if other is not part]
        self._brought = [other for other in self._brought if other is not part]
        self.answers = [(request, words) for request, words in self.answers if request not in asked]

    def restart(self, layout: Layout | None = None) -> None:
        """Forget the answers: a relay order has made them old, or they were read from wrong places."""
        self.layout = layout or self.layout
        self._left = [(part, request) for part in self.parts for request in self._requests(part)]
        self._brought = list(self.parts)
        self.answers = []
        self.read_at = self.clock_read_at = None

    def _requests(self, part: Part) -> tuple[Request, ...]:
        requests = self.layout.parts[part]
        if part is not Part.DAILY or self.midnights == 1:
            return requests
        return tuple(dict.fromkeys((*requests, *self.layout.frozen(self.midnights))))


def make_reading(meter: PlanMeter, read: FullRead, values: Values, at: datetime) -> Reading:
    """Return the reading of a finished full read; power and currents are as the meter shows them."""
    offset_s = None
    if values.clock_at is not None:
        offset_s = (values.clock_at - (read.clock_read_at or at)).total_seconds()
    return Reading(
        meter_id=meter.meter_id,
        read_at=read.read_at or at,
        kind=read.kind,
        register_wh=values.register_wh,
        period_registers_wh=values.period_registers_wh,
        power_w=values.power_w,
        voltage_mv=values.voltage_mv,
        current_ma=values.current_ma,
        relay=values.relay,
        forced=values.forced if meter.prepaid else None,
        own_remaining_fen=values.own_remaining_fen,
        held=values.held,
        load_tripped=values.load_tripped,
        meter_clock_offset_s=offset_s,
        period_table=values.period_table,
        frozen=values.frozen,
        request_id=read.request_id,
    )
