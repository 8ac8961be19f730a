"""Simulated lines whose every answer is unique, so that a wrong one is seen (可辨认的应答).

The meters answer as always, in shape and time; what they say is replaced by digits that name this one
answer. A link that hands over anything else than what this very request was answered has taken a wrong
value: another meter's, another block's, or an old one.
"""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from collector.link import Link
from collector.link_time import LineTime
from collector.protocols import dlt645, modbus
from collector.requests import Request, is_command
from common.wire import PlanMeter
from simulator import rtu
from simulator.line import Line, Wire
from simulator.meter import Meter

DATA_AT = 2  # In a PDU: behind function and byte count.
# Left as they are, because relay orders are proved by them: forced control, and status word 3.
FORCED, STATUS_3 = bytes([0x03, 0x00, 0x57, 0x00, 0x02]), bytes.fromhex("03050004")
REMEMBERED = 50
START, SHIFT, HEAD, TAIL = 0x68, 0x33, 10, 2


@dataclass
class Truths:
    """What was really answered: by meter, the newest last."""

    random: random.Random
    answers: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    count: int = 0

    def tell(self, meter: str, data: bytes) -> None:
        self.count += 1
        told = self.answers.setdefault(meter, [])
        told.append((self.count, data))
        del told[:-REMEMBERED]

    def since(self, meter: str, count: int) -> list[bytes]:
        return [data for number, data in self.answers.get(meter, []) if number > count]

    def digits(self, size: int) -> bytes:
        """Return bytes that are BCD, so that every protocol takes them for a value."""
        return bytes(self.random.randrange(10) << 4 | self.random.randrange(10) for _ in range(size))


class TokenLine(Line):
    """A simulated line that says digits of its own."""

    truths: Truths

    async def transact(self, unit: int, request: bytes, lost: bool = False) -> bytes | None:
        answer = await super().transact(unit, request, lost)
        return None if answer is None else _told_pdu(self.truths, unit, request, answer)

    async def carry(self, wire: Wire, request: bytes, deliver: Callable[[bytes], None]) -> None:
        await super().carry(_TokenWire(wire, self.truths), request, deliver)


class _TokenWire:
    """A transparent line's protocol, with digits in place of data."""

    def __init__(self, inner: Wire, truths: Truths) -> None:
        self._inner = inner
        self._truths = truths

    def requests(self, buffer: bytearray) -> list[bytes]:
        return self._inner.requests(buffer)

    def hear(self, meters: Collection[Meter], request: bytes, us: int) -> bytes | None:
        answer = self._inner.hear(meters, request, us)
        return None if answer is None else self._told(request, answer)

    def answer_of(self, meter: Meter, request: bytes, us: int) -> bytes | None:
        answer = self._inner.answer_of(meter, request, us)
        return None if answer is None else self._told(request, answer)

    def break_sum(self, answer: bytes) -> bytes:
        return self._inner.break_sum(answer)

    def _told(self, request: bytes, answer: bytes) -> bytes:
        if isinstance(self._inner, rtu.RtuWire):
            return rtu.frame(answer[0], _told_pdu(self._truths, answer[0], request[1:-2], answer[1:-2]))
        return _told_645(self._truths, answer)


def _told_pdu(truths: Truths, unit: int, request: bytes, answer: bytes) -> bytes:
    if answer[0] not in (0x03, 0x04):
        truths.tell(str(unit), b"")
        return answer
    size = len(answer) - DATA_AT
    data = answer[DATA_AT:] if request == FORCED else truths.digits(size)
    truths.tell(str(unit), data)
    return answer[:DATA_AT] + data


def _told_645(truths: Truths, answer: bytes) -> bytes:
    at = answer.index(START)
    lead, frame = answer[:at], answer[at:]
    address, control = bytes(reversed(frame[1:7])).hex(), frame[8]
    is_read = control & 0x1F in (0x11, 0x12) and not control & 0x40
    if not is_read:
        truths.tell(address, b"")
        return answer
    number = 1 if control & 0x1F == 0x12 else 0
    keep = HEAD + 4
    size = len(frame) - keep - TAIL - number
    said = bytes((byte - SHIFT) & 0xFF for byte in frame[HEAD : keep + size])
    data = said[4:] if said[:4] == STATUS_3 else truths.digits(size)
    truths.tell(address, data)
    shifted = bytes((byte + SHIFT) & 0xFF for byte in data)
    body = frame[:keep] + shifted + frame[keep + size : len(frame) - TAIL]
    return lead + body + bytes([sum(body) & 0xFF, frame[-1]])


class CheckedLink:
    """A line's link that counts what it carries and compares each accepted value with the truth.

    repeated: read-backs of an order that said the same as the one right before, without being its answer.
    """

    def __init__(self, inner: Link, truths: Truths) -> None:
        self._inner = inner
        self._truths = truths
        self.transactions = self.accepted = self.wrong = self.repeated = 0
        self.wrong_ones: list[str] = []
        self._is_read_back = False
        self._last: dict[str, tuple[Request, Sequence[int]]] = {}

    async def transact(self, meter: PlanMeter, request: Request) -> Sequence[int]:
        self.transactions += 1
        before, last = self._truths.count, self._last.pop(meter.meter_id, None)
        values = await self._inner.transact(meter, request)
        self.accepted += 1
        self._last[meter.meter_id] = request, values
        told = self._truths.since(meter.address or str(meter.unit), before)
        if is_command(request):
            right = bool(told)
        elif isinstance(request, modbus.Read):
            right = b"".join(word.to_bytes(2, "big") for word in values) in told
        else:
            right = not isinstance(request, dlt645.Read) or bytes(values) in (*told, b"".join(told))
        if not right and self._is_read_back and last == (request, values):
            # "Not yet" once more, as the answer before: an order is asked about again and again.
            self.repeated += 1
        elif not right:
            self.wrong += 1
            self.wrong_ones.append(f"{meter.meter_id} {request}")
        return values

    # The rest is the link's own.

    @property
    def time(self) -> LineTime:
        return self._inner.time

    @property
    def timeouts(self) -> int:
        return self._inner.timeouts

    @property
    def strays(self) -> int:
        return self._inner.strays

    @property
    def bad_frames(self) -> int:
        return self._inner.bad_frames

    @property
    def connected(self) -> bool:
        return self._inner.connected

    @property
    def sound_s(self) -> float:
        return self._inner.sound_s

    async def connect(self) -> None:
        await self._inner.connect()

    def close(self) -> None:
        self._inner.close()

    def check(self) -> None:
        self._inner.check()

    def give_up(self, reason: str) -> NoReturn:
        self._inner.give_up(reason)

    def may_ask(
        self, meter: PlanMeter, request: Request, now_s: float, *, is_read_back: bool = False
    ) -> float:
        self._is_read_back = is_read_back
        return self._inner.may_ask(meter, request, now_s, is_read_back=is_read_back)

    def limit_s(self, meter: PlanMeter, request: Request) -> float:
        return self._inner.limit_s(meter, request)
