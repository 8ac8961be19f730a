"""What one line has to read next (抄表队列): asked for, watched, due.

One full read of each kind is under way at a time; orders may come between its requests.
"""

import random
from collections.abc import Iterable, Iterator, Mapping

from collector.reading import FullRead
from collector.schedule import Schedule
from collector.steps import Rank
from collector.turn import Station, Turn
from common.wire import ReadingKind

WATCH_S = 4.0  # A meter near a limit is read this often (关注表).
MAX_REQUEST_RETRY_S = 8.0


class Reads:
    """Reads of one line. Times are monotonic seconds."""

    def __init__(self, random_: random.Random) -> None:
        self.schedule = Schedule(0.0, random_)
        self._stations: Mapping[str, Station] = {}
        self._requests: list[FullRead] = []
        self._watch: FullRead | None = None
        self._watched_s: dict[str, float] = {}  # Meter near a limit -> when it is due.
        self._poll: FullRead | None = None

    def replan(self, stations: Mapping[str, Station], interval_s: float, now_s: float) -> None:
        """Take a new list of meters; deadlines of known ones stay."""
        self._stations = stations
        self.schedule.replan(stations, interval_s, now_s)
        self._requests = [read for read in self._requests if read.meter_id in stations]
        self._poll = self._watch = None
        self.watch(self._watched_s, now_s)

    def ask(self, read: FullRead) -> None:
        """Read as soon as no order stands in front."""
        self._requests.append(read)

    def watch(self, meter_ids: Iterable[str], now_s: float) -> None:
        """Read these meters every few seconds from now on, and only these."""
        wanted = [meter_id for meter_id in meter_ids if meter_id in self._stations]
        self._watched_s = {meter_id: self._watched_s.get(meter_id, now_s) for meter_id in wanted}

    def expire(self, now_s: float) -> None:
        if self._requests:
            self._requests = [r for r in self._requests if r.expires_s is None or r.expires_s > now_s]

    # Who is next.

    def requested(self, now_s: float) -> Turn | None:
        for read in self._requests:
            if read.due_s <= now_s:
                return self._turn(read, Rank.REQUEST)
        return None

    def watched(self, now_s: float) -> Turn | None:
        """Return the next request of a meter near a limit; a dead one is left to its probes."""
        if self._watch is None:
            due = [(at, m) for m, at in self._watched_s.items() if at <= now_s and self.schedule.lives(m)]
            if not due:
                return None
            _, meter_id = min(due)
            self._watched_s[meter_id] = now_s + WATCH_S
            self._watch = self._full_read(meter_id, now_s)
        return self._turn(self._watch, Rank.WATCH)

    def polled(self, now_s: float) -> Turn | None:
        """Return the next request of the running poll, or begin the next one."""
        if self._poll is None:
            taken = self.schedule.take(now_s)
            if taken is None:
                return None
            meter_id, is_probe = taken
            if is_probe:
                station = self._stations[meter_id]
                return Turn(station, station.layout.probe, Rank.POLL, None)
            self._poll = self._full_read(meter_id, now_s)
        return self._turn(self._poll, Rank.POLL)

    def poll_waits(self, now_s: float) -> bool:
        """Tell whether a routine read is due."""
        next_s = self.schedule.next_s()
        return self._poll is not None or (next_s is not None and next_s <= now_s)

    def next_times_s(self) -> list[float]:
        """Return when something becomes due."""
        times = [read.due_s for read in self._requests]
        times += [due_s for meter_id, due_s in self._watched_s.items() if self.schedule.lives(meter_id)]
        poll_s = self.schedule.next_s()
        return times if poll_s is None else [*times, poll_s]

    # What became of them.

    def __iter__(self) -> Iterator[FullRead]:
        """Go through every read under way or asked for."""
        yield from (read for read in (self._poll, self._watch) if read is not None)
        yield from self._requests

    def of(self, meter_id: str) -> Iterator[FullRead]:
        return (read for read in self if read.meter_id == meter_id)

    def wants(self, read: FullRead) -> bool:
        return any(read is other for other in self)

    def drop(self, read: FullRead) -> None:
        if read is self._poll:
            self._poll = None
        if read is self._watch:
            self._watch = None
        self._requests = [other for other in self._requests if other is not read]

    def finish(self, read: FullRead, now_s: float) -> None:
        """Take a complete read from the queue."""
        if read is self._watch:
            self.schedule.was_read(read.meter_id, now_s)
        self.drop(read)

    def put_off(self, read: FullRead, now_s: float) -> None:
        """Give a poll up until its next deadline; try a requested read again until it expires."""
        if read.expires_s is None:
            self.drop(read)
            return
        read.restart()
        read.due_s = now_s + read.retry_s
        read.retry_s = min(read.retry_s * 2, MAX_REQUEST_RETRY_S)

    def _full_read(self, meter_id: str, now_s: float) -> FullRead:
        return FullRead(meter_id, self._stations[meter_id].layout, ReadingKind.POLL, now_s)

    def _turn(self, read: FullRead, rank: Rank) -> Turn:
        return Turn(self._stations[read.meter_id], read.next(), rank, read)
