"""What one line has to read next (抄表队列): asked for, watched, due.

One full read of each kind is under way at a time; orders may come between its requests.
"""

import heapq
import random
from collections.abc import Iterable, Iterator, Mapping

from collector.due import Due
from collector.layout import Part
from collector.reading import FullRead
from collector.schedule import Schedule
from collector.steps import Rank
from collector.turn import Station, Turn
from common.wire import ReadingKind, ReadRequest

MAX_REQUEST_RETRY_S = 8.0
REREADS_S = (10.0, 60.0)  # After a relay order has been carried out.


class Reads:
    """Reads of one line. Times are monotonic seconds."""

    def __init__(self, random_: random.Random) -> None:
        self.schedule = Schedule(0.0, random_)
        self._stations: Mapping[str, Station] = {}
        self._requests: list[FullRead] = []
        self._later: list[tuple[float, str]] = []  # When which meter is polled out of turn.
        self._watch: FullRead | None = None
        self._poll: FullRead | None = None
        self._held: list[FullRead] = []  # Polls whose next request the line may not ask yet.

    def replan(
        self,
        stations: Mapping[str, Station],
        interval_s: float,
        electrical_s: float,
        now_s: float,
        midnights_s: Mapping[str, float],
    ) -> None:
        """Take a new list of meters; deadlines of known ones stay. midnights_s: see Schedule.replan."""
        self._stations = stations
        # Reads that are under way begin anew: their meters may have gone.
        begun = [r.meter_id for r in (self._poll, self._watch, *self._held) if r is not None]
        self._poll = self._watch = None
        self._held = []
        offers = {meter_id: station.layout.offers for meter_id, station in stations.items()}
        self.schedule.replan(offers, interval_s, now_s, electrical_s, midnights_s)
        for meter_id in begun:
            self.schedule.read_by(meter_id, now_s)
        self._requests = [read for read in self._requests if read.meter_id in stations]
        for read in self._requests:
            if read.layout is not stations[read.meter_id].layout:
                read.restart(stations[read.meter_id].layout)

    def ask(self, read: FullRead) -> None:
        """Read as soon as no order stands in front."""
        self._requests.append(read)

    def ask_for(self, request: ReadRequest, station: Station, now_s: float) -> None:
        """The same for somebody who waits for it so long."""
        full = FullRead(request.meter_id, station.layout, ReadingKind.REQUEST, now_s, request.request_id)
        full.expires_s = now_s + request.within_s
        self.ask(full)

    def watch(self, meter_ids: Iterable[str], now_s: float) -> None:
        """Read these meters every few seconds from now on, and only these."""
        self.schedule.watch(meter_ids, now_s)

    def look_again(self, station: Station, now_s: float) -> None:
        """Read a meter after an order, and once more a little and a while later."""
        meter_id = station.plan.meter_id
        self.ask(FullRead(meter_id, station.layout, ReadingKind.VERIFY, now_s, parts=(Part.MONEY,)))
        for delay_s in REREADS_S:
            heapq.heappush(self._later, (now_s + delay_s, meter_id))

    def pass_time(self, now_s: float) -> None:
        """Drop requests that come too late, and bring forward the polls that follow an order."""
        while self._later and self._later[0][0] <= now_s:
            self.schedule.read_by(heapq.heappop(self._later)[1], now_s)
        if self._requests:
            self._requests = [r for r in self._requests if r.expires_s is None or r.expires_s > now_s]

    # Who is next.

    def requested(self, now_s: float) -> Turn | None:
        for read in self._requests:
            if read.due_s <= now_s:
                return self._turn(read, Rank.REQUEST)
        return None

    def watched(self, now_s: float) -> Turn | None:
        """Return the next request of a meter near a limit."""
        if self._watch is None:
            due = self.schedule.take_watched(now_s)
            if due is None:
                return None
            self._watch = self._begin(due, now_s)
        if self._watch.due_s > now_s:
            return None
        return self._turn(self._watch, Rank.WATCH)

    def polled(self, now_s: float) -> Turn | None:
        """Return the next request of the running poll, or begin the next one."""
        if self._poll is None:
            self._poll = self._rested(now_s)
        if self._poll is None:
            due = self.schedule.take(now_s)
            if due is None:
                return None
            if not due.parts:
                station = self._stations[due.meter_id]
                return Turn(station, station.layout.probe, Rank.POLL, None)
            self._poll = self._begin(due, now_s)
        return self._turn(self._poll, Rank.POLL)

    def hold(self, read: FullRead, until_s: float) -> None:
        """Leave a read for now; another poll may begin meanwhile."""
        read.due_s = until_s
        if read is self._poll:
            self._poll = None
            self._held.append(read)

    def _rested(self, now_s: float) -> FullRead | None:
        """Take up a poll again that had to be left."""
        read = next((read for read in self._held if read.due_s <= now_s), None)
        if read is not None:
            self._held.remove(read)
        return read

    def poll_waits(self, now_s: float) -> bool:
        """Tell whether a routine read is due."""
        next_s = self.schedule.next_s()
        return self._poll is not None or (next_s is not None and next_s <= now_s)

    def next_s(self) -> float | None:
        """Return when something becomes due."""
        times = [read.due_s for read in (*self._requests, *self._held)]
        if self._watch is not None:
            times.append(self._watch.due_s)
        if self._later:
            times.append(self._later[0][0])
        times += [t for t in (self.schedule.next_s(), self.schedule.next_watched_s()) if t is not None]
        return min(times, default=None)

    # What became of them.

    def __iter__(self) -> Iterator[FullRead]:
        """Go through every read under way or asked for."""
        yield from (read for read in (self._poll, self._watch) if read is not None)
        yield from self._held
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
        self._held = [other for other in self._held if other is not read]
        self._requests = [other for other in self._requests if other is not read]

    def finish(self, read: FullRead, now_s: float, midnight_s: float) -> None:
        """Take a complete read from the queue. midnight_s: when the next local day begins."""
        self.schedule.was_read(read.meter_id, read.brought, now_s, midnight_s)
        self.drop(read)

    def go_without(self, read: FullRead, now_s: float) -> None:
        """Leave out the parts that are not answered; they are asked for again, the rest is a reading."""
        missing = [part for part in read.parts if part not in read.brought]
        for part in missing:
            read.give_up(part)
        self.schedule.again(read.meter_id, missing, now_s)

    def put_off(self, read: FullRead, now_s: float, *, soon: bool) -> None:
        """Give a poll up, until soon or its next deadline; try a requested read again until it expires."""
        if read.expires_s is None:
            self.drop(read)
            if soon:
                self.schedule.again(read.meter_id, read.parts, now_s)
            return
        read.restart()
        read.due_s = now_s + read.retry_s
        read.retry_s = min(read.retry_s * 2, MAX_REQUEST_RETRY_S)

    def _begin(self, due: Due, now_s: float) -> FullRead:
        layout = self._stations[due.meter_id].layout
        kind = ReadingKind.POLL
        return FullRead(due.meter_id, layout, kind, now_s, parts=due.parts, midnights=due.midnights)

    def _turn(self, read: FullRead, rank: Rank) -> Turn:
        return Turn(self._stations[read.meter_id], read.next(), rank, read)
