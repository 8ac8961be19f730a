"""Which meter hangs where: shafts, one gateway each, lines and addresses (布置)."""

from dataclasses import dataclass, replace

from simulator.line import DLT645_TCP, MODBUS_TCP, RTU_TCP
from simulator.mall_shops import FITTINGS, Shop, area_letter, public_place
from simulator.meter import DDSY1352, DLT645_1P, DLT645_3P, DTSD1352, DTSY1352, PREPAID, PUBLIC, MeterSpec
from simulator.wire_time import LineTiming

MAX_UNIT = 247
LINES_OF_A_SHARED_PORT = 2
TIMINGS = {MODBUS_TCP: LineTiming(), RTU_TCP: LineTiming(9600, "N"), DLT645_TCP: LineTiming(2400, "E")}
DEFAULT_STATUS_BLOCK_AT = 0x0100  # Chosen by us: the maker does not publish it, a site has to ask.


# Shaft 4 has transparent RTU, shaft 5 DL/T 645; shaft 2 has two lines on one port.
MIXED = (MODBUS_TCP, MODBUS_TCP, MODBUS_TCP, RTU_TCP, DLT645_TCP)
MIXED_SHARED_SHAFT = 2
SPEAKS_DLT645 = {DDSY1352: DLT645_1P, DTSY1352: DLT645_3P, DTSD1352: DLT645_3P}


@dataclass(frozen=True)
class Layout:
    """How many shafts, lines in each, and public meters in all.

    protocols:    of the shafts, in order; those that it does not name speak Modbus TCP.
    shared_shaft: the number, from 1, of a shaft whose gateway has its first two lines on one TCP port.
    """

    shafts: int
    lines_per_gateway: int
    public: int
    protocols: tuple[str, ...] = ()
    shared_shaft: int | None = None

    def protocol(self, area: int) -> str:
        return self.protocols[area] if area < len(self.protocols) else MODBUS_TCP


@dataclass(frozen=True)
class PlannedLine:
    code: str
    protocol: str
    timing: LineTiming
    meters: tuple[MeterSpec, ...]


@dataclass(frozen=True)
class PlannedShaft:
    """A shaft with its gateway (强电井、通讯管理机)."""

    code: str
    name: str
    gateway_code: str
    gateway_name: str
    lines: tuple[PlannedLine, ...]
    shared: tuple[str, ...] = ()  # Codes of the lines behind one TCP port.


def plan_shafts(shops: list[Shop], layout: Layout) -> list[PlannedShaft]:
    """Hang every shop's meter and the public meters on lines, evenly and in order.

    Raises ValueError when a line would need more than 247 addresses.
    """
    shafts = []
    for area in range(layout.shafts):
        own = [shop for shop in shops if shop.area == area]
        public = (layout.public * (area + 1)) // layout.shafts - (layout.public * area) // layout.shafts
        shafts.append(_shaft(area, own, public, layout))
    return shafts


def _shaft(area: int, shops: list[Shop], public: int, layout: Layout) -> PlannedShaft:
    number, letter, line_count = area + 1, area_letter(area), layout.lines_per_gateway
    lines: list[PlannedLine] = []
    shares_port = layout.shared_shaft == number and layout.protocol(area) == MODBUS_TCP
    for index in range(line_count):
        own = shops[len(shops) * index // line_count : len(shops) * (index + 1) // line_count]
        places = range(public * index // line_count, public * (index + 1) // line_count)
        # Behind one port an address stands for one meter, whatever its line.
        taken = len(lines[0].meters) if shares_port and index == 1 else 0
        lines.append(_line(area, index, own, places, layout.protocol(area), taken))
    shared = tuple(line.code for line in lines[:LINES_OF_A_SHARED_PORT]) if shares_port else ()
    return PlannedShaft(
        f"S{number}",
        f"{letter}区强电井",
        f"G{number}",
        f"{letter}区通讯管理机",
        tuple(lines),
        shared if len(shared) == LINES_OF_A_SHARED_PORT else (),
    )


def _line(area: int, index: int, shops: list[Shop], places: range, protocol: str, taken: int) -> PlannedLine:
    if taken + len(shops) + len(places) > MAX_UNIT:
        raise ValueError(f"a line has {MAX_UNIT} addresses, {len(shops) + len(places)} meters are too many")
    prefix = f"2603{area + 1:02d}{index + 1:02d}"
    meters = [
        _shop_meter(shop, taken + number, f"{prefix}{number:04d}")
        for number, shop in enumerate(shops, start=1)
    ]
    for number, place in enumerate(places, start=len(shops) + 1):
        meters.append(_public_meter(area, place, taken + number, f"{prefix}{number:04d}"))
    if protocol == DLT645_TCP:
        meters = [_speaking_dlt645(spec) for spec in meters]
    return PlannedLine(f"L{area + 1}-{index + 1}", protocol, TIMINGS[protocol], tuple(meters))


def _shop_meter(shop: Shop, unit: int, serial: str) -> MeterSpec:
    fitting = FITTINGS[shop.shop_class]
    return MeterSpec(
        serial=serial,
        unit=unit,
        profile=fitting.profile,
        kind=PREPAID,
        load_class=shop.shop_class,
        ct_ratio=fitting.ct_ratio,
        rated_power_w=fitting.rated_power_w,
        shop=shop.code,
        status_block_at=DEFAULT_STATUS_BLOCK_AT,
    )


def _public_meter(area: int, place: int, unit: int, serial: str) -> MeterSpec:
    load_class, label = public_place(place, area)
    fitting = FITTINGS[load_class]
    return MeterSpec(
        serial=serial,
        unit=unit,
        profile=fitting.profile,
        kind=PUBLIC,
        load_class=load_class,
        ct_ratio=fitting.ct_ratio,
        rated_power_w=fitting.rated_power_w,
        place=label,
        status_block_at=None,
    )


def _speaking_dlt645(spec: MeterSpec) -> MeterSpec:
    """The same place with a DL/T 645 meter, which is called by the number on its front."""
    return replace(spec, profile=SPEAKS_DLT645[spec.profile], address=spec.serial, status_block_at=None)
