"""Prove that no wrong value is ever accepted from a faulty line, whatever the protocol (零错值).

    python -m benchmarks.prove_line [--transactions 100000] [--sockets 10000]

3 % of the answers are late, 1 % noisy, 1 % have a wrong check sum, 1 % come twice, 0.5 % are another's.
The product's own line owner polls, watches, reads on demand and orders relays: first in memory on virtual
time, then on real sockets; beside it the same lines are read by plain pymodbus, as the library's examples
do. Every answer is unique (line_tokens), so that a wrong or an old one is seen.

Prints one JSON object last, and writes it to the file named by the environment variable JSON:
transactions, wrong_values: by transport, in memory and on sockets; repeated_read_backs: of an order, a
gateway's answer before once more, which says "not yet" twice; pymodbus_wrong_values: of as many RTU
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
from pathlib import Path
from typing import Any

import structlog

from benchmarks.faulty_lines import (
    FAST_LATE_S,
    FAST_LINES,
    IN_MEMORY,
    METERS,
    ON_SOCKETS,
    TRANSPORTS,
    CheckedLine,
    Found,
    faulty_line,
    our_line,
)
from benchmarks.line_tokens import CheckedLink
from benchmarks.plain_pymodbus import plain_pymodbus
from benchmarks.prove_case import Case, Shown
from common.clock import Clock, LoopClock, SystemClock, run_virtual
from common.streams import Streams, dial_tcp
from common.wire import Desired, OrderClass, ReadRequest, Relay
from simulator.gateway import Gateway
from simulator.time_line import EPOCH

STEP_S = 0.5
COUNTS = "transactions", "accepted", "wrong_values", "repeated_read_backs"


async def drive(line: CheckedLine, link: CheckedLink, clock: Clock, seed: int, until: int) -> None:
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


def prove(transports: Sequence[str], memory: int, sockets: int) -> dict[str, Any]:
    """Run everything and return the figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    figures: dict[str, Any] = {name: {} for name in COUNTS}
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
                ("repeated_read_backs", found.repeated),
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
