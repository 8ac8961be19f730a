"""Two parts of a line measurement: the simulated lines, and the product's own line owners.

Each is played in a process of its own (party.Party); questions and answers are small and picklable.
"""

import asyncio
import logging
import random
import statistics
from collections.abc import Mapping
from typing import Any

import structlog

from benchmarks.line_cases import Case, planned, simulated
from benchmarks.line_figures import Gaps, Orders, read_figures
from collector.line import Line
from collector.profile import load_profile
from common.clock import SystemClock
from common.streams import dial_tcp
from common.wire import Desired, OrderClass, Outcome, Reading, ReadingKind, Relay, Stage

LOST_STAGES = (Stage.REFUSED, Stage.EXPIRED)


async def play_lines(ready: Any, cases: Mapping[str, Case]) -> None:
    """Serve one gateway and line of 70 meters for each name.

    ports; set_dead(units): on all lines; mark; use: share of time with a transaction on each line since
    the mark.
    """
    clock = SystemClock()
    lines = {
        name: simulated(str(number), case, clock) for number, (name, case) in enumerate(cases.items(), 1)
    }
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


class OurLine:
    """The product's owner of one line, polled as fast as it goes; orders are given when asked for."""

    def __init__(self, code: str, case: Case, port: int, *, ordered: bool) -> None:
        self.case = case
        self._clock = SystemClock()
        self.gaps = Gaps(self._clock)
        self.orders = Orders(self._clock, random.Random(case.key), case.live_units, self._order)
        self._ordered = ordered
        self._generations: dict[int, int] = {}
        self._line = Line(
            planned(code, case, port),
            {case.profile: load_profile(case.profile)},
            dial=dial_tcp,
            clock=self._clock,
            random_=random.Random(1),
            sink=self,
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._line.run())
            if self._ordered:
                group.create_task(self.orders.run())

    # What the line finds (orders.Sink).

    def reading(self, reading: Reading) -> None:
        if reading.kind is ReadingKind.POLL:
            self.gaps.read(int(reading.meter_id))

    def outcome(self, outcome: Outcome, ended: bool) -> None:
        unit = int(outcome.meter_id)
        if outcome.generation != self._generations.get(unit):
            return
        if outcome.stage is Stage.ACKNOWLEDGED:
            self.orders.acked(unit)
        elif outcome.stage is Stage.VERIFIED:
            self.orders.verified(unit)
        elif outcome.stage in LOST_STAGES:
            self.orders.lost(unit)

    def trip_allowed(self, desired: Desired) -> bool:
        return True

    def time_known(self) -> bool:
        return False

    def _order(self, unit: int, on: bool) -> None:
        generation = self._generations[unit] = self._generations.get(unit, 0) + 1
        relay, kind = (Relay.ON, OrderClass.RESTORE) if on else (Relay.OFF, OrderClass.TRIP)
        self._line.order(Desired(meter_id=str(unit), generation=generation, relay=relay, order_class=kind))


async def play_ours(ready: Any, cases: Mapping[str, Case], ports: Mapping[str, int], ordered: bool) -> None:
    """Poll with the product's own line owners. `ordered`: relay orders come all the time.

    mark; median_s(dead units): the median gap of the live meters of the first line; figures: by name.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    lines = {
        name: OurLine(str(number), case, ports[name], ordered=ordered)
        for number, (name, case) in enumerate(cases.items(), 1)
    }

    def answer(name: str, given: tuple[Any, ...]) -> Any:
        if name == "mark":
            for line in lines.values():
                line.gaps.mark()
                line.orders.mark()
        elif name == "median_s":
            return statistics.median(next(iter(lines.values())).gaps.of(given[0]))
        elif name == "figures":
            return {
                name: {
                    **read_figures(line.gaps, line.case.live_units, line.case.dead_units),
                    **line.orders.figures(),
                }
                for name, line in lines.items()
            }
        return None

    ready(answer)
    async with asyncio.TaskGroup() as group:
        for line in lines.values():
            group.create_task(line.run())
