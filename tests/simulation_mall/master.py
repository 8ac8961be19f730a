"""A Modbus TCP master of a few lines, and small malls to ask with it."""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from common.clock import LoopClock, run_virtual
from common.streams import Streams
from simulator.mall import Mall

MORNING = datetime(2026, 3, 2, 2, tzinfo=UTC)  # Monday 10:00 in the mall, where the peak period begins.
T = TypeVar("T")


class Refusal(Exception):
    """An exception answer; `code` is its second byte."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code:02x}")
        self.code = code


@dataclass
class Master:
    """One connection to a line."""

    streams: Streams
    transaction: int = 0

    async def ask(self, unit: int, pdu: bytes) -> bytes:
        """Send one request and return the PDU of its answer. Raises Refusal."""
        reader, writer = self.streams
        self.transaction += 1
        writer.write(struct.pack(">HHHB", self.transaction, 0, len(pdu) + 1, unit) + pdu)
        await writer.drain()
        transaction, protocol, length, from_unit = struct.unpack(">HHHB", await reader.readexactly(7))
        answer = await reader.readexactly(length - 1)
        assert (transaction, protocol, from_unit) == (self.transaction, 0, unit)
        if answer[0] & 0x80:
            raise Refusal(answer[1])
        return answer

    async def read(self, unit: int, at: int, count: int) -> tuple[int, ...]:
        answer = await self.ask(unit, struct.pack(">BHH", 3, at, count))
        assert answer[:2] == bytes([3, 2 * count])
        return struct.unpack(f">{count}H", answer[2:])

    async def write(self, unit: int, at: int, *words: int) -> None:
        head = struct.pack(">BHHB", 16, at, len(words), 2 * len(words))
        answer = await self.ask(unit, head + struct.pack(f">{len(words)}H", *words))
        assert answer == head[:5]

    async def trip(self, unit: int) -> None:
        await self.write(unit, 0x0057, 1, 1)

    async def restore(self, unit: int) -> None:
        await self.write(unit, 0x0057, 1, 0)

    async def status(self, unit: int) -> int:
        """Return word 36 of the status block."""
        return (await self.read(unit, 256 + 36, 1))[0]


def u32(words: tuple[int, ...], at: int) -> int:
    return words[at] << 16 | words[at + 1]


def small_mall(seed: int = 1, prepaid: int = 12, public: int = 2) -> Mall:
    """Build one shaft with one line on the running loop's virtual time."""
    return Mall.build(seed, LoopClock(MORNING), shafts=1, lines_per_gateway=1, prepaid=prepaid, public=public)


async def connect(mall: Mall, number: int = 0) -> Master:
    line = mall.lines[number]
    return Master(await mall.dial(line.host, line.port))


def on_virtual_time(scene: Callable[[Mall, Master], Awaitable[T]]) -> T:
    """Play a scene with a small mall and one master on virtual time."""

    async def play() -> T:
        mall = small_mall()
        result = await scene(mall, await connect(mall))
        await mall.close()
        return result

    done: T = run_virtual(play)
    return done


def serial_of(mall: Mall, load_class: str) -> str:
    """Return the first meter of a class of load."""
    return next(s for s, meter in mall.meters.items() if meter.spec.load_class == load_class)


def unit_of(mall: Mall, serial: str) -> int:
    return mall.meters[serial].spec.unit
