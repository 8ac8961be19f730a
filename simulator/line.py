"""One RS485 line: it carries one transaction at a time and every character takes its time (485 总线)."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from common.clock import Clock, SystemClock
from simulator import modbus
from simulator.meter import Meter
from simulator.time_line import SECOND_US, to_us
from simulator.wire_faults import WireFault, WireFaults
from simulator.wire_time import LineTiming

MODBUS_TCP, RTU_TCP, DLT645_TCP = "modbus-tcp", "rtu-tcp", "dlt645-tcp"
DEFAULT_GATEWAY_TIMEOUT_S = 0.5
# A machine's timers wake 0 to 1 ms late. Aiming half a millisecond early makes the mean right; the
# next transaction never begins before the computed end of the one before it.
WAKE_EARLY_S = 0.000_5


@dataclass(frozen=True)
class Exchange:
    """One transaction as the line saw it, in monotonic seconds; `answer` is None after a time-out.

    Modbus TCP: request and answer are PDUs. Transparent lines: whole frames, `unit` their first byte,
    and what went over the wire, faults and all; a late answer is told when it has come.
    """

    unit: int
    request: bytes
    answer: bytes | None
    started_s: float
    ended_s: float
    fault: WireFault | None = None


class Wire(Protocol):
    """A protocol whose frames a transparent gateway passes on as they are."""

    def requests(self, buffer: bytearray) -> list[bytes]:
        """Take whole requests off the buffer."""
        ...

    def hear(self, meters: Collection[Meter], request: bytes, us: int) -> bytes | None:
        """Let all meters of a line hear a request; returns the frame of the one that answers, or None."""
        ...

    def answer_of(self, meter: Meter, request: bytes, us: int) -> bytes | None:
        """Return what a meter would answer if the request were for it."""
        ...

    def break_sum(self, answer: bytes) -> bytes: ...


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
        protocol: str = MODBUS_TCP,
        seed: str = "",
    ) -> None:
        self.code = code
        self.protocol = protocol
        self.faults = WireFaults(f"{seed}:{code}")
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
        self._before: bytes | None = None  # The answer to the request before, for crossed answers.
        self._late: dict[asyncio.Task[None], None] = {}

    async def transact(self, unit: int, request: bytes, lost: bool = False) -> bytes | None:
        """Carry a PDU to a meter and its answer back; None when nobody answered in time.

        Takes the line's own time. The request takes effect when its frame has ended.
        lost: the answer is spoilt on the wire, so that the gateway waits as if none had come.
        """
        async with self._lock:
            start_s, heard_us = self._begin(sent_s := self.timing.frame_s(len(request)))
            meter = None if self.cut else self.meters.get(unit)
            answer = None if meter is None or meter.dead else modbus.answer(meter, request, heard_us)
            if answer is None or lost:
                answer, busy_s, end_s = None, sent_s, start_s + sent_s + self.gateway_timeout_s
                self._timeouts += 1
            else:
                busy_s = self.timing.transaction_s(len(request), len(answer))
                end_s = start_s + busy_s
            self._transactions += 1
            self._occupy(start_s, busy_s, end_s)
            await self._until(end_s)
            self._tell(Exchange(unit, request, answer, start_s, end_s))
            return answer

    async def carry(self, wire: Wire, request: bytes, deliver: Callable[[bytes], None]) -> None:
        """Put a whole frame on the wire and deliver what comes back, if anything does.

        Takes the line's own time; a meter that stays silent costs the request alone, for a transparent
        gateway waits for nothing. A late answer comes by itself and then takes the wire for its length.
        """
        async with self._lock:
            start_s, heard_us = self._begin(sent_s := self.timing.raw_frame_s(len(request)))
            meters = () if self.cut else self.meters.values()
            answer = wire.hear(meters, request, heard_us)
            fault = None if answer is None else self.faults.draw()
            self._transactions += 1
            heard_s = start_s + sent_s
            if answer is None or fault is WireFault.LATE:
                self._timeouts += 1
                self._occupy(start_s, sent_s, heard_s)
                if answer is not None:
                    self._send_late(request, answer, heard_s + self.faults.late_s, deliver)
                    self._before = answer
                await self._until(heard_s)
                if answer is None:
                    self._tell(Exchange(request[0], request, None, start_s, heard_s))
                return
            frames = self._spoil(wire, request, answer, heard_us, fault)
            self._before = answer
            end_s = heard_s + self.timing.turnaround_s + sum(map(self._frame_s, frames))
            self._occupy(start_s, end_s - start_s, end_s)
            at_s = heard_s + self.timing.turnaround_s
            for frame in frames:
                await self._until(at_s := at_s + self._frame_s(frame))
                deliver(frame)
            self._tell(Exchange(request[0], request, frames[0], start_s, end_s, fault))

    async def close(self) -> None:
        """Forget the late answers that are still to come."""
        late = list(self._late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

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

    def _begin(self, sent_s: float) -> tuple[float, int]:
        """Return when a request's first bit goes out and, in µs, when its meter has heard it all."""
        now_s = self.clock.monotonic()
        start_s = max(now_s, self._free_at_s)
        return start_s, to_us(self.clock.now()) + round((start_s + sent_s - now_s) * SECOND_US)

    def _occupy(self, start_s: float, busy_s: float, end_s: float) -> None:
        self._busy_s += self._running[1]
        self._running = (start_s, busy_s)
        self._free_at_s = end_s

    async def _until(self, at_s: float) -> None:
        wait_s = at_s - self.clock.monotonic() - self._wake_early_s
        if wait_s > 0:
            await self.clock.sleep(wait_s)

    def _tell(self, exchange: Exchange) -> None:
        if self.observer is not None:
            self.observer(exchange)

    def _frame_s(self, frame: bytes) -> float:
        return self.timing.raw_frame_s(len(frame))

    def _spoil(
        self, wire: Wire, request: bytes, answer: bytes, us: int, fault: WireFault | None
    ) -> tuple[bytes, ...]:
        """Return the frames that really come."""
        match fault:
            case WireFault.DOUBLED:
                return answer, answer
            case WireFault.NOISY:
                return (self.faults.disturb(answer),)
            case WireFault.CRC:
                return (wire.break_sum(answer),)
            case WireFault.CUT_FRAME:
                return (self.faults.cut(answer),)
            case WireFault.CROSSED:
                return (self._crossed(wire, request, answer, us),)
        return (answer,)

    def _crossed(self, wire: Wire, request: bytes, answer: bytes, us: int) -> bytes:
        """Return what another meter would say to this request, or what was said to the one before."""
        if self._before is not None and self.faults.random.random() < 0.5:
            return self._before
        others = [meter for meter in self.meters.values() if not meter.dead]
        told = wire.answer_of(self.faults.random.choice(others), request, us) if others else None
        return told or answer

    def _send_late(
        self, request: bytes, answer: bytes, ready_s: float, deliver: Callable[[bytes], None]
    ) -> None:
        async def send() -> None:
            await self._until(ready_s)
            async with self._lock:
                start_s, _ = self._begin(0.0)
                end_s = start_s + self._frame_s(answer)
                self._occupy(start_s, end_s - start_s, end_s)
                await self._until(end_s)
                deliver(answer)
                self._tell(Exchange(request[0], request, answer, start_s, end_s, WireFault.LATE))

        task = asyncio.get_running_loop().create_task(send())
        self._late[task] = None
        task.add_done_callback(lambda done: self._late.pop(done, None))
