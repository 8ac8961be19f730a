"""What one line does next, and what an answer means (线路调度): no socket, no waiting.

Strict ranks at every transaction boundary: safety, paid restore, read-back, trip, requested read, watched
meter, poll, time broadcast.
"""

import random
import statistics
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta

import structlog

from collector.broadcast import Broadcasts
from collector.converge import Convergence
from collector.layout import Layout, Part
from collector.midnights import NOTHING_KNOWN, Known, next_midnights_s
from collector.orders import Orders, Sink
from collector.profile import Profile
from collector.protocols.answer import BadFrame, Rejected, Silent
from collector.reading import FullRead, make_reading
from collector.reads import Reads
from collector.requests import Request
from collector.steps import Rank
from collector.turn import Station, Turn, stations_of
from common.clock import Clock, local, local_midnight
from common.wire import Desired, PlanLine, ReadingKind, ReadRequest

VERIFY_HOLD_S = 0.06  # A read-back this near is not delayed by a longer transaction.
FLOOD_S = 2.0  # So much line time may orders, requests and watching take from due polls in one go …
VERIFY_FLOOD_S = 4.0  # … a little more for read-backs: watching alone must not delay a restore's proof …
POLL_SHARE = 0.3  # … after that, polls keep this share.
FLOWING_MEMORY_S = 600.0
MAX_WAIT_S = 60.0  # How long an idle line goes without looking around.
GAPS_KEPT = 200

log = structlog.get_logger()


class Work:
    """Orders, requested reads and polls of one line. Times are monotonic seconds."""

    def __init__(
        self,
        clock: Clock,
        random_: random.Random,
        sink: Sink,
        duration_s: Callable[[Request], float],
        midnights: Known = NOTHING_KNOWN,
    ) -> None:
        self._clock, self._sink, self._duration_s = clock, sink, duration_s
        self._midnights = midnights
        self._reads = Reads(random_)
        self._broadcasts = Broadcasts(clock)
        self.orders = Orders(clock, sink)
        self._stations: dict[str, Station] = {}
        self._flood_s = 0.0
        self._gaps_s: deque[float] = deque(maxlen=GAPS_KEPT)

    # What others ask for.

    def replan(self, plan: PlanLine, profiles: Mapping[str, Profile]) -> None:
        """Take a new list of meters; what is known about the ones that stay is kept."""
        self._stations = stations = stations_of(plan, profiles, self._stations)
        now_s = self._clock.monotonic()
        for meter_id, station in stations.items():
            order = self.orders.get(meter_id)
            if order is not None and order.layout is not station.layout:
                order.use(station.layout, now_s)  # Another meter in the same place.
        next_s = next_midnights_s(self._midnights, self._clock)
        self._reads.replan(stations, plan.poll_interval_s, plan.electrical_interval_s, now_s, next_s)
        self._broadcasts.plan(plan.protocol)
        self.orders.keep(set(stations))

    def order(self, desired: Desired, check_first: bool, idle_check: bool) -> None:
        station = self._stations[desired.meter_id]
        now_s = self._clock.monotonic()
        known = station.flowing is not None and now_s - station.flowing_s < FLOWING_MEMORY_S
        convergence = Convergence(
            station.layout,
            desired,
            now_s=now_s,
            permit=station.plan.permit,
            check_first=check_first,
            idle_check=idle_check,
            flowing=station.flowing if known else None,
        )
        self.orders.put(convergence, possible=station.plan.prepaid)

    def read(self, request: ReadRequest) -> None:
        """Read one meter as soon as no order stands in front; dropped when it cannot be done in time."""
        station = self._stations[request.meter_id]
        self._reads.ask_for(request, station, self._clock.monotonic())

    def watch(self, meter_ids: Iterable[str]) -> None:
        """Read these meters every few seconds from now on, and only these."""
        self._reads.watch(meter_ids, self._clock.monotonic())

    def silent(self) -> list[str]:
        return self._reads.schedule.silent()

    @property
    def fault(self) -> bool:
        """Hardly a meter answers: the line is at fault, not its meters."""
        return self._reads.schedule.fault

    def cycle_s(self) -> float | None:
        """Return the median gap between two polls of one meter."""
        return statistics.median(self._gaps_s) if self._gaps_s else None

    # Who goes first.

    def choose(self, now_s: float) -> Turn | float:
        """Return the transaction to begin now, or until when to wait."""
        self._reads.pass_time(now_s)
        turn, near_s = self._ordered(now_s), self._read_back_near_s(now_s)
        verifying = near_s is not None or (turn is not None and turn.rank is Rank.VERIFY)
        may_s = VERIFY_FLOOD_S if verifying else FLOOD_S
        if (turn is None or turn.rank >= Rank.VERIFY) and self._flood_s > may_s:
            turn = self._reads.polled(now_s) or turn
        if near_s is not None and (turn is None or turn.rank in (Rank.TRIP, Rank.REQUEST)):
            fits = turn is not None and now_s + self._duration_s(turn.request) <= near_s
            return turn if turn is not None and fits else near_s
        turn = turn or self._reads.watched(now_s) or self._routine(now_s)
        return turn or self._next_s(now_s)

    def _routine(self, now_s: float) -> Turn | None:
        """Return the next poll, or the day's time broadcast, which polls go before for a while."""
        broadcast = None if self._broadcasts.patient(now_s) else self._broadcast(now_s)
        return broadcast or self._reads.polled(now_s) or self._broadcast(now_s)

    def _read_back_near_s(self, now_s: float) -> float | None:
        verify_s = self.orders.next_verify_s(now_s)
        return verify_s if verify_s is not None and verify_s - now_s <= VERIFY_HOLD_S else None

    def _next_s(self, now_s: float) -> float:
        first_s = now_s + MAX_WAIT_S
        for next_s in (self._reads.next_s(), self.orders.next_s(now_s), self._broadcasts.next_s()):
            if next_s is not None and next_s < first_s:
                first_s = next_s
        return max(first_s, now_s + 0.001)

    def _broadcast(self, now_s: float) -> Turn | None:
        """Return the day's time broadcast when it is due."""
        if not self._stations or not self._broadcasts.due(now_s, self._sink.time_known()):
            return None
        request = self._broadcasts.request(self._duration_s)
        return Turn(next(iter(self._stations.values())), request, Rank.CLOCK, None)

    def _ordered(self, now_s: float) -> Turn | None:
        """Return the first order or requested read."""
        order = self.orders.ready(now_s)
        if order is None or order.rank >= Rank.REQUEST:
            requested = self._reads.requested(now_s)
            if requested is not None:
                return requested
        if order is None:
            return None
        request = order.request()
        if request is None:
            self.orders.tell(order, order.impossible("nothing to read back"))
            return self._ordered(now_s)
        return Turn(self._stations[order.desired.meter_id], request, order.rank, order)

    # What the line may not ask yet, and what it wants to know.

    def hold(self, turn: Turn, until_s: float, now_s: float) -> None:
        """Put a turn behind the others until the line may ask for it (静默规则)."""
        if isinstance(turn.owner, Convergence):
            turn.owner.due_s = until_s
            # Something else has to be asked in between.
            self.look_elsewhere({turn.meter_id}, now_s)
        elif turn.owner is not None:
            self._reads.hold(turn.owner, until_s)
        else:
            self._reads.schedule.read_by(turn.meter_id, until_s)

    def look_elsewhere(self, silent: Collection[str], now_s: float) -> None:
        """Read a live meter now, another than these if there is one."""
        self._reads.schedule.look_elsewhere(silent, now_s)

    def ask_again(self, meter_ids: Iterable[str], now_s: float) -> None:
        """Give meters another chance that were silent on a connection that is not trusted."""
        self._reads.schedule.ask_again(meter_ids, now_s)

    # What happened.

    def sending(self, turn: Turn) -> None:
        """Note that a transaction begins: what is being read of a meter that is written to is old."""
        if turn.rank is Rank.CLOCK:
            self._broadcasts.sent()
        if isinstance(turn.owner, Convergence) and turn.owner.writing:
            for read in self._reads.of(turn.meter_id):
                read.restart()
            self.orders.tell(turn.owner, turn.owner.sending())

    def spent(self, turn: Turn, seconds: float, now_s: float) -> None:
        """Account for line time, so that polls keep their share while orders flood in."""
        if turn.rank is Rank.POLL:
            self._flood_s = max(0.0, self._flood_s - seconds * (1 - POLL_SHARE) / POLL_SHARE)
        elif turn.rank >= Rank.VERIFY:
            self._flood_s = self._flood_s + seconds if self._reads.poll_waits(now_s) else 0.0

    def answered(self, turn: Turn, words: Sequence[int], now_s: float) -> None:
        if not self._concerns(turn):
            return
        self._reads.schedule.answered(turn.meter_id, now_s)
        owner = turn.owner
        if isinstance(owner, Convergence):
            if self.orders.holds(owner):
                wrote = owner.written
                self.orders.tell(owner, owner.answered(words, now_s))
                if wrote and not owner.active:
                    self._reads.look_again(turn.station, now_s)
        elif owner is not None and self._reads.wants(owner) and owner.take(words, self._clock.now()):
            self._finish(turn.station, owner, now_s)
        self.orders.awake(turn.meter_id, now_s)

    def missed(self, turn: Turn, error: Silent, cost_s: float, now_s: float) -> None:
        """Nobody answered."""
        if not self._concerns(turn):
            return
        self._reads.schedule.missed(turn.meter_id, now_s, cost_s)
        owner = turn.owner
        if isinstance(owner, Convergence):
            if self.orders.holds(owner):
                self.orders.tell(owner, owner.silent(now_s, str(error)))
        elif owner is not None and self._reads.wants(owner):
            if owner.part is Part.MONEY:
                self._reads.put_off(owner, now_s, soon=True)
            else:
                self._reads.go_without(owner, now_s)
                self._finish(turn.station, owner, now_s)

    def rejected(self, turn: Turn, error: Rejected, now_s: float) -> None:
        """The meter is there and said no."""
        if not self._concerns(turn):
            return
        self._reads.schedule.answered(turn.meter_id, now_s)
        owner, station = turn.owner, turn.station
        log.warning("meter_rejected", meter=turn.meter_id, code=error.code, rank=turn.rank.name)
        wrote = isinstance(owner, Convergence) and owner.writing
        other = None if wrote or owner is None else station.layout.without(turn.request, error.code)
        if other is not None:
            self._use(station, other, now_s)
        elif isinstance(owner, FullRead) and owner.part is not Part.MONEY:
            if self._reads.wants(owner) and owner.refuse():
                self._finish(station, owner, now_s)
        elif isinstance(owner, Convergence):
            if self.orders.holds(owner):
                self.orders.tell(owner, owner.rejected(error.code, now_s))
        elif owner is not None:
            self._reads.put_off(owner, now_s, soon=False)

    def _concerns(self, turn: Turn) -> bool:
        """Tell whether what became of a turn says something about a meter: not of a time broadcast, nor of
        one that a new plan has put another in the place of meanwhile."""
        return turn.rank is not Rank.CLOCK and self._stations.get(turn.meter_id) is turn.station

    def lost(self, now_s: float) -> None:
        """The connection has gone: reads begin anew."""
        for read in self._reads:
            read.restart()
        self.orders.lost(now_s)

    def _finish(self, station: Station, read: FullRead, now_s: float) -> None:
        """Turn a complete read into a reading and let the meter's order look at it."""
        try:
            values = read.layout.values(read.answers)
        except BadFrame as error:
            log.warning("reading_refused", meter=read.meter_id, reason=str(error))
            other = station.layout.without()
            if other is not None:
                self._use(station, other, now_s)
            else:
                self._reads.put_off(read, now_s, soon=False)
            return
        midnight = local_midnight(local(self._clock.now()).date() + timedelta(days=1))
        self._reads.finish(read, now_s, now_s + (midnight - self._clock.now()).total_seconds())
        if read.kind is ReadingKind.POLL:
            if station.polled_s is not None:
                self._gaps_s.append(now_s - station.polled_s)
            station.polled_s = now_s
        if values.flowing is not None:
            station.flowing, station.flowing_s = values.flowing, now_s
        self._sink.reading(make_reading(station.plan, read, values, self._clock.now()))
        self.orders.observed(read.meter_id, values, now_s)

    def _use(self, station: Station, layout: Layout, now_s: float) -> None:
        """Read a meter in another way from now on: it does not have what it was asked for."""
        if station.layout.contact is not None and layout.contact is None:
            log.error("status_block_wrong", meter=station.plan.meter_id, at=station.plan.status_block_at)
        station.layout = layout
        self._reads.schedule.offer(station.plan.meter_id, station.layout.offers, now_s)
        for read in self._reads.of(station.plan.meter_id):
            read.restart(station.layout)
        order = self.orders.get(station.plan.meter_id)
        if order is not None:
            order.use(station.layout, now_s)
