"""What of one meter is due when (期限): three classes of values with deadlines of their own.

Every read brings what money rests on; electrical values, and what the meter kept of midnight, ride on it.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from collector.layout import Part

AGAIN_S = 5.0  # A single miss, or a part that was not answered, is tried again so soon.
OUTAGE_S = 900.0  # After so long without a reading, or three intervals, missed midnights are asked for.
DAILY_FROM_S, DAILY_SPREAD_S = 300.0, 7_200.0  # After local midnight; each meter has its own moment.
DAILY_AGAIN_S = 600.0
FIRST_DAILY_SOONER = 10.0  # A new meter's table and clock come within minutes, each meter at its own moment.
UNKNOWN_MIDNIGHTS = 1  # Of a meter that was never read.
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Due:
    """One meter's turn. parts: what is due of it; none: ask shortly whether it is there.
    midnights: how many of the last ones are not known, where the day's values are due."""

    meter_id: str
    parts: tuple[Part, ...] = ()
    midnights: int = 1


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often a line's meters are read; money_s 0: everything, as fast as the line goes."""

    money_s: float
    electrical_s: float

    @property
    def slack_s(self) -> float:
        """How far electrical values may be moved to ride on a read that comes anyway."""
        return min(self.money_s, self.electrical_s) / 2

    @property
    def outage_s(self) -> float:
        return max(OUTAGE_S, 3 * self.money_s)


class Entry:
    """The deadlines of one meter, in monotonic seconds, and how often it was silent in a row.

    The first read of a new one brings what money rests on, and the midnights that are known to be missing:
    a slow line's first round is not made longer by what can wait.
    midnight_s: the first midnight not known; −inf: the meter was never read, so none is missing.
    """

    def __init__(
        self, meter_id: str, daily_offset_s: float, now_s: float, midnight_s: float = -math.inf
    ) -> None:
        self.meter_id = meter_id
        self.misses = 0
        self._due_s = {Part.MONEY: now_s}
        self._daily_offset_s = daily_offset_s
        self._midnight_s = midnight_s
        self.read_s = -math.inf

    def offer(self, parts: Collection[Part], now_s: float) -> None:
        """Note which parts the meter has; money is always there."""
        if self._midnight_s == -math.inf:
            daily_s = now_s + self._daily_offset_s / FIRST_DAILY_SOONER
        else:
            daily_s = now_s if self._midnight_s <= now_s else self._midnight_s + self._daily_offset_s
        due_s = {Part.DAILY: daily_s}
        due_s |= self._due_s
        self._due_s = {p: due_s.get(p, now_s) for p in Part if p is Part.MONEY or p in parts}

    def hasten(self, part: Part, at_s: float) -> bool:
        """Bring a deadline forward; returns False when it was no later."""
        if part not in self._due_s or self._due_s[part] <= at_s:
            return False
        self._due_s[part] = at_s
        return True

    def next_s(self, intervals: Intervals) -> float:
        """Return when the meter has to be read. A part waits for a read that comes anyway, not longer."""
        at_s = self._due_s[Part.MONEY]
        if intervals.money_s > 0:
            if Part.ELECTRICAL in self._due_s:
                at_s = min(at_s, self._due_s[Part.ELECTRICAL] + intervals.slack_s)
            if Part.DAILY in self._due_s:
                at_s = min(at_s, self._due_s[Part.DAILY] + intervals.money_s)
        return at_s

    def take(self, intervals: Intervals, now_s: float, *, in_turn: bool) -> Due:
        """Return what the read that begins now shall bring, and set the next deadlines."""
        parts = tuple(part for part in self._due_s if self._rides(part, intervals, now_s))
        midnights = self._midnights(now_s) if Part.DAILY in parts else 1
        # The rhythm is kept, unless the line is behind by more than a whole round; a read that another part
        # has brought forward begins it anew.
        from_s = min(self._due_s[Part.MONEY], now_s) if in_turn else now_s
        self._due_s[Part.MONEY] = max(from_s + intervals.money_s, now_s)
        if Part.ELECTRICAL in parts:
            from_s = self._due_s[Part.ELECTRICAL]
            self._due_s[Part.ELECTRICAL] = max(from_s + intervals.electrical_s, now_s)
        if Part.DAILY in parts:
            self._due_s[Part.DAILY] = now_s + DAILY_AGAIN_S
        return Due(self.meter_id, parts, midnights)

    def again(self, parts: Iterable[Part], now_s: float) -> None:
        """Ask once more for parts that were not answered: soon, and what is of the day a little later."""
        for part in parts:
            self.hasten(part, now_s + (DAILY_AGAIN_S if part is Part.DAILY else AGAIN_S))

    def was_read(
        self, parts: Collection[Part], intervals: Intervals, now_s: float, midnight_s: float
    ) -> None:
        """Note a finished read and what it brought. midnight_s: when the next local day begins."""
        self.read_s = now_s
        if Part.ELECTRICAL in parts and Part.ELECTRICAL in self._due_s:
            due_s = self._due_s[Part.ELECTRICAL]
            self._due_s[Part.ELECTRICAL] = max(due_s, now_s + intervals.electrical_s / 2)
        if self._midnight_s == -math.inf:
            self._midnight_s = midnight_s  # What was before its first reading is nobody's energy.
        if Part.DAILY in parts and Part.DAILY in self._due_s:
            self._midnight_s = midnight_s
            self._due_s[Part.DAILY] = midnight_s + self._daily_offset_s

    def _rides(self, part: Part, intervals: Intervals, now_s: float) -> bool:
        if part is Part.MONEY:
            return True
        if part is Part.ELECTRICAL:
            # Half a round early saves a read of its own later.
            rides = self.read_s > -math.inf and self._due_s[part] <= now_s + intervals.slack_s
            return intervals.money_s == 0 or rides
        away = now_s - self.read_s > intervals.outage_s
        return self._due_s[part] <= now_s or (away and -math.inf < self._midnight_s <= now_s)

    def _midnights(self, now_s: float) -> int:
        if self._midnight_s == -math.inf:
            return UNKNOWN_MIDNIGHTS
        return max(1, math.floor((now_s - self._midnight_s) / DAY_S) + 1)
