"""The site file and the settings of the small mall."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from backend.settings import Settings, WechatAppSettings

SITE = """
[site]
code = "test"
name = "测试商场"
[policy]
delay_s = 60
no_trip_windows = []
no_trip_weekends = false
[[tariffs]]
code = "general"
name = "一般工商业"
[[tariffs.versions]]
valid_from = "2026-01-01"
components = [
  {{ kind = "energy", name = "上网电价", price = "0.40", floats = true }},
  {{ kind = "line_loss", name = "线损", price = "0.02", floats = true }},
  {{ kind = "transmission", name = "输配电价", price = "0.21" }},
  {{ kind = "system", name = "系统运行费", price = "0.04" }},
  {{ kind = "funds", name = "基金及附加", price = "0.03" }},
]
float_percent = {{ peak = 160, flat = 100, valley = 40 }}
slots = ["00:00 valley", "08:00 flat", "10:00 peak", "13:00 flat", "17:00 peak", "22:00 flat"]
[[shafts]]
code = "S1"
name = "1 号强电井"
[[shafts.gateways]]
code = "G1"
name = "1 号通讯管理机"
host = "127.0.0.1"
[[shafts.gateways.lines]]
code = "L1"
port = 15020
protocol = "modbus-tcp"
{meters}
{shops}
"""
METER = """
[[shafts.gateways.lines.meters]]
serial = "{serial}"
unit = {unit}
profile = "acrel-ddsy1352"
kind = "{kind}"
rated_power_w = {rated_power_w}
ct_ratio = {ct_ratio}
{owner}
"""
SHOP = """
[[shops]]
code = "{code}"
name = "商铺{code}"
tariff = "general"
armed = true
contacts = [{{ name = "张三", phone = "1390000{number:04d}", verified = true }}]
"""


def meter_text(serial: str, unit: int, owner: str, kind: str = "prepaid", ct_ratio: int = 1) -> str:
    """One meter of the site file; `rated_power_w` is on the primary side."""
    return METER.format(
        serial=serial, unit=unit, kind=kind, owner=owner, ct_ratio=ct_ratio, rated_power_w=13_200 * ct_ratio
    )


def site_text(shops: int, ct_ratio: int = 1, more: str = "") -> str:
    """A site file with one meter a shop and one for the public area; more: further meters."""
    meters = [
        meter_text(f"T{n:04d}", n, f'shop = "A{n:03d}"', ct_ratio=ct_ratio) for n in range(1, shops + 1)
    ]
    meters.append(meter_text("P0001", shops + 1, 'place = "1F 照明"', kind="public"))
    names = [SHOP.format(code=f"A{n:03d}", number=n) for n in range(1, shops + 1)]
    return SITE.format(meters="".join(meters) + more, shops="".join(names))


def settings(folder: Path) -> Settings:
    """Settings of which a service uses the keys alone."""
    return cast(Settings, FakeSettings(ledger_key=b"l" * 32, secret_key=b"s" * 32, data_dir=folder))


MINI_PROGRAM = WechatAppSettings(
    api_base_url="https://api.example",
    appid="wx1",
    secret="1",
    token="1",
    aes_key="",
    templates={level: f"T-{level}" for level in ("LOW", "CRITICAL", "LAST")},
)


@dataclass
class FakeSettings:
    ledger_key: bytes
    secret_key: bytes
    data_dir: Path
    demo: bool = True
    public_url: str = "http://localhost"
    mini_program: WechatAppSettings = field(default_factory=lambda: MINI_PROGRAM)
    service_account: Any = None
    sms: Any = None
    staff_phone: str = ""
