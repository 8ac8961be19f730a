"""What is added to the running mall: a gateway full of meters, and models that the product does not ship."""

from collections.abc import Iterator

from common.clock import Clock
from simulator.gateway import Gateway
from simulator.line import Line
from simulator.meter import DDSY1352, FLOAT32, Meter, MeterSpec
from simulator.registers import AREAS
from simulator.time_line import to_us
from simulator.words import Area, Words

HOST = "127.0.0.1"
LINES, METERS_A_LINE = 2, 35
BCD_MODEL = "maker-b"  # Registers that no shipped profile describes.
MODELS = {FLOAT32: "maker-a-float32", BCD_MODEL: "maker-b-bcd"}
PROFILES = {
    "maker-a-float32": """
protocol = "modbus"
word_order = "high-first"
[quantities]
register_wh = { read = 4, at = 0x0100, type = "f32", step = 1000 }   # kWh
voltage_mv  = { read = 4, at = 0x0000, type = "f32", step = 1000 }
power_w     = { read = 4, at = 0x0004, type = "f32" }
""",
    "maker-b-bcd": """
protocol = "modbus"
word_order = "low-first"
[quantities]
register_wh = { read = 3, at = 0x1000, type = "bcd32", step = 10 }   # 0.01 kWh
""",
}


def _bcd_energy(meter: Meter, us: int) -> Words:
    """0x1000: forward energy, eight decimal digits in steps of 0.01 kWh, low word first."""
    digits = f"{meter.history.register_steps(us, meter.spec.ct_ratio)[0] % 100_000_000:08d}"
    return [int(digits[4:], 16), int(digits[:4], 16)]


AREAS[BCD_MODEL] = [Area(0x1000, 2, _bcd_energy)]


def _meter(serial: str, unit: int, profile: str) -> Meter:
    spec = MeterSpec(serial=serial, unit=unit, profile=profile, kind="public", load_class="restaurant")
    return Meter(spec, "growth")


def full_gateway(clock: Clock) -> Gateway:
    """A gateway with two lines of 35 meters each."""
    lines = [
        Line(
            f"N{line}",
            clock,
            [_meter(f"90{line}{unit:04d}", unit, DDSY1352) for unit in range(1, METERS_A_LINE + 1)],
        )
        for line in range(1, LINES + 1)
    ]
    return Gateway("GN", "新通讯管理机", lines)


def strange_gateway(clock: Clock) -> Gateway:
    """A gateway with one meter of each model that is not shipped."""
    meters = [_meter(f"80{unit:05d}", unit, model) for unit, model in enumerate(MODELS, start=1)]
    return Gateway("GM", "试装通讯管理机", [Line("M1", clock, meters)])


def meters_of(gateway: Gateway) -> Iterator[Meter]:
    for line in gateway.lines.values():
        yield from line.meters.values()


def register_wh(meter: Meter, clock: Clock) -> int:
    return meter.register_wh(to_us(clock.now()))[0]


async def listen(gateway: Gateway) -> None:
    for port in gateway.ports.values():
        await port.listen(HOST, 0)


async def close(gateway: Gateway) -> None:
    for port in gateway.ports.values():
        await port.close()
