"""Write the site file (TOML) that an integrator would write for the simulated mall (站点文件)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from simulator.mall import Mall
from simulator.mall_plan import PlannedShaft
from simulator.mall_shops import Shop
from simulator.meter import PREPAID, MeterSpec
from simulator.periods import DEFAULT_SWITCHES, PERIODS

SITE_CODE, SITE_NAME = "duyun-xinglicheng", "都匀星力城（演示）"
TARIFF_CODE, TARIFF_NAME = "MALL-2026", "商铺电价（演示，非真实电价）"


@dataclass(frozen=True)
class SitePolicy:
    """The rules of the site; the defaults are those of a real mall."""

    delay_s: int = 1_800
    no_trip_windows: tuple[str, ...] = ("18:00-09:30",)
    no_trip_weekends: bool = True
    no_trip_holidays: bool = True
    holidays: tuple[str, ...] = ("2026-10-01",)
    poll_interval_s: float = 60.0
    power_tell_s: float = 30.0
    power_trip_s: float = 120.0
    power_restore_s: float = 600.0


# Trips at any hour after a minute: for the demonstration alone, which says so on its banner. Nobody waits ten
# minutes there to see a power limit restore what it has tripped.
DEMO_POLICY = SitePolicy(
    delay_s=60,
    no_trip_windows=(),
    no_trip_weekends=False,
    no_trip_holidays=False,
    holidays=(),
    power_tell_s=15.0,
    power_trip_s=40.0,
    power_restore_s=60.0,
)

# Kind, name, yuan per kWh, floats by period. Synthetic: 0.70 flat, 0.952 peak, 0.448 valley.
COMPONENTS = (
    ("energy", "上网电价", "0.40", True),
    ("line_loss", "上网环节线损", "0.02", True),
    ("transmission", "输配电价", "0.21", False),
    ("system", "系统运行费", "0.04", False),
    ("funds", "政府性基金", "0.03", False),
)
FLOAT_PERCENT = {"peak": 160, "flat": 100, "valley": 40}  # Of the flat price.


def write_site(mall: Mall, path: Path, *, policy: SitePolicy | None = None, demo: bool = True) -> None:
    """Write the site file of a mall, with the ports on which its lines are served now."""
    path.write_text(site_text(mall, policy=policy, demo=demo), encoding="utf-8")


def site_text(mall: Mall, *, policy: SitePolicy | None = None, demo: bool = True) -> str:
    """Return the site file's text."""
    return "\n".join(_text_lines(mall, policy or SitePolicy(), demo)) + "\n"


def _text_lines(mall: Mall, policy: SitePolicy, demo: bool) -> Iterator[str]:
    yield from _table("[site]", {"code": SITE_CODE, "name": SITE_NAME, "demo": demo})
    yield from _table(
        "[policy]",
        {
            "delay_s": policy.delay_s,
            "no_trip_windows": list(policy.no_trip_windows),
            "no_trip_weekends": policy.no_trip_weekends,
            "no_trip_holidays": policy.no_trip_holidays,
            "holidays": list(policy.holidays),
            "poll_interval_s": policy.poll_interval_s,
            "power_tell_s": policy.power_tell_s,
            "power_trip_s": policy.power_trip_s,
            "power_restore_s": policy.power_restore_s,
        },
    )
    yield from _tariff()
    for shaft in mall.shafts:
        yield from _shaft(mall, shaft)
    for shop in mall.shops:
        yield from _shop(shop)


def _tariff() -> Iterator[str]:
    yield from _table("[[tariffs]]", {"code": TARIFF_CODE, "name": TARIFF_NAME})
    yield "[[tariffs.versions]]"
    yield 'valid_from = "2026-01-01"'
    yield "components = ["
    for kind, name, price, floats in COMPONENTS:
        yield f"  {_inline({'kind': kind, 'name': name, 'price': price, 'floats': floats})},"
    yield "]"
    yield f"float_percent = {_inline(FLOAT_PERCENT)}"
    yield f"slots = {_value([f'{at} {PERIODS[period]}' for at, period in DEFAULT_SWITCHES])}"
    yield ""


def _shaft(mall: Mall, shaft: PlannedShaft) -> Iterator[str]:
    addresses = {line.code: line for line in mall.lines}
    yield from _table("[[shafts]]", {"code": shaft.code, "name": shaft.name})
    host = addresses[shaft.lines[0].code].host
    yield from _table(
        "[[shafts.gateways]]", {"code": shaft.gateway_code, "name": shaft.gateway_name, "host": host}
    )
    for planned in shaft.lines:
        line = mall.line(planned.code)
        yield from _table(
            "[[shafts.gateways.lines]]",
            {
                "code": line.code,
                "port": addresses[line.code].port,
                "protocol": line.protocol,
                "baud": line.timing.baud,
                "parity": line.timing.parity,
                "gateway_timeout_s": line.gateway_timeout_s,
            },
        )
        for meter in line.meters.values():
            yield from _table("[[shafts.gateways.lines.meters]]", _meter(meter.spec))


def _meter(spec: MeterSpec) -> dict[str, object]:
    """Return a meter's keys; those that it does not have are left out."""
    keys: dict[str, object] = {
        "serial": spec.serial,
        "unit": spec.unit,
        "profile": spec.profile,
        "kind": spec.kind,
        "ct_ratio": spec.ct_ratio,
        "rated_power_w": spec.rated_power_w,
        "shop": spec.shop,
        "place": spec.place,
        "status_block_at": spec.status_block_at,
        "address": spec.address,
    }
    if spec.address is not None and spec.kind == PREPAID:
        keys |= {"control_password": spec.control_password, "operator": spec.operator}
    return {key: value for key, value in keys.items() if value is not None}


def _shop(shop: Shop) -> Iterator[str]:
    keys: dict[str, object] = {
        "code": shop.code,
        "name": shop.name,
        "floor": shop.floor,
        "class": shop.shop_class,
        "tariff": TARIFF_CODE,
        "overdraft": "0.00",
        "power_limit_w": shop.power_limit_w,
        "armed": True,
        "contacts": [{"name": shop.contact_name, "phone": shop.contact_phone, "verified": True}],
    }
    yield from _table("[[shops]]", {key: value for key, value in keys.items() if value is not None})


def _table(header: str, keys: Mapping[str, object]) -> Iterator[str]:
    yield header
    for key, value in keys.items():
        yield f"{key} = {_value(value)}"
    yield ""


def _inline(keys: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{key} = {_value(value)}" for key, value in keys.items()) + "}"


def _value(value: object) -> str:
    """Print a value as TOML; its basic strings are JSON strings as long as nothing is escaped oddly."""
    if isinstance(value, Mapping):
        return _inline(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
