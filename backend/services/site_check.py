"""What is wrong with a site file that can be read (站点文件检查): codes, prices, owners, wiring."""

from collections.abc import Callable, Mapping
from datetime import date

from backend.domain.tariffs import TariffError
from backend.services.site_lines import Lines, line_name
from backend.services.site_parts import MeterPart, SiteFile, overdraft_fen, tariff_version
from backend.services.site_rules import Hung, Wire, Wiring

Wrong = Callable[[str, str], None]


def problems_of(file: SiteFile, lines: Lines, profiles: Mapping[str, str] | None) -> dict[str, str]:
    """Return what is wrong, one message a line; profiles as services/site_rules.py takes them."""
    problems: dict[str, str] = {}

    def wrong(path: str, message: str) -> None:
        problems.setdefault(line_name(lines.of(path)), message)

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
    if file.policy.power_trip_s <= file.policy.power_tell_s:
        wrong("$.policy.power_trip_s", "功率超限的断电时间必须长于提醒时间")
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
    _check_tree(file, shops, Wiring(profiles), wrong)
    return problems


def _check_tree(file: SiteFile, shops: set[str], wiring: Wiring, wrong: Wrong) -> None:
    seen: set[str] = set()

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
                wire = Wire(
                    code=line.code,
                    protocol=line.protocol,
                    host=gateway.host,
                    port=line.port,
                    device=line.device,
                )
                for name, message in wiring.add_line(wire).items():
                    wrong(f"{path}.{name}", message)
                for m, meter in enumerate(line.meters):
                    _check_meter(f"{path}.meters[{m}]", wire, meter, wiring, wrong)
    _check_owners(file, shops, wrong)


def _check_meter(path: str, wire: Wire, meter: MeterPart, wiring: Wiring, wrong: Wrong) -> None:
    hung = Hung(serial=meter.serial, unit=meter.unit, address=meter.address, profile=meter.profile)
    for name, message in wiring.add_meter(wire, hung).items():
        wrong(f"{path}.{name}", message)


def _check_owners(file: SiteFile, shops: set[str], wrong: Wrong) -> None:
    serials: set[str] = set()
    for i, shaft in enumerate(file.shafts):
        for j, gateway in enumerate(shaft.gateways):
            for k, line in enumerate(gateway.lines):
                for m, meter in enumerate(line.meters):
                    at = f"$.shafts[{i}].gateways[{j}].lines[{k}].meters[{m}]"
                    if meter.serial in serials:
                        wrong(f"{at}.serial", f"表号 {meter.serial} 重复")
                    serials.add(meter.serial)
                    if meter.kind == "prepaid" and meter.shop not in shops:
                        wrong(f"{at}.shop" if meter.shop else at, f"商铺 {meter.shop or '（空）'} 不存在")
                    if meter.kind == "public" and meter.shop:
                        wrong(f"{at}.shop", "公区表不能属于商铺")
