"""Which meter hangs where: shafts, one gateway each, lines and addresses (布置)."""

from dataclasses import dataclass

from simulator.mall_shops import FITTINGS, Shop, area_letter, public_place
from simulator.meter import PREPAID, PUBLIC, MeterSpec

MAX_UNIT = 247
DEFAULT_STATUS_BLOCK_AT = 0x0100  # Chosen by us: the maker does not publish it, a site has to ask.


@dataclass(frozen=True)
class Layout:
    """How many shafts, lines in each, and public meters in all."""

    shafts: int
    lines_per_gateway: int
    public: int


@dataclass(frozen=True)
class PlannedLine:
    code: str
    meters: tuple[MeterSpec, ...]


@dataclass(frozen=True)
class PlannedShaft:
    """A shaft with its gateway (强电井、通讯管理机)."""

    code: str
    name: str
    gateway_code: str
    gateway_name: str
    lines: tuple[PlannedLine, ...]


def plan_shafts(shops: list[Shop], layout: Layout) -> list[PlannedShaft]:
    """Hang every shop's meter and the public meters on lines, evenly and in order.

    Raises ValueError when a line would need more than 247 addresses.
    """
    shafts = []
    for area in range(layout.shafts):
        own = [shop for shop in shops if shop.area == area]
        public = (layout.public * (area + 1)) // layout.shafts - (layout.public * area) // layout.shafts
        shafts.append(_shaft(area, own, public, layout.lines_per_gateway))
    return shafts


def _shaft(area: int, shops: list[Shop], public: int, line_count: int) -> PlannedShaft:
    number, letter = area + 1, area_letter(area)
    lines = []
    for index in range(line_count):
        own = shops[len(shops) * index // line_count : len(shops) * (index + 1) // line_count]
        places = range(public * index // line_count, public * (index + 1) // line_count)
        lines.append(_line(area, index, own, places))
    return PlannedShaft(
        f"S{number}", f"{letter}区强电井", f"G{number}", f"{letter}区通讯管理机", tuple(lines)
    )


def _line(area: int, index: int, shops: list[Shop], places: range) -> PlannedLine:
    if len(shops) + len(places) > MAX_UNIT:
        raise ValueError(f"a line has {MAX_UNIT} addresses, {len(shops) + len(places)} meters are too many")
    prefix = f"2603{area + 1:02d}{index + 1:02d}"
    meters = [_shop_meter(shop, unit, f"{prefix}{unit:04d}") for unit, shop in enumerate(shops, start=1)]
    for unit, place in enumerate(places, start=len(shops) + 1):
        meters.append(_public_meter(area, place, unit, f"{prefix}{unit:04d}"))
    return PlannedLine(f"L{area + 1}-{index + 1}", tuple(meters))


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
