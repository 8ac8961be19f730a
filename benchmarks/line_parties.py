"""The three parts of a line measurement: the simulated lines, our line, a plain pymodbus loop.

Each is played in a process of its own (party.Party); questions and answers are small and picklable.
"""

import asyncio
import logging
import random
import statistics
from typing import Any

import structlog
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from collector.line import Line
from collector.profile import load_profile
from common.clock import SystemClock
from common.streams import dial_tcp
from common.wire import Desired, Outcome, PlanLine, PlanMeter, Reading
from simulator.gateway import Gateway
from simulator.line import Line as SimulatedLine
from simulator.meter import DDSY1352, PREPAID, Meter, MeterSpec

METERS = 70
GATEWAY_TIMEOUT_S = 0.5
PYMODBUS_TIMEOUT_S, PYMODBUS_RETRIES = 1, 3
READS = ((0x0000, 17), (0x0046, 28))


class Gaps:
    """When each meter was read fully, and the gaps of live meters since a mark."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._last_s: dict[int, float] = {}
        self._gaps_s: dict[int, list[float]] = {}

    def read(self, unit: int) -> None:
        now_s = self._clock.monotonic()
        if unit in self._last_s:
            self._gaps_s.setdefault(unit, []).append(now_s - self._last_s[unit])
        self._last_s[unit] = now_s

    def answer(self, name: str, given: tuple[Any, ...]) -> Any:
        """mark: forget; median_s(dead units): the median gap of the live ones."""
        if name == "mark":
            self._gaps_s.clear()
            self._last_s.clear()
            return None
        (dead,) = given
        return statistics.median(
            gap for unit, gaps in self._gaps_s.items() if unit not in dead for gap in gaps
        )


async def play_lines(ready: Any, names: tuple[str, ...]) -> None:
    """Serve one gateway and line of 70 meters for each name.

    ports; set_dead(units); mark; use: share of time with a transaction on each line since the mark.
    """
    clock = SystemClock()
    lines = {name: _simulated_line(str(number), clock) for number, name in enumerate(names, 1)}
    ports = {
        name: await gateway.ports[line.code].listen("127.0.0.1", 0) for name, (line, gateway) in lines.items()
    }

    def answer(name: str, given: tuple[Any, ...]) -> Any:
        match name:
            case "ports":
                return ports
            case "set_dead":
                for line, _ in lines.values():
                    for unit, meter in line.meters.items():
                        meter.dead = unit in given[0]
            case "mark":
                for line, _ in lines.values():
                    line.mark()
            case "use":
                return {name: line.use().share for name, (line, _) in lines.items()}
        return None

    ready(answer)
    await asyncio.Event().wait()


def _simulated_line(code: str, clock: SystemClock) -> tuple[SimulatedLine, Gateway]:
    specs = [
        MeterSpec(
            serial=f"{code}{unit:03d}".rjust(12, "0"),
            unit=unit,
            profile=DDSY1352,
            kind=PREPAID,
            load_class="clothes",
            status_block_at=None,
        )
        for unit in range(1, METERS + 1)
    ]
    line = SimulatedLine(
        code, clock, [Meter(spec, "bench") for spec in specs], gateway_timeout_s=GATEWAY_TIMEOUT_S
    )
    return line, Gateway(f"G{code}", f"网关{code}", [line])


class _Recorder:
    """A sink that only looks at the time of readings."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps

    def reading(self, reading: Reading) -> None:
        self._gaps.read(int(reading.meter_id))

    def outcome(self, outcome: Outcome, ended: bool) -> None:
        raise AssertionError("nothing was ordered")

    def trip_allowed(self, desired: Desired) -> bool:
        return False


async def play_ours(ready: Any, port: int) -> None:
    """Poll with the product's own line owner; answers as Gaps."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    clock = SystemClock()
    gaps = Gaps(clock)
    meters = [
        PlanMeter(meter_id=str(unit), unit=unit, profile=DDSY1352, prepaid=True)
        for unit in range(1, METERS + 1)
    ]
    plan = PlanLine(
        line_id="ours",
        name="1",
        protocol="modbus-tcp",
        host="127.0.0.1",
        port=port,
        gateway_timeout_s=GATEWAY_TIMEOUT_S,
        poll_interval_s=0,
        meters=meters,
    )
    profiles = {DDSY1352: load_profile(DDSY1352)}
    line = Line(plan, profiles, dial=dial_tcp, clock=clock, random_=random.Random(1), sink=_Recorder(gaps))
    ready(gaps.answer)
    await line.run()


async def play_pymodbus(ready: Any, port: int) -> None:
    """Read one meter after the other, as the library's examples do; answers as Gaps."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    gaps = Gaps(SystemClock())
    client = AsyncModbusTcpClient(
        "127.0.0.1", port=port, timeout=PYMODBUS_TIMEOUT_S, retries=PYMODBUS_RETRIES
    )
    await client.connect()
    ready(gaps.answer)
    while True:
        for unit in range(1, METERS + 1):
            if await _read_plainly(client, unit):
                gaps.read(unit)


async def _read_plainly(client: AsyncModbusTcpClient, unit: int) -> bool:
    good = True
    for at, count in READS:
        try:
            answer = await client.read_holding_registers(at, count=count, device_id=unit)
            good = good and not answer.isError()
        except ModbusException:
            good = False
    return good
