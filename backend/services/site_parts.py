"""The site file (站点文件): a mall as an integrator writes it, in TOML. Errors name the line.

Reading it touches no database; services/site_load.py makes it so.
"""

import re
import tomllib
from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from backend.domain.tariffs import Component, ComponentKind, Period, Slot, TariffError, TariffVersion
from backend.errors import Invalid
from common.clock import local_midnight
from common.units import Fen, fen_from_yuan

Code = Annotated[str, Meta(min_length=1, max_length=32)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Window = Annotated[str, Meta(pattern=r"^\d\d:\d\d-\d\d:\d\d$")]
Yuan = Annotated[str, Meta(pattern=r"^-?\d{1,12}(\.\d{1,6})?$")]


class SiteFileError(Invalid):
    """The file cannot be loaded; `fields` maps "第 N 行" to what is wrong there."""

    code = "site_file_invalid"
    message = "站点文件有误"


class SitePart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    demo: bool = False


class PolicyPart(Struct, frozen=True, forbid_unknown_fields=True):
    delay_s: Annotated[int, Meta(ge=0, le=86_400)] = 1_800
    no_trip_windows: list[Window] = field(default_factory=lambda: ["18:00-09:30"])
    no_trip_weekends: bool = True
    holidays: list[str] = []
    poll_interval_s: Annotated[float, Meta(ge=0, le=3_600)] = 60.0


class ComponentPart(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["energy", "line_loss", "transmission", "system", "funds"]
    name: Name
    price: Yuan
    floats: bool = False


class VersionPart(Struct, frozen=True, forbid_unknown_fields=True):
    valid_from: str
    components: list[ComponentPart]
    slots: list[Annotated[str, Meta(pattern=r"^\d\d:\d\d (sharp|peak|flat|valley|deep_valley)$")]]
    float_percent: dict[Literal["sharp", "peak", "flat", "valley", "deep_valley"], int] = {}


class TariffPart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    versions: list[VersionPart]


class MeterPart(Struct, frozen=True, forbid_unknown_fields=True):
    serial: Code
    unit: Annotated[int, Meta(ge=1, le=247)]
    profile: Name
    kind: Literal["prepaid", "public"]
    rated_power_w: Annotated[int, Meta(gt=0, le=10_000_000)]
    ct_ratio: Annotated[int, Meta(ge=1, le=10_000)] = 1
    shop: str = ""
    place: str = ""
    status_block_at: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    permit: bool = False


class LinePart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    port: Annotated[int, Meta(ge=1, le=65_535)]
    protocol: Literal["modbus-tcp"]
    baud: Annotated[int, Meta(ge=300, le=115_200)] = 9_600
    parity: Literal["N", "E", "O"] = "N"
    gateway_timeout_s: Annotated[float, Meta(gt=0, le=10)] = 0.5
    meters: list[MeterPart] = []


class GatewayPart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    host: Annotated[str, Meta(min_length=1, max_length=128)]
    lines: list[LinePart] = []


class ShaftPart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    gateways: list[GatewayPart] = []


class ContactPart(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    phone: Annotated[str, Meta(pattern=r"^\+?\d{5,19}$")]
    verified: bool = False


class ShopPart(Struct, frozen=True, forbid_unknown_fields=True, rename={"shop_class": "class"}):
    code: Code
    name: Name
    tariff: Code
    floor: str = ""
    shop_class: str = ""
    overdraft: Yuan = "0"
    power_limit_w: Annotated[int, Meta(gt=0)] | None = None
    armed: bool = False
    contacts: list[ContactPart] = []


class SiteFile(Struct, frozen=True, forbid_unknown_fields=True):
    site: SitePart
    tariffs: list[TariffPart]
    shafts: list[ShaftPart]
    shops: list[ShopPart]
    policy: PolicyPart = field(default_factory=PolicyPart)


def read_site_file(text: str) -> SiteFile:
    """Read and check a site file. Raises SiteFileError with one message per wrong line."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise SiteFileError(
            fields={_line_name(int(found[1]) if found else 1): f"TOML 语法错误：{error}"}
        ) from None
    lines = _Lines(text)
    try:
        file = msgspec.convert(data, SiteFile)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        raise SiteFileError(fields={_line_name(lines.of(path.rstrip("`"))): message}) from None
    problems = _problems(file, lines)
    if problems:
        raise SiteFileError(fields=problems)
    return file


def tariff_version(part: VersionPart, version_id: str) -> TariffVersion:
    """Turn the file's words into the domain's. Raises TariffError or ValueError."""
    return TariffVersion(
        version_id=version_id,
        valid_from=local_midnight(date.fromisoformat(part.valid_from)),
        components=tuple(
            Component(ComponentKind(item.kind.upper()), item.name, _microyuan(item.price), item.floats)
            for item in part.components
        ),
        slots=tuple(_slot(item) for item in part.slots),
        float_permille={
            Period(name.upper()): (percent - 100) * 10 for name, percent in part.float_percent.items()
        },
    )


def overdraft_fen(shop: ShopPart) -> Fen:
    return fen_from_yuan(shop.overdraft)


def _microyuan(price: str) -> int:
    sign = -1 if price.startswith("-") else 1
    whole, _, part = price.lstrip("-").partition(".")
    return sign * (int(whole) * 1_000_000 + int(part.ljust(6, "0")))


def _slot(text: str) -> Slot:
    clock, period = text.split()
    hour, minute = clock.split(":")
    return Slot(int(hour) * 60 + int(minute), Period(period.upper()))


def _line_name(number: int) -> str:
    return f"第 {number} 行"


class _Lines:
    """Finds the line of a path such as "$.shafts[0].gateways[1].code" in the file's text."""

    _HEADER = re.compile(r"^\s*\[\[?\s*([\w.]+)\s*\]\]?\s*(#.*)?$")

    def __init__(self, text: str) -> None:
        self._at: dict[str, int] = {}
        counts: dict[str, int] = {}
        here = "$"
        for number, line in enumerate(text.splitlines(), start=1):
            header = self._HEADER.match(line)
            if header:
                here = self._open(header[1].split("."), line.lstrip().startswith("[["), counts)
                self._at.setdefault(here, number)
                continue
            key = re.match(r"\s*(\w+)\s*=", line)
            if key:
                self._at.setdefault(f"{here}.{key[1]}", number)

    @staticmethod
    def _open(names: list[str], is_array: bool, counts: dict[str, int]) -> str:
        path = "$"
        for depth, name in enumerate(names):
            path = f"{path}.{name}"
            if depth + 1 < len(names):
                path = f"{path}[{counts[path]}]" if path in counts else path
            elif is_array:
                counts[path] = counts.get(path, -1) + 1
                path = f"{path}[{counts[path]}]"
        return path

    def of(self, path: str) -> int:
        while path and path not in self._at:
            path = re.sub(r"(\[[^\]]*\]|\.\w+)$", "", path) if path != "$" else ""
        return self._at.get(path, 1)


def _problems(file: SiteFile, lines: _Lines) -> dict[str, str]:
    problems: dict[str, str] = {}

    def wrong(path: str, message: str) -> None:
        problems.setdefault(_line_name(lines.of(path)), message)

    tariffs: set[str] = set()
    for t, tariff in enumerate(file.tariffs):
        if tariff.code in tariffs:
            wrong(f"$.tariffs[{t}].code", f"电价编号 {tariff.code} 重复")
        tariffs.add(tariff.code)
        for v, version in enumerate(tariff.versions):
            try:
                tariff_version(version, "check")
            except (TariffError, ValueError) as error:
                wrong(f"$.tariffs[{t}].versions[{v}]", f"电价无法使用：{error}")
    for number, day in enumerate(file.policy.holidays):
        try:
            date.fromisoformat(day)
        except ValueError:
            wrong("$.policy.holidays", f"第 {number + 1} 个节假日不是日期：{day}")
    shops: set[str] = set()
    for s, shop in enumerate(file.shops):
        if shop.code in shops:
            wrong(f"$.shops[{s}].code", f"商铺编号 {shop.code} 重复")
        shops.add(shop.code)
        if shop.tariff not in tariffs:
            wrong(f"$.shops[{s}].tariff", f"电价 {shop.tariff} 不存在")
        if shop.armed and not any(contact.verified for contact in shop.contacts):
            wrong(f"$.shops[{s}].armed", "没有已核实的联系人，不能启用自动断电")
        try:
            overdraft_fen(shop)
        except ValueError:
            wrong(f"$.shops[{s}].overdraft", "透支额度最多两位小数")
    _check_tree(file, shops, wrong)
    return problems


def _check_tree(file: SiteFile, shops: set[str], wrong: Callable[[str, str], None]) -> None:
    seen: set[str] = set()
    serials: set[str] = set()

    def once(code: str, path: str, what: str) -> None:
        if f"{what}:{code}" in seen:
            wrong(f"{path}.code", f"{what}编号 {code} 重复")
        seen.add(f"{what}:{code}")

    for i, shaft in enumerate(file.shafts):
        once(shaft.code, f"$.shafts[{i}]", "强电井")
        for j, gateway in enumerate(shaft.gateways):
            once(gateway.code, f"$.shafts[{i}].gateways[{j}]", "通讯管理机")
            for k, line in enumerate(gateway.lines):
                path = f"$.shafts[{i}].gateways[{j}].lines[{k}]"
                once(line.code, path, "总线")
                units: set[int] = set()
                for m, meter in enumerate(line.meters):
                    at = f"{path}.meters[{m}]"
                    if meter.unit in units:
                        wrong(f"{at}.unit", f"同一总线上地址 {meter.unit} 重复")
                    units.add(meter.unit)
                    if meter.serial in serials:
                        wrong(f"{at}.serial", f"表号 {meter.serial} 重复")
                    serials.add(meter.serial)
                    if meter.kind == "prepaid" and meter.shop not in shops:
                        wrong(f"{at}.shop" if meter.shop else at, f"商铺 {meter.shop or '（空）'} 不存在")
                    if meter.kind == "public" and meter.shop:
                        wrong(f"{at}.shop", "公区表不能属于商铺")
