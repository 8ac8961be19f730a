"""The relay orders of one line (指令): the newest generation of each meter, and what becomes of it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from collector.converge import Convergence
from collector.steps import Rank, Report
from collector.values import Values
from common.clock import Clock
from common.wire import Desired, Outcome, Reading, Stage

BLOCKED_LOOK_S = 5.0  # A trip that may not be written is asked about again so often.


class Sink(Protocol):
    """Where a line puts what it finds, and whom it asks whether trips may be written now, and whether
    the collector's clock is good enough to set meters by."""

    def reading(self, reading: Reading) -> None: ...

    def outcome(self, outcome: Outcome, ended: bool) -> None: ...

    def trip_allowed(self, desired: Desired) -> bool: ...

    def time_known(self) -> bool: ...


class Orders:
    """One convergence a meter; a newer generation replaces the one before it."""

    def __init__(self, clock: Clock, sink: Sink) -> None:
        self._clock = clock
        self._sink = sink
        self._all: dict[str, Convergence] = {}
        self._active: dict[str, Convergence] = {}

    def generation(self, meter_id: str) -> int:
        held = self._all.get(meter_id)
        return 0 if held is None else held.desired.generation

    def put(self, convergence: Convergence, possible: bool = True) -> None:
        """Take an order; the open one before it ends superseded. Not `possible`: no relay of ours."""
        meter_id = convergence.desired.meter_id
        before = self._all.get(meter_id)
        if before is not None and before.desired.generation >= convergence.desired.generation:
            return
        if before is not None and not before.ended:
            self.tell(before, [Report(Stage.SUPERSEDED)])
        self._all[meter_id] = convergence
        self._active[meter_id] = convergence
        if not possible or not convergence.possible:
            self.tell(convergence, convergence.impossible("no relay to write"))

    def keep(self, meter_ids: set[str]) -> None:
        """Forget orders of meters that are no longer on this line."""
        for meter_id in [m for m in self._all if m not in meter_ids]:
            del self._all[meter_id]
            self._active.pop(meter_id, None)

    def holds(self, convergence: Convergence) -> bool:
        """Tell whether this is still the newest order of its meter."""
        return self._all.get(convergence.desired.meter_id) is convergence

    def get(self, meter_id: str) -> Convergence | None:
        return self._all.get(meter_id)

    def tell(self, convergence: Convergence, reports: Sequence[Report]) -> None:
        """Hand reports on, and note whether the order still has something to do."""
        desired = convergence.desired
        for report in reports:
            ended = convergence.ended or report.stage is Stage.SUPERSEDED
            self._sink.outcome(
                Outcome(
                    meter_id=desired.meter_id,
                    generation=desired.generation,
                    stage=report.stage,
                    at=self._clock.now(),
                    relay=report.relay,
                    detail=report.detail,
                ),
                ended,
            )
        if not self.holds(convergence):
            return
        if convergence.active:
            self._active[desired.meter_id] = convergence
        else:
            self._active.pop(desired.meter_id, None)

    def ready(self, now_s: float) -> Convergence | None:
        """Return the order to serve now: the strictest rank, then the longest wait."""
        best: Convergence | None = None
        for convergence in self._active.values():
            if convergence.due_s > now_s or not self._allowed(convergence):
                continue
            if best is None or (convergence.rank, convergence.due_s) < (best.rank, best.due_s):
                best = convergence
        return best

    def next_s(self, now_s: float) -> float | None:
        """Return when an order becomes due; a trip that is not allowed is looked at again later."""
        again_s = now_s + BLOCKED_LOOK_S
        times = [c.due_s if c.due_s > now_s else again_s for c in self._active.values()]
        times += [c.expires_s for c in self._active.values() if c.expires_s is not None]
        return min(times, default=None)

    def next_verify_s(self, now_s: float) -> float | None:
        """Return when the next read-back becomes due, if any is waited for."""
        return min(
            (c.due_s for c in self._active.values() if c.rank is Rank.VERIFY and c.due_s > now_s),
            default=None,
        )

    def expire(self, now_s: float) -> None:
        self._each(lambda convergence: convergence.expire(now_s))

    def lost(self, now_s: float) -> None:
        self._each(lambda convergence: convergence.lost(now_s))

    def offline(self) -> None:
        self._each(lambda convergence: convergence.offline())

    def awake(self, meter_id: str, now_s: float) -> None:
        convergence = self._active.get(meter_id)
        if convergence is not None:
            convergence.awake(now_s)

    def observed(self, meter_id: str, values: Values, now_s: float) -> None:
        """Let the meter's newest order look at a full reading."""
        convergence = self._all.get(meter_id)
        if convergence is not None:
            self.tell(convergence, convergence.observed(values, now_s))

    def _each(self, act: Callable[[Convergence], list[Report]]) -> None:
        for convergence in list(self._active.values()):
            self.tell(convergence, act(convergence))

    def _allowed(self, convergence: Convergence) -> bool:
        if not (convergence.off and convergence.writing):
            return True
        return self._sink.trip_allowed(convergence.desired)
