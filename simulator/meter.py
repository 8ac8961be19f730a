"""A simulated electricity meter with its relay and its faults (模拟电表).

A meter has no task of its own: what it shows at an instant is worked out when somebody asks.
"""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from simulator.energy import EnergyHistory, Segment
from simulator.load import LOAD_CLASSES, Load, scatter
from simulator.meter_switches import MAX_FRAME_BYTES, SWITCHES
from simulator.periods import PERIODS, ByPeriod, PeriodTable, subtract
from simulator.relay import MAX_TRAVEL_US, MIN_TRAVEL_US, Relay
from simulator.time_line import NJ_PER_WH, SLOT_US

PREPAID, PUBLIC = "prepaid", "public"
DDSY1352, DTSY1352, DTSD1352, GENERIC = "acrel-ddsy1352", "acrel-dtsy1352", "acrel-dtsd1352", "generic-modbus"
DLT645_1P, DLT645_3P = "dlt645-2007-1p", "dlt645-2007-3p"
FLOAT32, ADF400L_1P, ADF400L_3P = "float32-input", "acrel-adf400l-1p", "acrel-adf400l-3p"
THREE_PHASE = (DTSY1352, DTSD1352, DLT645_3P, ADF400L_3P)
WITH_RELAY = (DDSY1352, DTSY1352, DLT645_1P, DLT645_3P, ADF400L_1P, ADF400L_3P)

NOMINAL_MV = 220_000
VOLTAGE_SPREAD_MV = 3_000
LOWEST_MV = NOMINAL_MV - VOLTAGE_SPREAD_MV
PHASE_SHARES_PERMILLE = (360, 330, 310)
MAX_FIRST_REGISTER_WH = 60_000_000
KEPT = ("held", "alarm", "needs_press", "waits_for_press", "load_tripped", "time_taken_day", "frame_bytes")
OWN_MONEY_FEN = 10_000  # In a new meter's own money register; the platform never uses it.


@dataclass(frozen=True)
class MeterSpec:
    """What is written on the meter and in the site's list.

    address: DL/T 645, twelve digits; control_password: level and password, operator: each four bytes in
    hex as they are sent.
    """

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
    address: str | None = None
    control_password: str = "02000000"
    operator: str = "00000000"

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
        self.installed_us = installed_us
        self.preamble = self._key % 5  # FE before its DL/T 645 answers: none to four.
        self.frame_bytes = MAX_FRAME_BYTES
        self.relay = Relay(travel_us=drawn.randint(MIN_TRAVEL_US, MAX_TRAVEL_US))
        self.forced_mode = 1  # As commissioned: the platform decides, not the meter's own money.
        self.forced_open = 0
        self.own_money_fen = OWN_MONEY_FEN
        self.held = False  # DL/T 645 3A: refuses to trip.
        self.alarm = False  # DL/T 645 2A.
        self.needs_press = False  # DL/T 645: refuses 1C, knows only 1B.
        self.waits_for_press = False  # 1B has come; the contact closes when somebody presses.
        self.load_tripped = False  # Has opened its contact by itself, over its own limit.
        self.time_taken_day = -1  # Of its own clock, when it last took a broadcast time.
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

    @property
    def has_relay(self) -> bool:
        return self.prepaid and self.spec.profile in WITH_RELAY

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
        self.waits_for_press = False
        self.order(us)

    def permit(self, us: int) -> None:
        """Allow the contact to be closed by hand (合闸允许)."""
        self.settle(us)
        self.forced_mode, self.forced_open = 1, 0
        self.waits_for_press = not self.relay.reported_closed
        self.changed()

    def press(self, us: int) -> None:
        """Somebody presses the button on the meter."""
        if self.waits_for_press:
            self.waits_for_press = False
            self.order(us)

    def hold(self, value: bool) -> None:
        """Enter or leave the meter's own keep-supply (保电)."""
        self.held = value
        self.changed()

    def settle(self, us: int) -> None:
        """Let a movement of the relay happen that was due by now."""
        moved_at = self.relay.settle(us)
        if moved_at is None:
            return
        self.moved_at_us = moved_at
        self.flow(moved_at)
        if self.on_relay is not None:
            self.on_relay(self, self.relay.reported_closed, moved_at)
        self.changed()

    def switch(self, name: str, value: Any, us: int) -> None:
        """Set a fault or a condition by its name, see SWITCHES. Raises ValueError for a wrong one."""
        check, act = SWITCHES.get(name, (None, None))
        if check is None or act is None:
            raise ValueError(f"no such switch of a meter: {name!r}")
        if not isinstance(value, check) or (check is int and isinstance(value, bool)):
            raise ValueError(f"switch {name!r} takes {check.__name__}, not {value!r}")
        self.settle(us)
        act(self, value, us)
        self.changed()

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
            **{name: getattr(self, name) for name in KEPT},
        }

    def load_json(self, kept: dict[str, Any]) -> None:
        self.history.load_json(kept["segments"])
        self.forced_mode, self.forced_open = kept["forced"]
        self.relay = Relay(**kept["relay"])
        self.moved_at_us = kept["moved_at_us"]
        self.dead, self.breaker_open = kept["dead"], kept["breaker_open"]
        self.own_money_fen = kept["own_money_fen"]
        for name in KEPT:
            setattr(self, name, kept.get(name, getattr(self, name)))

    def order(self, us: int) -> None:
        """Send the relay where forced control, or else the meter's own money, wants it."""
        closed = not self.forced_open if self.forced_mode else self.own_money_fen > 0
        if self.waits_for_press:
            return
        self.load_tripped = self.load_tripped and not closed
        self.relay.order(us, bool(closed))
        self.changed()

    def flow(self, us: int) -> None:
        self.history.change(us, flowing=self.relay.conducts and not self.breaker_open)

    def changed(self) -> None:
        if self.on_change is not None:
            self.on_change(self)


def _first_registers(drawn: random.Random, ct_ratio: int) -> ByPeriod:
    """Draw what the meter had counted before our time line begins, in nJ."""
    shares = [drawn.uniform(0.5, 1.5) for _ in PERIODS]
    shares[0] = 0.0  # The mall's table has no sharp hours.
    whole = drawn.randrange(MAX_FIRST_REGISTER_WH) * NJ_PER_WH * ct_ratio
    a, b, c, d = (int(whole * share / sum(shares)) for share in shares)
    return a, b, c, d
