"""The lines that are measured: a protocol, its speed, and what is wrong (测量方案)."""

from dataclasses import dataclass
from typing import Any

from common.clock import Clock
from common.wire import PlanLine, PlanMeter
from simulator.gateway import Gateway
from simulator.line import Line
from simulator.meter import DDSY1352, DLT645_1P, PREPAID, Meter, MeterSpec
from simulator.wire_time import LineTiming

METERS = 70
DLT645_METERS = 24  # As many as hang on a line of 2400 baud in the reference mall.
MOST_DEAD = 7
GATEWAY_TIMEOUT_S = 0.5
STATUS_AT = 0x0100


@dataclass(frozen=True)
class Case:
    """One line and its meters.

    status: the meters have a status block (contact bits); without it they are read by 17 + 28 registers.
    interval_s: of money values. At 2400 baud a second, which is as fast as the line goes too, but leaves
    voltages and the like to their own time, as on site: with them a read takes 2 s of the line.
    silent: the gateway says nothing when a meter does not answer. Transparent ones never do.
    """

    protocol: str
    name: str
    baud: int = 9600
    parity: str = "N"
    profile: str = DDSY1352
    meters: int = METERS
    interval_s: float = 0.0  # 0: everything, as fast as the line goes.
    dead: int = 0
    silent: bool = False
    status: bool = True
    plain: bool = True  # There is a pymodbus loop beside it.

    @property
    def key(self) -> str:
        return f"{self.protocol} {self.name}"

    @property
    def dead_units(self) -> tuple[int, ...]:
        return dead_units(self.dead, self.meters)

    @property
    def live_units(self) -> list[int]:
        return [unit for unit in range(1, self.meters + 1) if unit not in self.dead_units]


def dead_units(count: int, meters: int = METERS) -> tuple[int, ...]:
    """Return so many addresses, spread over the line."""
    apart = meters // MOST_DEAD
    return tuple(apart // 2 + number * apart for number in range(count))


BARE = Case("modbus-tcp", "bare", status=False)  # Polls only: what the line is used for, and growth.
DLT645: Any = {
    "baud": 2400,
    "parity": "E",
    "profile": DLT645_1P,
    "meters": DLT645_METERS,
    "interval_s": 1.0,
    "plain": False,
}
CASES = (
    Case("modbus-tcp", "healthy"),
    Case("modbus-tcp", "3 dead", dead=3),
    Case("modbus-tcp", "7 dead", dead=7),
    Case("modbus-tcp", "7 dead, silent gateway", dead=7, silent=True),
    Case("rtu-tcp", "healthy"),
    Case("rtu-tcp", "3 dead", dead=3),
    Case("rtu-tcp", "7 dead", dead=7),
    Case("dlt645-tcp", "healthy", **DLT645),
    Case("dlt645-tcp", "3 dead", dead=3, **DLT645),
    Case("dlt645-tcp", "7 dead", dead=7, **DLT645),
)


def simulated(code: str, case: Case, clock: Clock) -> tuple[Line, Gateway]:
    """Return a simulated line and its gateway."""
    meters = []
    for unit in range(1, case.meters + 1):
        spec = MeterSpec(
            serial=serial(code, unit),
            unit=unit,
            profile=case.profile,
            kind=PREPAID,
            load_class="clothes",
            status_block_at=STATUS_AT if case.status and case.profile == DDSY1352 else None,
            address=serial(code, unit),
        )
        meter = Meter(spec, "bench")
        meter.dead = unit in case.dead_units
        meters.append(meter)
    line = Line(
        code,
        clock,
        meters,
        LineTiming(case.baud, case.parity),
        gateway_timeout_s=GATEWAY_TIMEOUT_S,
        protocol=case.protocol,
    )
    gateway = Gateway(f"G{code}", f"网关{code}", [line])
    gateway.no_exceptions = case.silent
    return line, gateway


def planned(code: str, case: Case, port: int) -> PlanLine:
    """Return the plan of the same line; a meter's id is its unit."""
    return PlanLine(
        line_id=case.key,
        name=case.key,
        protocol=case.protocol,
        host="127.0.0.1",
        port=port,
        baud=case.baud,
        parity=case.parity,
        gateway_timeout_s=GATEWAY_TIMEOUT_S,
        poll_interval_s=case.interval_s,
        meters=[
            PlanMeter(
                meter_id=str(unit),
                unit=unit,
                profile=case.profile,
                prepaid=True,
                status_block_at=STATUS_AT if case.status and case.profile == DDSY1352 else None,
                address=serial(code, unit),
            )
            for unit in range(1, case.meters + 1)
        ],
    )


def serial(code: str, unit: int) -> str:
    return f"{code}{unit:03d}".rjust(12, "0")
