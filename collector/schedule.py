"""Who is read next (轮询): the earliest deadline, and little line time for meters that are dead."""

import math
import random
from collections.abc import Collection, Iterable, Mapping

from collector.deadlines import Deadlines
from collector.due import DAILY_FROM_S, DAILY_SPREAD_S, Due, Entry, Intervals
from collector.layout import Part

SUSPECT_AFTER = 2  # Misses in a row; from then on one short request asks whether the meter is back …
DEAD_AFTER = 5  # … and from here on less and less often.
FIRST_PROBE_S, MAX_PROBE_S = 5.0, 120.0
PROBE_JITTER = 0.1
# Of line time, all suspect and dead meters of a line together: 5 % at most. An order waits for the probe
# that it meets; at a little less than that its 95th percentile is not made of probes.
PROBE_SHARE = 0.04
FAULT_SHARE = 0.8  # So many of a line's meters silent in a row: the line is at fault, not the meters.
FAULT_MIN_METERS = 3
FAULT_PROBE_S = 1.0  # Then one meter after the other is asked, this often.
FIRST_OF_ALL_S = -1.0
WATCH_S = 4.0  # A meter near a limit is read this often (关注表).


class Schedule:
    """Deadlines of one line, in monotonic seconds. Knows neither the line nor the clock."""

    def __init__(self, interval_s: float, random_: random.Random) -> None:
        self._intervals = Intervals(interval_s, interval_s)
        self._random = random_
        self._entries: dict[str, Entry] = {}
        self._live, self._probes, self._watched = Deadlines(), Deadlines(), Deadlines()
        self._watching: set[str] = set()
        self._probe_free_s = 0.0
        self._silent_run: dict[str, None] = {}  # An ordered set: meters silent since the last answer.
        self._fault_probe_s = 0.0
        self.fault = False

    def replan(
        self,
        meters: Mapping[str, Collection[Part]],
        interval_s: float,
        now_s: float,
        electrical_s: float | None = None,
        midnights_s: Mapping[str, float] | None = None,
    ) -> None:
        """Take a new list of meters and the parts that each has; known ones keep their deadlines, new
        ones are due now with all their parts.

        midnights_s: the first one that is not known, of meters that have told of the one before.
        """
        kept = self._entries
        self._intervals = Intervals(interval_s, interval_s if electrical_s is None else electrical_s)
        self._entries = {}
        self._live, self._probes = Deadlines(), Deadlines()
        for meter_id, parts in meters.items():
            entry = kept.get(meter_id)
            if entry is None:
                spread_s = self._random.uniform(0.0, DAILY_SPREAD_S)
                missing_s = (midnights_s or {}).get(meter_id, -math.inf)
                entry = Entry(meter_id, DAILY_FROM_S + spread_s, now_s, missing_s)
            self._entries[meter_id] = entry
            entry.offer(parts, now_s)
            entry.hasten(Part.MONEY, now_s + self._intervals.money_s)
            entry.hasten(Part.ELECTRICAL, now_s + self._intervals.electrical_s)
            self._place(entry, now_s)
        self._silent_run = {m: None for m in self._silent_run if m in self._entries}
        self.watch(self._watching, now_s)

    def offer(self, meter_id: str, parts: Collection[Part], now_s: float) -> None:
        """Note which parts a meter has; money is always there."""
        self._entries[meter_id].offer(parts, now_s)

    def watch(self, meter_ids: Iterable[str], now_s: float) -> None:
        """Read these meters every few seconds from now on, and only these."""
        before, self._watching = self._watching, {m for m in meter_ids if m in self._entries}
        for meter_id in before - self._watching:
            self._watched.drop(meter_id)
        for meter_id in sorted(self._watching - before):
            if not _suspect(self._entries[meter_id]):
                self._watched.put(meter_id, now_s)

    # Who is next.

    def take(self, now_s: float) -> Due | None:
        """Return whom to read now and move its deadlines, or None when nobody is due."""
        if self.fault:
            return self._take_any(now_s)
        probe = self._probes.first()
        if probe is not None and probe[0] <= now_s and self._probe_free_s <= now_s:
            entry = self._entries[probe[1]]
            self._probes.put(entry.meter_id, now_s + self._probe_delay_s(entry.misses))
            return Due(entry.meter_id)
        live = self._live.first()
        if live is not None and live[0] <= now_s:
            return self._take(self._entries[live[1]], now_s, in_turn=True)
        return None

    def take_watched(self, now_s: float) -> Due | None:
        """Return the watched meter to read now; one that is silent is left to its probes."""
        first = self._watched.first()
        if first is None or first[0] > now_s or self.fault:
            return None
        self._watched.put(first[1], now_s + WATCH_S)
        return self._take(self._entries[first[1]], now_s, in_turn=False)

    def next_s(self) -> float | None:
        """Return when `take` is worth calling next; None without meters."""
        if self.fault:
            return self._fault_probe_s if self._entries else None
        live, probe = self._live.first(), self._probes.first()
        times = [] if live is None else [live[0]]
        if probe is not None:
            times.append(max(probe[0], self._probe_free_s))
        return min(times, default=None)

    def next_watched_s(self) -> float | None:
        """Return when `take_watched` is worth calling next."""
        first = None if self.fault else self._watched.first()
        return None if first is None else first[0]

    def read_by(self, meter_id: str, due_s: float) -> None:
        """Bring a meter's deadline forward."""
        entry = self._entries.get(meter_id)
        if entry is None:
            return
        if _suspect(entry):
            self._probes.put(meter_id, due_s)
        elif entry.hasten(Part.MONEY, due_s):
            self._place(entry, due_s)

    def look_elsewhere(self, silent: Collection[str], now_s: float) -> None:
        """Read a live meter next, before all that are due: none of these if there is another, and of the
        others the one that answered last."""
        live = [entry for entry in reversed(self._entries.values()) if not _suspect(entry)]
        best = max(live, key=lambda e: (e.meter_id not in silent, e.read_s), default=None)
        if best is not None and not self.fault:
            best.hasten(Part.MONEY, now_s)
            self._live.put(best.meter_id, FIRST_OF_ALL_S)

    def ask_again(self, meter_ids: Iterable[str], now_s: float) -> None:
        """Take the mark from meters and ask them now: they may have been out of reach."""
        for meter_id in meter_ids:
            entry = self._entries.get(meter_id)
            if entry is not None and _suspect(entry):
                entry.misses = SUSPECT_AFTER - 1
                entry.hasten(Part.MONEY, now_s)
                self._place(entry, now_s)

    # What became of it.

    def answered(self, meter_id: str, now_s: float) -> None:
        """Note any good answer of a meter; one that was silent gets its full read at once."""
        self._clear_fault(now_s)
        entry = self._entries.get(meter_id)
        if entry is None or entry.misses == 0:
            return
        was_suspect = _suspect(entry)
        entry.misses = 0
        if not was_suspect:
            return
        entry.hasten(Part.MONEY, now_s)
        self._place(entry, now_s)
        if meter_id in self._watching:
            self._watched.put(meter_id, now_s + WATCH_S)
        # What has brought this one back may have brought others: ask the next one now. The answer
        # costs nothing of the probes' share, and a silence ends the chain.
        probe = self._probes.first()
        if probe is not None:
            self._probes.put(probe[1], now_s)

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
        if _suspect(entry):
            self._probe_free_s = now_s + cost_s / PROBE_SHARE
        entry.misses += 1
        if _suspect(entry):
            self._place(entry, now_s)

    def again(self, meter_id: str, parts: Iterable[Part], now_s: float) -> None:
        """Ask soon for parts that were not answered."""
        entry = self._entries.get(meter_id)
        if entry is None:
            return
        entry.again(parts, now_s)
        if not _suspect(entry):
            self._place(entry, now_s)

    def was_read(self, meter_id: str, parts: Collection[Part], now_s: float, midnight_s: float) -> None:
        """Note a finished read and what it brought. midnight_s: when the next local day begins."""
        entry = self._entries.get(meter_id)
        if entry is None:
            return
        entry.was_read(parts, self._intervals, now_s, midnight_s)
        if Part.DAILY in parts:
            self._place(entry, now_s)

    def silent(self) -> list[str]:
        """Return the meters that do not answer, in the plan's order."""
        return [
            m for m, entry in self._entries.items() if entry.misses or (self.fault and m in self._silent_run)
        ]

    # Inside.

    def _take(self, entry: Entry, now_s: float, *, in_turn: bool) -> Due:
        due = entry.take(self._intervals, now_s, in_turn=in_turn)
        self._place(entry, now_s)
        return due

    def _place(self, entry: Entry, now_s: float) -> None:
        """Put a meter where its state says: among the live ones, or those that are only probed."""
        meter_id = entry.meter_id
        if _suspect(entry):
            self._live.drop(meter_id)
            self._watched.drop(meter_id)
            self._probes.put(meter_id, now_s + self._probe_delay_s(entry.misses))
        else:
            self._probes.drop(meter_id)
            self._live.put(meter_id, entry.next_s(self._intervals))

    def _take_any(self, now_s: float) -> Due | None:
        """While the line is at fault, ask one meter after the other whether it is back."""
        live = self._live.first()
        if now_s < self._fault_probe_s or live is None:
            return None
        self._fault_probe_s = now_s + FAULT_PROBE_S
        self._live.put(live[1], now_s)
        return Due(live[1])

    def _mark_fault(self, now_s: float) -> None:
        """Take the marks from all meters: when the line is back they are all asked at once."""
        if self.fault:
            return
        self.fault = True
        self._fault_probe_s = now_s
        for entry in self._entries.values():
            entry.misses = min(entry.misses, SUSPECT_AFTER - 1)
            entry.hasten(Part.MONEY, now_s)
            self._place(entry, now_s)

    def _clear_fault(self, now_s: float) -> None:
        self._silent_run.clear()
        if not self.fault:
            return
        self.fault = False
        for entry in self._entries.values():
            self._place(entry, now_s)
        for meter_id in sorted(self._watching):
            self._watched.put(meter_id, now_s)

    def _probe_delay_s(self, misses: int) -> float:
        delay_s = min(FIRST_PROBE_S * 2.0 ** min(max(misses - DEAD_AFTER, 0), 10), MAX_PROBE_S)
        return delay_s * self._random.uniform(1 - PROBE_JITTER, 1 + PROBE_JITTER)


def _suspect(entry: Entry) -> bool:
    return entry.misses >= SUSPECT_AFTER
