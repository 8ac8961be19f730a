"""Measure lines of 70 meters, at 2400 baud of 24: their use, what dead meters cost, how fast orders go.

Real sockets, real time; simulator, our line owners and a plain pymodbus loop are processes of their own,
as on site. Every client has a line of its own.

    python -m benchmarks.bench_line [--cycles 5] [--seconds 200] [--only orders]      about 11 minutes

First the line alone: 9600 8N1, 30 ms turnaround, two requests of 17 and 28 registers a meter, a gateway
that answers 0x0B after 0.5 s, healthy and then with 3 and 7 dead meters. Then, all at once, every case of
line_cases with a relay order to a random live meter every 0.5 to 2 s; meters with a status block, so that
"verified" means the contact bits.

Prints one JSON object last, and writes it to the file named by the environment variable JSON:
line_use: share of time with a transaction on the healthy line, as the simulator measures it, median of
the cycles (a stall of the machine spoils one of them); pymodbus_line_use: the same of the plain loop
beside it, which shows what the machine allowed. *_growth_*: median gap between two full reads of a live
meter, against the healthy line, minus 1. cases: by protocol and case, ours and the plain loop's: cycle_s
of live meters (null where no meter was read twice: at 2400 baud orders as frequent as these fill the line,
and polls keep 30 %), cycle_mean_s (live meters by reads a second), line_use, ack_s and verified_s since
the order was given, commands, commands_lost (not verified within 20 s). commands_lost: ours, all cases
together.
"""

import argparse
import asyncio
import json
import os
import statistics
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.line_cases import BARE, CASES, Case, dead_units
from benchmarks.line_parties import play_lines, play_ours
from benchmarks.line_plain import play_pymodbus
from benchmarks.party import Party
from common.clock import SystemClock

CYCLE_S = 14.5  # Physics say 13.7 s; a phase is measured in these.
WARM_UP_CYCLES = 2.5  # Long enough to find the dead ones.
ORDERS_WARM_UP_S = 100.0  # A slow line needs so long for its first round.
PREFIXES = {"ours": "cycle", "pymodbus": "pymodbus"}
PLAYS = {"ours": play_ours, "pymodbus": play_pymodbus}


async def measure_use(clock: SystemClock, lines: Party, cycles: int) -> dict[str, float]:
    """Return the median use of each line over so many cycles."""
    shares: dict[str, list[float]] = {name: [] for name in PREFIXES}
    for _ in range(cycles):
        await lines.ask("mark")
        await clock.sleep(CYCLE_S)
        for name, share in (await lines.ask("use")).items():
            shares[name].append(share)
    return {name: statistics.median(found) for name, found in shares.items()}


async def measure_alone(cycles: int) -> dict[str, Any]:
    """Measure use and growth of a line that is only polled."""
    clock = SystemClock()
    figures: dict[str, Any] = {}
    medians: dict[tuple[str, int], float] = {}
    async with AsyncExitStack() as stack:
        lines = await stack.enter_async_context(Party(play_lines, dict.fromkeys(PREFIXES, BARE)))
        ports = await lines.ask("ports")
        clients = {
            name: await stack.enter_async_context(Party(play, {name: BARE}, ports, False))
            for name, play in PLAYS.items()
        }
        for count in (0, 3, 7):
            dead = dead_units(count)
            await lines.ask("set_dead", dead)
            await clock.sleep(WARM_UP_CYCLES * CYCLE_S)
            for client in clients.values():
                await client.ask("mark")
            # One cycle gives the first instants, the others the gaps.
            uses = await measure_use(clock, lines, cycles + 1)
            for name, client in clients.items():
                use, medians[name, count] = uses[name], await client.ask("median_s", dead)
                print(f"{name}: {count} dead, cycle {medians[name, count]:.2f} s, use {use:.3f}", flush=True)
            if count == 0:
                figures["line_use"] = round(uses["ours"], 4)
                figures["pymodbus_line_use"] = round(uses["pymodbus"], 4)
    for name, prefix in PREFIXES.items():
        for count in (3, 7):
            growth = medians[name, count] / medians[name, 0] - 1
            figures[f"{prefix}_growth_{count}_dead"] = round(growth, 4)
    return figures


async def measure_orders(seconds: float) -> dict[str, Any]:
    """Measure every case with orders coming all the time."""
    clock = SystemClock()
    named: dict[str, dict[str, Case]] = {
        "ours": {f"ours {case.key}": case for case in CASES},
        "pymodbus": {f"pymodbus {case.key}": case for case in CASES if case.plain},
    }
    async with AsyncExitStack() as stack:
        all_cases = {name: case for cases in named.values() for name, case in cases.items()}
        lines = await stack.enter_async_context(Party(play_lines, all_cases))
        ports = await lines.ask("ports")
        clients = [
            await stack.enter_async_context(Party(play, named[who], ports, True))
            for who, play in PLAYS.items()
        ]
        await clock.sleep(ORDERS_WARM_UP_S)
        for party in (lines, *clients):
            await party.ask("mark")
        await clock.sleep(seconds)
        uses = await lines.ask("use")
        found: dict[str, dict[str, Any]] = {}
        for client in clients:
            found |= await client.ask("figures")
    cases: dict[str, dict[str, dict[str, Any]]] = {}
    for who, its_cases in named.items():
        for name, case in its_cases.items():
            figures = {**found[name], "line_use": round(uses[name], 4)}
            cases.setdefault(case.protocol, {}).setdefault(case.name, {})[who] = figures
            print(f"{name}: {json.dumps(figures)}", flush=True)
    lost = sum(found[name]["commands_lost"] for name in named["ours"])
    return {"commands_lost": lost, "cases": cases}


async def measure(cycles: int, seconds: float, only: str | None) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if only != "orders":
        figures |= await measure_alone(cycles)
    if only != "alone":
        figures |= await measure_orders(seconds)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="70 meters on a line: use, dead meters, orders")
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=200.0)
    parser.add_argument("--only", choices=("alone", "orders"))
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.cycles, arguments.seconds, arguments.only))
    text = json.dumps(figures)
    if "JSON" in os.environ:
        Path(os.environ["JSON"]).write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
