"""The plain pymodbus loop beside our lines: one meter after the other, as the library's examples do."""

import asyncio
import logging
import random
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any

from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from benchmarks.line_cases import STATUS_AT, Case
from benchmarks.line_figures import Gaps, Orders, read_figures
from common.clock import SystemClock

TIMEOUT_S, RETRIES = 1, 3
RECONNECT_S = 0.2
PLAIN_READS = ((0x0000, 17), (0x0046, 28))
STATUS_WORDS, STATUS_WORD, CONTACT_BITS = 48, STATUS_AT + 36, 0b111 << 13
RELAY_AT, TRIP, RESTORE = 0x0057, [1, 1], [1, 0]
FRAMERS = {"modbus-tcp": FramerType.SOCKET, "rtu-tcp": FramerType.RTU}


class PlainLoop:
    """Reads all meters in turn. Orders are written in the order they came, between two meters, and read
    back there once more until the contact is as wanted."""

    def __init__(self, case: Case, port: int, *, ordered: bool) -> None:
        self.case = case
        clock = SystemClock()
        self.gaps = Gaps(clock)
        self.orders = Orders(clock, random.Random(case.key), case.live_units, self._order)
        self._clock = clock
        self._ordered = ordered
        self._meters = case.meters
        self._reads = ((STATUS_AT, STATUS_WORDS),) if case.status else PLAIN_READS
        self._client = AsyncModbusTcpClient(
            "127.0.0.1", port=port, framer=FRAMERS[case.protocol], timeout=TIMEOUT_S, retries=RETRIES
        )
        self._waiting: deque[tuple[int, bool]] = deque()
        self._unproved: dict[int, bool] = {}

    async def run(self) -> None:
        await self._client.connect()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop())
            if self._ordered:
                group.create_task(self.orders.run())

    async def _loop(self) -> None:
        while True:
            for unit in range(1, self._meters + 1):
                while not self._client.connected:
                    # After time-outs the client closes; it dials again by itself, later and later.
                    await self._clock.sleep(RECONNECT_S)
                    await self._client.connect()
                await self._carry_orders()
                if await self._read(unit):
                    self.gaps.read(unit)

    async def _read(self, unit: int) -> bool:
        good = True
        for at, count in self._reads:
            good = await self._words(unit, at, count) is not None and good
        return good

    async def _carry_orders(self) -> None:
        while self._waiting:
            unit, on = self._waiting.popleft()
            try:
                order = RESTORE if on else TRIP
                answer = await self._client.write_registers(RELAY_AT, order, device_id=unit)
                good = not answer.isError()
            except ModbusException:
                good = False
            if good:
                self.orders.acked(unit)
                self._unproved[unit] = on
            else:
                self.orders.lost(unit)
        for unit, on in list(self._unproved.items()):
            words = await self._words(unit, STATUS_WORD, 1)
            if words is not None and bool(words[0] & CONTACT_BITS) is on:
                del self._unproved[unit]
                self.orders.verified(unit)

    async def _words(self, unit: int, at: int, count: int) -> list[int] | None:
        try:
            answer = await self._client.read_holding_registers(at, count=count, device_id=unit)
        except ModbusException:
            return None
        return None if answer.isError() else list(answer.registers)

    def _order(self, unit: int, on: bool) -> None:
        self._waiting.append((unit, on))


async def play_pymodbus(
    ready: Any, cases: Mapping[str, Case], ports: Mapping[str, int], ordered: bool
) -> None:
    """Run a plain loop on each line; questions as play_ours."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    loops = {name: PlainLoop(case, ports[name], ordered=ordered) for name, case in cases.items()}

    def answer(name: str, given: tuple[Any, ...]) -> Any:
        if name == "mark":
            for loop in loops.values():
                loop.gaps.mark()
                loop.orders.mark()
        elif name == "median_s":
            return statistics.median(next(iter(loops.values())).gaps.of(given[0]))
        elif name == "figures":
            return {
                name: {
                    **read_figures(loop.gaps, loop.case.live_units, loop.case.dead_units),
                    **loop.orders.figures(),
                }
                for name, loop in loops.items()
            }
        return None

    ready(answer)
    async with asyncio.TaskGroup() as group:
        for loop in loops.values():
            group.create_task(loop.run())
