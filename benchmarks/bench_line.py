"""Measure one line of 70 meters, healthy and with 3 and 7 dead ones, against a plain pymodbus loop.

Real sockets, real time: 9600 8N1, 30 ms turnaround, two requests of 17 and 28 registers a meter, a
gateway that answers 0x0B after 0.5 s. Both clients run side by side, each on a line of its own; simulator
and clients are three processes, as on site.

    python -m benchmarks.bench_line [--cycles 5]      about 6 minutes

Prints one JSON object last, and writes it to the file named by the environment variable JSON:
line_use: share of time with a transaction on the healthy line, as the simulator measures it, median of
the cycles (a stall of the machine spoils one of them); pymodbus_line_use: the same of the plain loop
beside it, which shows what the machine allowed. *_growth_*: median gap between two full reads of a live
meter, against the healthy line, minus 1.
"""

import argparse
import asyncio
import json
import os
import statistics
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.line_parties import play_lines, play_ours, play_pymodbus
from benchmarks.party import Party
from common.clock import SystemClock

CYCLE_S = 14.5  # Physics say 13.7 s; a phase is measured in these.
WARM_UP_CYCLES = 2.5  # Long enough to find the dead ones.
DEAD_UNITS = (5, 15, 25, 35, 45, 55, 65)
PREFIXES = {"ours": "cycle", "pymodbus": "pymodbus"}


async def measure_use(clock: SystemClock, lines: Party, cycles: int) -> dict[str, float]:
    """Return the median use of each line over so many cycles."""
    shares: dict[str, list[float]] = {name: [] for name in PREFIXES}
    for _ in range(cycles):
        await lines.ask("mark")
        await clock.sleep(CYCLE_S)
        for name, share in (await lines.ask("use")).items():
            shares[name].append(share)
    return {name: statistics.median(found) for name, found in shares.items()}


async def measure(cycles: int) -> dict[str, float]:
    clock = SystemClock()
    figures: dict[str, float] = {}
    medians: dict[tuple[str, int], float] = {}
    async with AsyncExitStack() as stack:
        lines = await stack.enter_async_context(Party(play_lines, tuple(PREFIXES)))
        ports = await lines.ask("ports")
        clients = {
            "ours": await stack.enter_async_context(Party(play_ours, ports["ours"])),
            "pymodbus": await stack.enter_async_context(Party(play_pymodbus, ports["pymodbus"])),
        }
        for count in (0, 3, 7):
            dead = DEAD_UNITS[:count]
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


def main() -> None:
    parser = argparse.ArgumentParser(description="70 meters on one line, with 0, 3 and 7 dead ones")
    parser.add_argument("--cycles", type=int, default=5)
    figures = asyncio.run(measure(parser.parse_args().cycles))
    text = json.dumps(figures)
    if "JSON" in os.environ:
        Path(os.environ["JSON"]).write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
