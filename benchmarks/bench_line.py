"""Measure one line of 70 meters, healthy and with 3 and 7 dead ones, against a plain pymodbus loop.

Real sockets, real time: 9600 8N1, 30 ms turnaround, two requests of 17 and 28 registers a meter, a
gateway that answers 0x0B after 0.5 s. Both clients run side by side, each on a line of its own.

    python -m benchmarks.bench_line [--cycles 5]      about 5 minutes

Prints one JSON object last, and writes it to the file named by the environment variable JSON:
line_use: share of time with a transaction on the healthy line, as the simulator measures it, median of
the cycles (a stall of the machine spoils one of them); pymodbus_line_use: the same of the plain loop
beside it, which shows what the machine allowed. *_growth_*: median gap between two full reads of a live
meter, against the healthy line, minus 1.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import statistics
from pathlib import Path

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
CYCLE_S = 14.5  # Physics say 13.7 s; a phase is measured in these.
WARM_UP_CYCLES = 2.5  # Long enough to find the dead ones.
DEAD_UNITS = (5, 15, 25, 35, 45, 55, 65)
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

    def mark(self) -> None:
        self._gaps_s.clear()
        self._last_s.clear()

    def median_s(self, dead: tuple[int, ...]) -> float:
        gaps = [gap for unit, found in self._gaps_s.items() if unit not in dead for gap in found]
        return statistics.median(gaps)


class Recorder:
    """A sink that only looks at the time of readings."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps

    def reading(self, reading: Reading) -> None:
        self._gaps.read(int(reading.meter_id))

    def outcome(self, outcome: Outcome, ended: bool) -> None:
        raise AssertionError("nothing was ordered")

    def trip_allowed(self, desired: Desired) -> bool:
        return False


def simulated_line(code: str, clock: SystemClock) -> tuple[SimulatedLine, Gateway]:
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
    line = SimulatedLine(code, clock, [Meter(spec, "bench") for spec in specs], gateway_timeout_s=0.5)
    return line, Gateway(f"G{code}", f"网关{code}", [line])


def set_dead(line: SimulatedLine, dead: tuple[int, ...]) -> None:
    for unit, meter in line.meters.items():
        meter.dead = unit in dead


async def run_ours(port: int, clock: SystemClock, gaps: Gaps) -> None:
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
        poll_interval_s=0,
        meters=meters,
    )
    profiles = {DDSY1352: load_profile(DDSY1352)}
    line = Line(plan, profiles, dial=dial_tcp, clock=clock, random_=random.Random(1), sink=Recorder(gaps))
    await line.run()


async def run_pymodbus(port: int, gaps: Gaps) -> None:
    """Read one meter after the other, as the library's examples do."""
    client = AsyncModbusTcpClient(
        "127.0.0.1", port=port, timeout=PYMODBUS_TIMEOUT_S, retries=PYMODBUS_RETRIES
    )
    await client.connect()
    try:
        while True:
            for unit in range(1, METERS + 1):
                if await read_plainly(client, unit):
                    gaps.read(unit)
    finally:
        client.close()


async def read_plainly(client: AsyncModbusTcpClient, unit: int) -> bool:
    good = True
    for at, count in READS:
        try:
            answer = await client.read_holding_registers(at, count=count, device_id=unit)
            good = good and not answer.isError()
        except ModbusException:
            good = False
    return good


async def measure_use(clock: SystemClock, lines: dict[str, SimulatedLine], cycles: int) -> dict[str, float]:
    """Return the median use of each line over so many cycles."""
    shares: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(cycles):
        for line in lines.values():
            line.mark()
        await clock.sleep(CYCLE_S)
        for name, line in lines.items():
            shares[name].append(line.use().share)
    return {name: statistics.median(found) for name, found in shares.items()}


async def measure(cycles: int) -> dict[str, float]:
    clock = SystemClock()
    lines = {name: simulated_line(str(number), clock) for number, name in enumerate(("ours", "pymodbus"), 1)}
    gaps = {name: Gaps(clock) for name in lines}
    ports = {
        name: await gateway.ports[line.code].listen("127.0.0.1", 0) for name, (line, gateway) in lines.items()
    }
    tasks = [
        asyncio.create_task(run_ours(ports["ours"], clock, gaps["ours"])),
        asyncio.create_task(run_pymodbus(ports["pymodbus"], gaps["pymodbus"])),
    ]
    figures: dict[str, float] = {}
    medians: dict[tuple[str, int], float] = {}
    try:
        for count in (0, 3, 7):
            dead = DEAD_UNITS[:count]
            for line, _ in lines.values():
                set_dead(line, dead)
            await clock.sleep(WARM_UP_CYCLES * CYCLE_S)
            for found in gaps.values():
                found.mark()
            # One cycle gives the first instants, the others the gaps.
            uses = await measure_use(clock, {name: line for name, (line, _) in lines.items()}, cycles + 1)
            for name, found in gaps.items():
                use, medians[name, count] = uses[name], found.median_s(dead)
                print(f"{name}: {count} dead, cycle {medians[name, count]:.2f} s, use {use:.3f}", flush=True)
            if count == 0:
                figures["line_use"] = round(uses["ours"], 4)
                figures["pymodbus_line_use"] = round(uses["pymodbus"], 4)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, gateway in lines.values():
            await gateway.close()
    for name, prefix in (("ours", "cycle"), ("pymodbus", "pymodbus")):
        for count in (3, 7):
            growth = medians[name, count] / medians[name, 0] - 1
            figures[f"{prefix}_growth_{count}_dead"] = round(growth, 4)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="70 meters on one line, with 0, 3 and 7 dead ones")
    parser.add_argument("--cycles", type=int, default=5)
    cycles = parser.parse_args().cycles
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = asyncio.run(measure(cycles))
    text = json.dumps(figures)
    if "JSON" in os.environ:
        Path(os.environ["JSON"]).write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
