"""One RS485 line: it carries one transaction at a time and every character takes its time (485 总线)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from common.clock import Clock, SystemClock
from simulator import modbus
from simulator.meter import Meter
from simulator.time_line import SECOND_US, to_us
from simulator.wire_time import LineTiming

DEFAULT_GATEWAY_TIMEOUT_S = 0.5
# A machine's timers wake 0 to 1 ms late. Aiming half a millisecond early makes the mean right; the
# next transaction never begins before the computed end of the one before it.
WAKE_EARLY_S = 0.000_5


@dataclass(frozen=True)
class Exchange:
    """One transaction as the line saw it, in monotonic seconds; `answer` is None after a time-out."""

    unit: int
    request: bytes
    answer: bytes | None
    started_s: float
    ended_s: float


@dataclass(frozen=True)
class LineUse:
    """How the line was used since a mark; busy time is characters, silences and turnarounds (总线占用)."""

    elapsed_s: float
    busy_s: float
    transactions: int
    timeouts: int

    @property
    def share(self) -> float:
        return self.busy_s / self.elapsed_s if self.elapsed_s > 0 else 0.0


class Line:
    """The wire behind one serial port of a gateway."""

    def __init__(
        self,
        code: str,
        clock: Clock,
        meters: list[Meter],
        timing: LineTiming | None = None,
        gateway_timeout_s: float = DEFAULT_GATEWAY_TIMEOUT_S,
    ) -> None:
        self.code = code
        self.clock = clock
        self.meters = {meter.spec.unit: meter for meter in meters}
        if len(self.meters) != len(meters):
            raise ValueError(f"two meters of line {code} have the same address")
        self.timing = timing or LineTiming()
        self.gateway_timeout_s = gateway_timeout_s
        self.cut = False
        # Told of every transaction when it has ended, or None.
        self.observer: Callable[[Exchange], None] | None = None
        self._wake_early_s = WAKE_EARLY_S if isinstance(clock, SystemClock) else 0.0
        self._lock = asyncio.Lock()
        self._free_at_s = 0.0
        self._running = (0.0, 0.0)  # Start and busy time of the newest transaction.
        self._busy_s = 0.0  # Of all before it.
        self._transactions = 0
        self._timeouts = 0
        self._mark = (0.0, 0.0, 0, 0)
        self._marked = False

    async def transact(self, unit: int, request: bytes) -> bytes | None:
        """Carry a request to a meter and its answer back; None when nobody answered in time.

        Takes the line's own time. The request takes effect when its frame has ended.
        """
        async with self._lock:
            now_s = self.clock.monotonic()
            start_s = max(now_s, self._free_at_s)
            sent_s = self.timing.frame_s(len(request))
            heard_us = to_us(self.clock.now()) + round((start_s + sent_s - now_s) * SECOND_US)
            meter = None if self.cut else self.meters.get(unit)
            answer = None if meter is None or meter.dead else modbus.answer(meter, request, heard_us)
            if answer is None:
                busy_s, end_s = sent_s, start_s + sent_s + self.gateway_timeout_s
                self._timeouts += 1
            else:
                busy_s = self.timing.transaction_s(len(request), len(answer))
                end_s = start_s + busy_s
            self._busy_s += self._running[1]
            self._running = (start_s, busy_s)
            self._transactions += 1
            self._free_at_s = end_s
            wait_s = end_s - now_s - self._wake_early_s
            if wait_s > 0:
                await self.clock.sleep(wait_s)
            if self.observer is not None:
                self.observer(Exchange(unit, request, answer, start_s, end_s))
            return answer

    def mark(self) -> None:
        """Begin to measure the use of the line here."""
        now_s = self.clock.monotonic()
        self._mark = (now_s, self._busy_until(now_s), self._transactions, self._timeouts)
        self._marked = True

    def use(self) -> LineUse:
        """Return the use since the mark. Raises ValueError when there is none."""
        if not self._marked:
            raise ValueError(f"line {self.code} has no mark")
        now_s = self.clock.monotonic()
        at_s, busy_s, transactions, timeouts = self._mark
        return LineUse(
            now_s - at_s,
            self._busy_until(now_s) - busy_s,
            self._transactions - transactions,
            self._timeouts - timeouts,
        )

    def _busy_until(self, now_s: float) -> float:
        start_s, busy_s = self._running
        return self._busy_s + min(max(now_s - start_s, 0.0), busy_s)
