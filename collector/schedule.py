"""Who is read next (轮询): the earliest deadline, and little line time for meters that are dead."""

import heapq
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

DEAD_AFTER = 2  # Misses in a row; from then on one short request asks whether the meter is back.
FIRST_PROBE_S, MAX_PROBE_S = 5.0, 120.0
PROBE_JITTER = 0.1
PROBE_SHARE = 0.05  # Of line time, all dead meters of a line together.
FAULT_SHARE = 0.8  # So many of a line's meters silent in a row: the line is at fault, not the meters.
FAULT_MIN_METERS = 3


@dataclass
class _Entry:
    meter_id: str
    due_s: float
    misses: int = 0
    version: int = 0

    @property
    def dead(self) -> bool:
        return self.misses >= DEAD_AFTER


class Schedule:
    """Deadlines of one line, in monotonic seconds. Knows neither the line nor the clock."""

    def __init__(self, interval_s: float, random_: random.Random) -> None:
        self._interval_s = interval_s
        self._random = random_
        self._entries: dict[str, _Entry] = {}
        self._live: list[tuple[float, int, str]] = []
        self._dead: list[tuple[float, int, str]] = []
        self._moves = 0
        self._probe_free_s = 0.0
        self._silent_run: dict[str, None] = {}  # An ordered set: meters silent since the last answer.
        self.fault = False

    def replan(self, meter_ids: Iterable[str], interval_s: float, now_s: float) -> None:
        """Take a new list of meters; known ones keep their deadlines, new ones are due now."""
        kept = dict(self._entries)
        self._interval_s = interval_s
        self._entries = {}
        self._live, self._dead = [], []
        for meter_id in meter_ids:
            entry = kept.get(meter_id) or _Entry(meter_id, now_s)
            entry.due_s = min(entry.due_s, now_s + max(interval_s, MAX_PROBE_S if entry.dead else 0.0))
            self._entries[meter_id] = entry
            self._push(entry)
        self._silent_run = {m: None for m in self._silent_run if m in self._entries}

    def take(self, now_s: float) -> tuple[str, bool] | None:
        """Return (meter, is a probe) to read now and move its deadline, or None when nobody is due."""
        dead = self._top(self._dead)
        if dead is not None and dead.due_s <= now_s and self._probe_free_s <= now_s:
            self._move(dead, now_s + self._probe_delay_s(dead.misses))
            return dead.meter_id, True
        live = self._top(self._live)
        if live is not None and live.due_s <= now_s:
            # The rhythm is kept, unless the line is behind by more than a whole round.
            self._move(live, max(live.due_s + self._interval_s, now_s))
            return live.meter_id, False
        return None

    def next_s(self) -> float | None:
        """Return when `take` is worth calling next; None without meters."""
        live, dead = self._top(self._live), self._top(self._dead)
        times = [] if live is None else [live.due_s]
        if dead is not None:
            times.append(max(dead.due_s, self._probe_free_s))
        return min(times, default=None)

    def read_by(self, meter_id: str, due_s: float) -> None:
        """Bring a meter's deadline forward."""
        entry = self._entries.get(meter_id)
        if entry is not None and due_s < entry.due_s:
            self._move(entry, due_s)

    def answered(self, meter_id: str, now_s: float) -> None:
        """Note any good answer of a meter; one that was dead gets its full read at once."""
        self._silent_run.clear()
        self.fault = False
        entry = self._entries.get(meter_id)
        if entry is None or entry.misses == 0:
            return
        was_dead = entry.dead
        entry.misses = 0
        if was_dead:
            self._move(entry, now_s)

    def missed(self, meter_id: str, now_s: float, cost_s: float) -> None:
        """Note that a meter did not answer, and the line time that it cost."""
        entry = self._entries.get(meter_id)
        if entry is None:
            return
        self._silent_run[meter_id] = None
        if len(self._silent_run) >= max(FAULT_MIN_METERS, math.ceil(FAULT_SHARE * len(self._entries))):
            self._mark_fault(now_s)
        if self.fault:
            return
        if entry.dead:
            self._probe_free_s = now_s + cost_s / PROBE_SHARE
        entry.misses += 1
        if entry.dead:
            self._move(entry, now_s + self._probe_delay_s(entry.misses))

    def was_read(self, meter_id: str, now_s: float) -> None:
        """Note that a live meter was read out of turn: its own turn comes an interval later."""
        entry = self._entries.get(meter_id)
        if entry is not None and not entry.dead:
            self._move(entry, max(entry.due_s, now_s + self._interval_s))

    def lives(self, meter_id: str) -> bool:
        """Tell whether a meter answers as far as is known."""
        entry = self._entries.get(meter_id)
        return entry is not None and not entry.dead

    def silent(self) -> list[str]:
        """Return the meters that do not answer, in the plan's order."""
        return [
            m for m, entry in self._entries.items() if entry.misses or (self.fault and m in self._silent_run)
        ]

    def _mark_fault(self, now_s: float) -> None:
        """Take the marks from all meters: when the line is back they are all asked at once."""
        if self.fault:
            return
        self.fault = True
        for entry in self._entries.values():
            if entry.dead:
                entry.misses = DEAD_AFTER - 1
                self._move(entry, now_s)

    def _probe_delay_s(self, misses: int) -> float:
        delay_s = min(FIRST_PROBE_S * 2.0 ** min(misses - DEAD_AFTER, 10), MAX_PROBE_S)
        return delay_s * self._random.uniform(1 - PROBE_JITTER, 1 + PROBE_JITTER)

    def _move(self, entry: _Entry, due_s: float) -> None:
        entry.due_s = due_s
        self._push(entry)

    def _push(self, entry: _Entry) -> None:
        # Of meters due at the same instant the one moved longest ago goes first.
        self._moves += 1
        entry.version = self._moves
        heapq.heappush(self._dead if entry.dead else self._live, (entry.due_s, entry.version, entry.meter_id))

    def _top(self, heap: list[tuple[float, int, str]]) -> _Entry | None:
        while heap:
            _, version, meter_id = heap[0]
            entry = self._entries.get(meter_id)
            if entry is not None and entry.version == version:
                return entry
            heapq.heappop(heap)
        return None
