"""A DL/T 645 master of a few lines, and a line with three meters to ask with it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from common.clock import LoopClock, run_virtual
from common.streams import Streams
from simulator.dlt645 import build, parse
from simulator.line import DLT645_TCP
from simulator.mall import Mall
from simulator.meter import DLT645_1P, DLT645_3P, PREPAID, PUBLIC, MeterSpec
from tests.simulation_mall.master import MORNING

T = TypeVar("T")
ADDRESSES = {DLT645_3P: "260305010001", DLT645_1P: "260305010002", PUBLIC: "260305010003"}
PASSWORD, OPERATOR, FAR = bytes.fromhex("02000000"), bytes(4), bytes.fromhex("595923311299")
TRIP, PERMIT, CLOSE, HOLD, RELEASE = 0x1A, 0x1B, 0x1C, 0x3A, 0x3B


class Refusal(Exception):
    """An error reply; `byte` is what it says."""

    def __init__(self, byte: int) -> None:
        super().__init__(f"error {byte:02x}")
        self.byte = byte


@dataclass
class Master:
    """One connection to a line with one three-phase, one single-phase and one public meter."""

    mall: Mall
    streams: Streams

    async def ask(self, profile: str, control: int, data: bytes) -> tuple[int, bytes]:
        """Return control code and data of the answer. Raises Refusal, TimeoutError."""
        self.streams[1].write(build(ADDRESSES.get(profile, profile), control, data))
        heard = bytearray()
        while parse(bytes(heard)) is None:
            heard += await asyncio.wait_for(self.streams[0].read(1000), 5)
        answer = parse(bytes(heard))
        assert answer is not None
        if profile in ADDRESSES:
            assert answer.address == ADDRESSES[profile]
        if answer.control & 0x40:
            raise Refusal(answer.data[0])
        return answer.control, answer.data

    async def read(self, profile: str, identifier: int) -> bytes:
        control, data = await self.ask(profile, 0x11, identifier.to_bytes(4, "little"))
        assert control == 0x91
        assert data[:4] == identifier.to_bytes(4, "little")
        return data[4:]

    async def number(self, profile: str, identifier: int) -> int:
        return int((await self.read(profile, identifier))[::-1].hex())

    async def order(
        self,
        profile: str,
        command: int,
        *,
        password: bytes = PASSWORD,
        operator: bytes = OPERATOR,
        until: bytes = FAR,
    ) -> None:
        data = password + operator + bytes([command, 0]) + until
        assert await self.ask(profile, 0x1C, data) == (0x9C, b"")

    async def status(self, profile: str) -> int:
        return int.from_bytes(await self.read(profile, 0x04000503), "little")

    def meter(self, profile: str) -> str:
        return ADDRESSES[profile]


def play(scene: Callable[[Master], Awaitable[T]]) -> T:
    """Play a scene on virtual time."""

    async def run() -> T:
        mall = Mall.build(
            1,
            LoopClock(MORNING),
            shafts=1,
            lines_per_gateway=1,
            prepaid=0,
            public=0,
            protocols=(DLT645_TCP,),
            started_at=MORNING - timedelta(days=100),
        )
        for unit, (profile, address) in enumerate(ADDRESSES.items(), start=1):
            spec = MeterSpec(
                serial=address,
                unit=unit,
                profile=DLT645_3P if profile == PUBLIC else profile,
                kind=PUBLIC if profile == PUBLIC else PREPAID,
                load_class="restaurant",
                address=address,
            )
            mall.add_meter("L1-1", spec)
        line = mall.lines[0]
        return await scene(Master(mall, await mall.dial(line.host, line.port)))

    done: T = run_virtual(run)
    return done
