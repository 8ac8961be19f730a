"""A simulated electricity meter with its relay and its faults (模拟电表).

A meter has no task of its own: what it shows at an instant is worked out when somebody asks.
"""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from simulator.energy import EnergyHistory, Segment
from simulator.load import LOAD_CLASSES, Load, scatter
from simulator.periods import PERIODS, ByPeriod, PeriodTable, subtract
from simulator.relay import MAX_TRAVEL_US, MIN_TRAVEL_US, Relay
from simulator.time_line import NJ_PER_WH, SECOND_US, SLOT_US

PREPAID, PUBLIC = "prepaid", "public"
DDSY1352, DTSY1352, DTSD1352, GENERIC = "acrel-ddsy1352", "acrel-dtsy1352", "acrel-dtsd1352", "generic-modbus"
THREE_PHASE = (DTSY1352, DTSD1352)

NOMINAL_MV = 220_000
VOLTAGE_SPREAD_MV = 3_000
LOWEST_MV = NOMINAL_MV - VOLTAGE_SPREAD_MV
PHASE_SHARES_PERMILLE = (360, 330, 310)
MAX_FIRST_REGISTER_WH = 60_000_000
OWN_MONEY_FEN = 10_000  # In a new meter's own money register; the platform never uses it.


@dataclass(frozen=True)
class MeterSpec:
    """What is written on the meter and in the site's list."""

    serial: str
    unit: int
    profile: str
    kind: str
    load_class: str
    ct_ratio: int = 1
    rated_power_w: int = 13_200
    shop: str | None = None
    place: str | None = None
    status_block_at: int | None = None

    @property
    def phases(self) -> int:
        return 3 if self.profile in THREE_PHASE else 1


@dataclass(frozen=True)
class Electrical:
    """Primary-side values of one instant, per phase."""

    voltage_mv: tuple[int, ...]
    current_ma: tuple[int, ...]
    power_mw: tuple[int, ...]
    power_factor_permille: int


class Meter:
    """One meter on a line. Instants are microseconds on the simulator's time line."""

    def __init__(
        self,
        spec: MeterSpec,
        seed: str,
        table: PeriodTable | None = None,
        even: bool = False,
        installed_us: int = 0,
    ) -> None:
        self.spec = spec
        self.table = table or PeriodTable()
        self.load = Load(LOAD_CLASSES[spec.load_class], f"{seed}:{spec.serial}", self.table, even)
        drawn = random.Random(f"{seed}:{spec.serial}:meter")
        self._key = drawn.getrandbits(64)
        first = Segment(installed_us, _first_registers(drawn, spec.ct_ratio))
        self.history = EnergyHistory(self.load, self.table, first)
        self.relay = Relay(travel_us=drawn.randint(MIN_TRAVEL_US, MAX_TRAVEL_US))
        self.forced_mode = 1  # As commissioned: the platform decides, not the meter's own money.
        self.forced_open = 0
        self.own_money_fen = OWN_MONEY_FEN
        self.dead = False
        self.breaker_open = False
        self.moved_at_us: int | None = None  # When the contact last moved.
        # Called with (meter, contact closed, microseconds) when a contact has moved, or None.
        self.on_relay: Callable[[Meter, bool, int], None] | None = None
        # Called after each change that has to survive a restart, or None.
        self.on_change: Callable[[Meter], None] | None = None

    @property
    def prepaid(self) -> bool:
        return self.spec.kind == PREPAID

    def energy_wh(self, us: int) -> int:
        """Return the real energy counted until an instant, first register included, in whole Wh (真值)."""
        self.settle(us)
        return sum(self.history.energy_nj(us)) // NJ_PER_WH

    def energy_between_nj(self, start_us: int, end_us: int) -> ByPeriod:
        """Return the real energy used in a span by the meter's periods (sharp, peak, flat, valley)."""
        self.settle(end_us)
        return subtract(self.history.energy_nj(end_us), self.history.energy_nj(start_us))

    def register_wh(self, us: int) -> tuple[int, ByPeriod]:
        """Return what the display shows: total and period registers, secondary side, in Wh (表底)."""
        self.settle(us)
        total, by_period = self.history.register_steps(us, self.spec.ct_ratio)
        a, b, c, d = by_period
        return total * 10, (a * 10, b * 10, c * 10, d * 10)

    def power_w(self, us: int) -> int:
        self.settle(us)
        return self.history.power_mw(us) // 1000

    def electrical(self, us: int) -> Electrical:
        """Return voltage, current and power; the voltage is there whatever the relay does."""
        self.settle(us)
        total_mw = self.history.power_mw(us)
        factor = self.load.load_class.power_factor_permille
        slot = us // SLOT_US
        voltage = tuple(
            LOWEST_MV + scatter(self._key + slot * 3 + phase) % (2 * VOLTAGE_SPREAD_MV + 1)
            for phase in range(self.spec.phases)
        )
        if self.spec.phases == 1:
            power: tuple[int, ...] = (total_mw,)
        else:
            turn = self._key % 3
            shares = PHASE_SHARES_PERMILLE[turn:] + PHASE_SHARES_PERMILLE[:turn]
            first, second = total_mw * shares[0] // 1000, total_mw * shares[1] // 1000
            power = (first, second, total_mw - first - second)
        current = tuple(mw * 1_000_000 // (mv * factor) for mw, mv in zip(power, voltage, strict=True))
        return Electrical(voltage, current, power, factor)

    def clock_us(self, us: int) -> int:
        """Return the time that the meter's own clock shows, as an instant of the time line."""
        return us + self.history.at(us).offset_us

    def force(self, us: int, mode: int, opened: int) -> None:
        """Take a forced-control write: the relay begins to move (强制控制)."""
        self.settle(us)
        self.forced_mode, self.forced_open = mode, opened
        self._order(us)

    def settle(self, us: int) -> None:
        """Let a movement of the relay happen that was due by now."""
        moved_at = self.relay.settle(us)
        if moved_at is None:
            return
        self.moved_at_us = moved_at
        self._flow(moved_at)
        if self.on_relay is not None:
            self.on_relay(self, self.relay.reported_closed, moved_at)
        self._changed()

    def switch(self, name: str, value: Any, us: int) -> None:
        """Set a fault or a condition by its name, see SWITCHES. Raises ValueError for a wrong one."""
        check, act = SWITCHES.get(name, (None, None))
        if check is None or act is None:
            raise ValueError(f"no such switch of a meter: {name!r}")
        if not isinstance(value, check) or (check is int and isinstance(value, bool)):
            raise ValueError(f"switch {name!r} takes {check.__name__}, not {value!r}")
        self.settle(us)
        act(self, value, us)
        self._changed()

    def to_json(self) -> dict[str, Any]:
        """Return all that a restart has to keep."""
        return {
            "segments": self.history.to_json(),
            "forced": [self.forced_mode, self.forced_open],
            "relay": asdict(self.relay),
            "moved_at_us": self.moved_at_us,
            "dead": self.dead,
            "breaker_open": self.breaker_open,
            "own_money_fen": self.own_money_fen,
        }

    def load_json(self, kept: dict[str, Any]) -> None:
        self.history.load_json(kept["segments"])
        self.forced_mode, self.forced_open = kept["forced"]
        self.relay = Relay(**kept["relay"])
        self.moved_at_us = kept["moved_at_us"]
        self.dead, self.breaker_open = kept["dead"], kept["breaker_open"]
        self.own_money_fen = kept["own_money_fen"]

    def _order(self, us: int) -> None:
        """Send the relay where forced control, or else the meter's own money, wants it."""
        closed = not self.forced_open if self.forced_mode else self.own_money_fen > 0
        self.relay.order(us, bool(closed))
        self._changed()

    def _flow(self, us: int) -> None:
        self.history.change(us, flowing=self.relay.conducts and not self.breaker_open)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change(self)


def _dead(meter: Meter, value: bool, us: int) -> None:
    meter.dead = value


def _welded(meter: Meter, value: bool, us: int) -> None:
    meter.relay.welded = value
    meter._flow(us)


def _stuck(meter: Meter, value: bool, us: int) -> None:
    meter.relay.stuck = value
    if value:
        meter.relay.moves_at_us = None
    else:
        meter._order(us)


def _breaker_open(meter: Meter, value: bool, us: int) -> None:
    meter.breaker_open = value
    meter._flow(us)


def _overload(meter: Meter, value: int, us: int) -> None:
    if value < 1:
        raise ValueError(f"a load cannot count {value} times")
    meter.history.change(us, times=value)


def _extra(meter: Meter, value: int, us: int) -> None:
    meter.history.change(us, extra_w=value)


def _falls(meter: Meter, value: int, us: int) -> None:
    meter.history.change(us, jump_steps=-value)


def _jumps(meter: Meter, value: int, us: int) -> None:
    meter.history.change(us, jump_steps=value)


def _clock_offset(meter: Meter, value: int, us: int) -> None:
    meter.history.change(us, offset_us=value * SECOND_US)


def _own_money(meter: Meter, value: int, us: int) -> None:
    meter.own_money_fen = value
    meter._order(us)


# Name → (type of the value, what it does).
SWITCHES: dict[str, tuple[type, Callable[[Meter, Any, int], None]]] = {
    "dead": (bool, _dead),  # Does not answer; goes on counting and keeps its relay.
    "welded": (bool, _welded),  # Reports "open" while current flows.
    "stuck": (bool, _stuck),  # Accepts orders and does not move.
    "breaker_open": (bool, _breaker_open),  # The shop's own breaker: no current, relay closed or not.
    "overload": (int, _overload),  # The shop's own load counts so many times; 1 ends it.
    "extra_w": (int, _extra),  # Added to the shop's own load; 0 ends it.
    "falls_steps": (int, _falls),  # The register falls once by so many steps of 10 Wh.
    "jumps_steps": (int, _jumps),  # The register rises once by so many steps of 10 Wh.
    "clock_offset_s": (int, _clock_offset),  # The meter's clock ahead of true time; may be negative.
    "own_money_fen": (int, _own_money),  # Decides the relay only out of forced control.
}


def _first_registers(drawn: random.Random, ct_ratio: int) -> ByPeriod:
    """Draw what the meter had counted before our time line begins, in nJ."""
    shares = [drawn.uniform(0.5, 1.5) for _ in PERIODS]
    shares[0] = 0.0  # The mall's table has no sharp hours.
    whole = drawn.randrange(MAX_FIRST_REGISTER_WH) * NJ_PER_WH * ct_ratio
    a, b, c, d = (int(whole * share / sum(shares)) for share in shares)
    return a, b, c, d
