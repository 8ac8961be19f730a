"""Prove that no wrong value is ever accepted from a faulty line, whatever the protocol (零错值).

    python -m benchmarks.prove_line [--transactions 100000] [--sockets 10000]

3 % of the answers are late, 1 % noisy, 1 % have a wrong check sum, 1 % come twice, 0.5 % are another's.
The product's own line owner polls, watches, reads on demand and orders relays: first in memory on virtual
time, then on real sockets; beside it the same lines are read by plain pymodbus, as the library's examples
do. Every answer is unique (line_tokens), so that a wrong or an old one is seen.

Prints one JSON object last, and writes it to the file named by the environment variable JSON:
transactions, wrong_values: by transport, in memory and on sockets; pymodbus_wrong_values: of as many RTU
transactions on sockets, by its retries. Exits with 1 when a wrong value was accepted.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from benchmarks.line_tokens import CheckedLink, TokenLine, Truths
from benchmarks.prove_case import Case, Shown
from collector.line import Line
from collector.profile import load_profile
from common.clock import Clock, LoopClock, SystemClock, run_virtual
from common.streams import Dial, Streams, dial_tcp
from common.wire import (
    Desired,
    OrderClass,
    Outcome,
    PlanLine,
    PlanMeter,
    Reading,
    ReadRequest,
    Relay,
)
from simulator.gateway import Gateway
from simulator.meter import DDSY1352, DTSD1352, PREPAID, PUBLIC, Meter, MeterSpec
from simulator.time_line import EPOCH
from simulator.wire_time import LineTiming

RATES = {"late": 0.03, "noisy": 0.01, "crc": 0.01, "doubled": 0.01, "crossed": 0.005}
TRANSPORTS = ("modbus-tcp", "rtu-tcp", "dlt645-tcp")
METERS, PUBLIC_METERS, DEAD_UNITS = 40, 6, (7, 23)
IN_MEMORY = {
    "modbus-tcp": LineTiming(),
    "rtu-tcp": LineTiming(),
    "dlt645-tcp": LineTiming(2400, "E"),
}
# On sockets time is real, so the lines are fast; a DL/T 645 meter thinks for 20 ms at least all the same.
FAST = LineTiming(19_200, "N", turnaround_s=0.004)
ON_SOCKETS = {
    "modbus-tcp": FAST,
    "rtu-tcp": FAST,
    "dlt645-tcp": LineTiming(115_200, "E", turnaround_s=0.021),
}
FAST_LINES, FAST_LATE_S = 16, 0.7
READS = ((0x0000, 17), (0x0046, 28))
PYMODBUS_TIMEOUT_S = 0.4
STEP_S = 0.5


class _Sink:
    """Takes what a line finds; only the link's values matter here."""

    def reading(self, reading: Reading) -> None:
        return

    def outcome(self, outcome: Outcome, ended: bool) -> None:
        return

    def trip_allowed(self, desired: Desired) -> bool:
        return True

    def time_known(self) -> bool:
        return True


class _CheckedLine(Line):
    """The product's line over a link that is compared with the truth."""

    def check_against(self, truths: Truths) -> CheckedLink:
        checked = CheckedLink(self._link, truths)
        self._link = checked
        return checked


@dataclass
class Found:
    """What one transport showed."""

    transactions: int = 0
    accepted: int = 0
    wrong: int = 0
    timeouts: int = 0
    strays: int = 0
    bad_frames: int = 0

    def add(self, link: CheckedLink) -> None:
        self.transactions += link.transactions
        self.accepted += link.accepted
        self.wrong += link.wrong
        self.timeouts += link.timeouts
        self.strays += link.strays
        self.bad_frames += link.bad_frames


def faulty_line(transport: str, clock: Clock, timing: LineTiming, seed: int, late_s: float) -> TokenLine:
    """Return a line of prepaid and public meters on which answers go wrong."""
    line = TokenLine(
        f"L{seed}", clock, [Meter(spec, str(seed)) for spec in _specs(transport)], timing, protocol=transport
    )
    line.truths = Truths(random.Random(seed))
    for name, rate in RATES.items():
        line.faults.set(name, rate)
    line.faults.set("late_s", late_s)
    for unit in DEAD_UNITS:
        line.meters[unit].dead = True
    return line


def _specs(transport: str) -> list[MeterSpec]:
    return [
        MeterSpec(
            serial=f"{unit:012d}",
            unit=unit,
            profile=_profile(transport, unit),
            kind=PREPAID if unit <= METERS else PUBLIC,
            load_class="restaurant",
            address=f"{unit:012d}" if transport == "dlt645-tcp" else None,
        )
        for unit in range(1, METERS + PUBLIC_METERS + 1)
    ]


def _profile(transport: str, unit: int) -> str:
    if transport == "dlt645-tcp":
        return "dlt645-2007-1p" if unit <= METERS else "dlt645-2007-3p"
    return DDSY1352 if unit <= METERS else DTSD1352


def our_line(
    transport: str, timing: LineTiming, dial: Dial, clock: Clock, seed: int, port: int
) -> _CheckedLine:
    """Return the product's owner of such a line."""
    meters = [
        PlanMeter(
            meter_id=f"m{spec.unit}",
            unit=spec.unit,
            profile=spec.profile,
            prepaid=spec.kind == PREPAID,
            address=spec.address or "",
        )
        for spec in _specs(transport)
    ]
    plan = PlanLine(
        line_id=f"L{seed}",
        name="1",
        protocol=transport,
        host="127.0.0.1",
        port=port,
        baud=timing.baud,
        parity=timing.parity,
        poll_interval_s=0,
        meters=meters,
    )
    profiles = {name: load_profile(name) for name in {meter.profile for meter in meters}}
    return _CheckedLine(plan, profiles, dial=dial, clock=clock, random_=random.Random(seed), sink=_Sink())


async def drive(line: _CheckedLine, link: CheckedLink, clock: Clock, seed: int, until: int) -> None:
    """Run a line until so many transactions: polls, a watch list, reads on demand and relay orders."""
    chance = random.Random(f"drive {seed}")
    running = asyncio.get_running_loop().create_task(line.run())
    line.watch([f"m{unit}" for unit in (3, 4)])
    generation = 0
    try:
        while link.transactions < until and not running.done():
            await clock.sleep(STEP_S * (1 + chance.random()))
            generation += 1
            meter_id = f"m{chance.randint(1, METERS)}"
            if chance.random() < 0.5:
                line.read(ReadRequest(request_id=str(generation), meter_id=meter_id, within_s=15))
            else:
                relay, class_ = chance.choice(
                    [
                        (Relay.ON, OrderClass.RESTORE),
                        (Relay.OFF, OrderClass.TRIP),
                        (Relay.OFF, OrderClass.SAFETY),
                    ]
                )
                line.order(
                    Desired(
                        meter_id=meter_id,
                        generation=generation,
                        relay=relay,
                        order_class=class_,
                        first_write_within_s=None if relay is Relay.ON else 30,
                    )
                )
    finally:
        running.cancel()
        (failure,) = await asyncio.gather(running, return_exceptions=True)
        if isinstance(failure, Exception):
            raise failure


def in_memory(transport: str, count: int, seed: int = 1) -> Found:
    """Carry so many transactions on virtual time."""

    async def main() -> Found:
        clock = LoopClock(EPOCH)
        timing = IN_MEMORY[transport]
        simulated = faulty_line(transport, clock, timing, seed, 1.3)
        gateway = Gateway("G1", "网关", [simulated])

        async def dial(host: str, port: int) -> Streams:
            return await gateway.ports[simulated.code].dial()

        line = our_line(transport, timing, dial, clock, seed, 502)
        link = line.check_against(simulated.truths)
        await drive(line, link, clock, seed, count)
        await gateway.close()
        found = Found()
        found.add(link)
        return found

    return run_virtual(main)  # type: ignore[no-any-return]


async def on_sockets(transport: str, count: int) -> Found:
    """Carry so many transactions over loopback, on several fast lines at once."""
    clock, timing = SystemClock(), ON_SOCKETS[transport]
    found = Found()

    async def one(seed: int) -> None:
        simulated = faulty_line(transport, clock, timing, seed, FAST_LATE_S)
        gateway = Gateway(f"G{seed}", "网关", [simulated])
        port = await gateway.ports[simulated.code].listen("127.0.0.1", 0)
        try:
            line = our_line(transport, timing, dial_tcp, clock, seed, port)
            link = line.check_against(simulated.truths)
            await drive(line, link, clock, seed, -(-count // FAST_LINES))
            found.add(link)
        finally:
            await gateway.close()

    await asyncio.gather(*(one(seed) for seed in range(1, FAST_LINES + 1)))
    return found


async def plain_pymodbus(count: int, retries: int) -> Found:
    """Read the same RTU lines with the library alone."""
    clock = SystemClock()
    found = Found()

    async def one(seed: int) -> None:
        simulated = faulty_line("rtu-tcp", clock, FAST, seed, FAST_LATE_S)
        gateway = Gateway(f"G{seed}", "网关", [simulated])
        port = await gateway.ports[simulated.code].listen("127.0.0.1", 0)
        client = AsyncModbusTcpClient(
            "127.0.0.1", port=port, framer=FramerType.RTU, timeout=PYMODBUS_TIMEOUT_S, retries=retries
        )
        try:
            await client.connect()
            mine = 0
            while mine < count / FAST_LINES:
                for unit in range(1, METERS + 1):
                    for at, size in READS:
                        mine += 1
                        await _read_plainly(client, simulated.truths, unit, at, size, found)
            found.transactions += mine
        finally:
            client.close()
            await gateway.close()

    await asyncio.gather(*(one(seed) for seed in range(1, FAST_LINES + 1)))
    return found


async def _read_plainly(
    client: AsyncModbusTcpClient, truths: Truths, unit: int, at: int, size: int, found: Found
) -> None:
    before = truths.count
    try:
        if not client.connected:
            await client.connect()
        answer = await client.read_holding_registers(at, count=size, device_id=unit)
    except ModbusException:
        found.timeouts += 1
        return
    if answer.isError():
        return
    found.accepted += 1
    data = b"".join(word.to_bytes(2, "big") for word in answer.registers)
    found.wrong += data not in truths.since(str(unit), before)


def prove(transports: Sequence[str], memory: int, sockets: int) -> dict[str, Any]:
    """Run everything and return the figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    figures: dict[str, Any] = {"transactions": {}, "accepted": {}, "wrong_values": {}}
    for transport in transports:
        for place, found in (
            ("memory", in_memory(transport, memory)),
            ("sockets", asyncio.run(on_sockets(transport, sockets))),
        ):
            print(f"{transport} {place}: {found}", flush=True)
            for name, value in (
                ("transactions", found.transactions),
                ("accepted", found.accepted),
                ("wrong_values", found.wrong),
            ):
                figures[name].setdefault(transport, {})[place] = value
    figures["pymodbus_wrong_values"] = {}
    for retries in (0, 3):
        plain = asyncio.run(plain_pymodbus(sockets, retries))
        print(f"pymodbus retries={retries}: {plain}", flush=True)
        figures["pymodbus_wrong_values"][f"retries_{retries}"] = plain.wrong
    return figures


def faults_of(figures: dict[str, Any]) -> list[str]:
    """Tell what does not hold."""
    return [
        f"{transport} {place}: {wrong} wrong values accepted"
        for transport, places in figures["wrong_values"].items()
        for place, wrong in places.items()
        if wrong
    ]


async def prove_line(case: Case) -> Shown:
    """The same among the other proofs."""
    count = case.pick(20_000, 3_000)
    try:
        figures = await asyncio.to_thread(prove, TRANSPORTS, count, case.pick(5_000, 1_000))
    finally:
        structlog.reset_defaults()
    return Shown({f"line_{name}": value for name, value in figures.items()}, faults_of(figures))


def main() -> int:
    parser = argparse.ArgumentParser(description="证明：线路出错时不接受任何错值")
    parser.add_argument("--transactions", type=int, default=100_000, help="内存中每种传输的次数")
    parser.add_argument("--sockets", type=int, default=10_000, help="真实套接字上每种传输的次数")
    parser.add_argument("--transport", choices=TRANSPORTS, action="append")
    options = parser.parse_args()
    figures = prove(options.transport or TRANSPORTS, options.transactions, options.sockets)
    text = json.dumps(figures)
    if "JSON" in os.environ:
        Path(os.environ["JSON"]).write_text(text + "\n", encoding="utf-8")
    print(text)
    return int(bool(faults_of(figures)))


if __name__ == "__main__":
    sys.exit(main())
