"""Faulty lines of both sides for the proof of the line: simulated ones, and the product's owner of them."""

import random
from dataclasses import dataclass

from benchmarks.line_tokens import CheckedLink, TokenLine, Truths
from collector.line import Line
from collector.profile import load_profile
from common.clock import Clock
from common.streams import Dial
from common.wire import Desired, Outcome, PlanLine, PlanMeter, Reading
from simulator.meter import DDSY1352, DTSD1352, PREPAID, PUBLIC, Meter, MeterSpec
from simulator.wire_time import LineTiming

RATES = {"late": 0.03, "noisy": 0.01, "crc": 0.01, "doubled": 0.01, "crossed": 0.005}
TRANSPORTS = ("modbus-tcp", "rtu-tcp", "dlt645-tcp")
METERS, PUBLIC_METERS, DEAD_UNITS = 40, 6, (7, 23)
IN_MEMORY = {
    "modbus-tcp": LineTiming(),
    "rtu-tcp": LineTiming(),
    "dlt645-tcp": LineTiming(2400, "E"),
}
# On sockets time is real, so the lines are fast, and DL/T 645 meters quicker than their standard's 20 ms.
FAST = LineTiming(19_200, "N", turnaround_s=0.004)
ON_SOCKETS = {
    "modbus-tcp": FAST,
    "rtu-tcp": FAST,
    "dlt645-tcp": LineTiming(115_200, "E", turnaround_s=0.004),
}
FAST_LINES, FAST_LATE_S = 16, 0.7


class Sink:
    """Takes what a line finds; only the link's values matter here."""

    def reading(self, reading: Reading) -> None:
        return

    def outcome(self, outcome: Outcome, ended: bool) -> None:
        return

    def trip_allowed(self, desired: Desired) -> bool:
        return True

    def time_known(self) -> bool:
        return True


class CheckedLine(Line):
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
    repeated: int = 0
    timeouts: int = 0
    strays: int = 0
    bad_frames: int = 0

    def add(self, link: CheckedLink) -> None:
        self.transactions += link.transactions
        self.accepted += link.accepted
        self.wrong += link.wrong
        self.repeated += link.repeated
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
) -> CheckedLine:
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
    return CheckedLine(plan, profiles, dial=dial, clock=clock, random_=random.Random(seed), sink=Sink())
