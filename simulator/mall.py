"""The simulated mall: shafts, gateways, lines and meters, with the truth about them (模拟商场).

The same object serves real loopback sockets (`serve`) and in-memory connections (`dial`). Nothing in
it ticks: what a meter shows at an instant follows from the seed, the instant and what was done to it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.clock import Clock
from common.streams import Streams
from common.units import Watt, Wh
from simulator.gateway import Gateway
from simulator.line import DEFAULT_GATEWAY_TIMEOUT_S, Exchange, Line, LineUse
from simulator.mall_plan import MIXED, MIXED_SHARED_SHAFT, Layout, PlannedShaft, plan_shafts
from simulator.mall_shops import Shop, draw_shops
from simulator.meter import Meter, MeterSpec
from simulator.periods import ByPeriod, PeriodTable
from simulator.port import Port
from simulator.time_line import EPOCH, NJ_PER_WH, to_instant, to_us
from simulator.wire_time import LineTiming

DEFAULT_HOST = "127.0.0.1"
DEFAULT_BASE_PORT = 15_020
MAX_RELAY_MOVES = 10_000


@dataclass(frozen=True)
class LineAddress:
    """Where a line is reached."""

    code: str
    host: str
    port: int


@dataclass(frozen=True)
class Truth:
    """What is really the case at a meter, whatever its frames say (真值).

    energy_wh:  counted since the factory on the primary side; by_period_wh: sharp, peak, flat, valley.
    register_wh, period_registers_wh: what the display shows (secondary side, steps of 10 Wh, with faults).
    relay_closed: the contact conducts. relay_reported: what the meter says about it.
    """

    serial: str
    at: datetime
    energy_wh: Wh
    by_period_wh: ByPeriod
    register_wh: Wh
    period_registers_wh: ByPeriod
    power_w: Watt
    relay_closed: bool
    relay_reported: bool
    relay_moved_at: datetime | None
    forced_mode: bool
    forced_open: bool
    dead: bool
    breaker_open: bool
    held: bool
    waits_for_press: bool
    load_tripped: bool
    clock_offset_s: float


@dataclass(frozen=True)
class RelayMove:
    """A contact has moved."""

    serial: str
    closed: bool
    at: datetime


class Mall:
    """A whole mall. Make one with `Mall.build`."""

    def __init__(self, seed: int, clock: Clock, shafts: list[PlannedShaft], shops: list[Shop]) -> None:
        self.seed = seed
        self.clock = clock
        self.shafts = shafts
        self.shops = shops
        self.period_table = PeriodTable()
        self.installed_at = EPOCH
        # The newest movements of contacts, as far as somebody has asked the meters since.
        self.relay_moves: deque[RelayMove] = deque(maxlen=MAX_RELAY_MOVES)
        # Told of each meter whose state has to survive a restart, or None.
        self.on_change: Callable[[str], None] | None = None
        self.meters: dict[str, Meter] = {}
        self.gateways: dict[str, Gateway] = {}
        self._ports: dict[str, Port] = {}  # By line.
        self._lines: dict[str, Line] = {}

    @classmethod
    def build(
        cls,
        seed: int,
        clock: Clock,
        *,
        started_at: datetime = EPOCH,
        shafts: int = 5,
        lines_per_gateway: int = 3,
        prepaid: int = 300,
        public: int = 50,
        timing: LineTiming | None = None,
        gateway_timeout_s: float = DEFAULT_GATEWAY_TIMEOUT_S,
        host: str = DEFAULT_HOST,
        base_port: int = DEFAULT_BASE_PORT,
        even: bool = False,
        mixed: bool = True,
        protocols: tuple[str, ...] = (),
        shared_shaft: int | None = None,
    ) -> "Mall":
        """Build the mall of a seed; the default is the reference mall.

        started_at: when the meters began to count, from 2025-07-01 local time on.
        base_port:  of the first line in memory, and on sockets unless `serve` says otherwise.
        timing:     of every line; None: what suits its protocol.
        even:       every shop of a class has the same mean load.
        mixed:      shaft 4 is transparent RTU, shaft 5 DL/T 645, shaft 2 has two lines on one port;
                    False: all Modbus TCP, a port for each line.
        protocols, shared_shaft: say so shaft by shaft instead, see Layout.
        Lines count on from the first shaft to the last, meters on a line from unit 1.
        """
        shops = draw_shops(str(seed), prepaid, shafts)
        if mixed and not protocols and shared_shaft is None:
            protocols, shared_shaft = MIXED, MIXED_SHARED_SHAFT
        planned = plan_shafts(shops, Layout(shafts, lines_per_gateway, public, protocols, shared_shaft))
        mall = cls(seed, clock, planned, shops)
        mall.installed_at = started_at
        next_port = base_port
        for shaft in planned:
            lines = [
                Line(
                    line.code,
                    clock,
                    [mall._make_meter(spec, even) for spec in line.meters],
                    timing or line.timing,
                    gateway_timeout_s,
                    line.protocol,
                    seed=str(seed),
                )
                for line in shaft.lines
            ]
            gateway = Gateway(shaft.gateway_code, shaft.gateway_name, lines, shaft.shared)
            mall.gateways[gateway.code] = gateway
            for code, port in gateway.ports.items():
                mall._lines[code] = gateway.lines[code]
                if port not in mall._ports.values():
                    port.host, port.port = host, next_port
                    next_port += 1
                mall._ports[code] = port
        return mall

    @property
    def lines(self) -> list[LineAddress]:
        """Return where each line is reached, in order."""
        return [LineAddress(code, port.host, port.port) for code, port in self._ports.items()]

    async def serve(self, base_port: int | None = None, host: str = DEFAULT_HOST) -> None:
        """Listen on a socket per line: base_port, base_port + 1, …; None takes free ones."""
        now_us = to_us(self.clock.now())
        for meter in self.meters.values():
            meter.electrical(now_us)  # Sums up the days before, so that no first answer is late.
        ports = list(dict.fromkeys(self._ports.values()))  # Lines may share one.
        for number, port in enumerate(ports):
            await port.listen(host, 0 if base_port is None else base_port + number)

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.close()

    async def dial(self, host: str, port: int) -> Streams:
        """Connect in memory, as common.streams.Dial. Raises ConnectionRefusedError when nobody is there."""
        for candidate in self._ports.values():
            if (candidate.host, candidate.port) == (host, port):
                return await candidate.dial()
        raise ConnectionRefusedError(f"nobody listens at {host}:{port}")

    def truth(self, serial: str, at: datetime | None = None) -> Truth:
        """Return what is really the case, now or at an instant. Raises KeyError for an unknown meter.

        The past is exact for energy and registers; relay and conditions are always those of now.
        """
        meter = self.meters[serial]
        instant = at or self.clock.now()
        us = to_us(instant)
        meter.settle(us)
        a, b, c, d = meter.history.energy_nj(us)
        register_wh, period_registers_wh = meter.register_wh(us)
        moved_us = meter.moved_at_us
        return Truth(
            serial=serial,
            at=instant,
            energy_wh=Wh((a + b + c + d) // NJ_PER_WH),
            by_period_wh=(a // NJ_PER_WH, b // NJ_PER_WH, c // NJ_PER_WH, d // NJ_PER_WH),
            register_wh=Wh(register_wh),
            period_registers_wh=period_registers_wh,
            power_w=Watt(meter.power_w(us)),
            relay_closed=meter.relay.conducts,
            relay_reported=meter.relay.reported_closed,
            relay_moved_at=None if moved_us is None else to_instant(moved_us),
            forced_mode=bool(meter.forced_mode),
            forced_open=bool(meter.forced_open),
            dead=meter.dead,
            breaker_open=meter.breaker_open,
            held=meter.held,
            waits_for_press=meter.waits_for_press,
            load_tripped=meter.load_tripped,
            clock_offset_s=(meter.clock_us(us) - us) / 1e6,
        )

    def register_at(self, serial: str, at: datetime) -> tuple[Wh, ByPeriod]:
        """Return (total, by period) in Wh as a frame would show them at an instant (表底). Fast."""
        total, by_period = self.meters[serial].register_wh(to_us(at))
        return Wh(total), by_period

    def power_at(self, serial: str, at: datetime) -> Watt:
        """Return the power on the primary side at an instant."""
        return Watt(self.meters[serial].power_w(to_us(at)))

    def energy_between_nj(self, serial: str, start_at: datetime, end_at: datetime) -> ByPeriod:
        """Return the real energy of a span by the meter's periods, exactly, in nJ (3.6e12 nJ are 1 Wh)."""
        return self.meters[serial].energy_between_nj(to_us(start_at), to_us(end_at))

    def switch_meter(self, serial: str, fault: str, value: object) -> None:
        """Set a fault of a meter, see simulator.meter_switches.SWITCHES. Raises KeyError, ValueError."""
        self.meters[serial].switch(fault, value, to_us(self.clock.now()))

    def switch_line(self, code: str, fault: str, value: object) -> None:
        """Cut a line ("cut": no meter on it answers), lose its connections ("half_open") or disturb it.

        The rates of `simulator.wire_faults` are set by name. Raises KeyError, ValueError.
        """
        gateway = next((each for each in self.gateways.values() if code in each.lines), None)
        if gateway is None:
            raise KeyError(code)
        gateway.switch_line(code, fault, value)

    async def switch_gateway(self, code: str, fault: str, value: object) -> None:
        """Set a fault of a gateway, or one of a line for all its lines. Raises KeyError, ValueError."""
        await self.gateways[code].switch(fault, value)

    def mark_lines(self) -> None:
        """Begin to measure the use of every line here."""
        for line in self._lines.values():
            line.mark()

    def line_use(self, code: str) -> LineUse:
        """Return the use of a line since its mark. Raises ValueError when it has none."""
        return self._lines[code].use()

    def line(self, code: str) -> Line:
        return self._lines[code]

    def observe(self, observer: Callable[[str, Exchange], None]) -> None:
        """Have every transaction of every line told, as (line code, exchange)."""

        def of(code: str) -> Callable[[Exchange], None]:
            return lambda exchange: observer(code, exchange)

        for code, line in self._lines.items():
            line.observer = of(code)

    def add_meter(self, line_code: str, spec: MeterSpec) -> Meter:
        """Hang another meter on a line while it runs (扩容). Raises ValueError for a taken place."""
        if spec.serial in self.meters:
            raise ValueError(f"meter {spec.serial} is there already")
        line = self._lines[line_code]
        if spec.unit in line.meters:
            raise ValueError(f"address {spec.unit} of line {line_code} is taken")
        meter = line.meters[spec.unit] = self._make_meter(spec, even=False)
        return meter

    def _make_meter(self, spec: MeterSpec, even: bool) -> Meter:
        meter = Meter(spec, str(self.seed), self.period_table, even, to_us(self.installed_at))
        meter.on_relay = self._relay_moved
        meter.on_change = self._changed
        self.meters[spec.serial] = meter
        return meter

    def _relay_moved(self, meter: Meter, closed: bool, us: int) -> None:
        self.relay_moves.append(RelayMove(meter.spec.serial, closed, to_instant(us)))

    def _changed(self, meter: Meter) -> None:
        if self.on_change is not None:
            self.on_change(meter.spec.serial)
