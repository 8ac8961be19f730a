"""What is wrong with an import that can be read (导入检查), and what it would make: codes, owners, wiring.

Nothing is written here. Every problem names sheet, row and column, as the file has them.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from backend.context import Context
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.site import Shop
from backend.reports.import_columns import METER_COLUMNS, METERS, PREPAID, PUBLIC, SHOP_COLUMNS, SHOPS
from backend.reports.import_reader import ImportProblem, Line, Workbook
from backend.services.contact_checks import mobile
from backend.services.meter_models import known_families
from backend.services.site_rules import Hung, Wire, Wiring
from backend.services.site_wiring import wires
from backend.store import rows

OPEN_RIGHT = "staff.account.open"
_TITLES = {
    SHOPS: {column.key: column.title for column in SHOP_COLUMNS},
    METERS: {column.key: column.title for column in METER_COLUMNS},
}
# Of site_rules' words for a field: where the file has it.
_WIRING_COLUMNS = {"unit": "unit", "address": "address", "profile": "profile"}


class Known(Struct, frozen=True):
    """What the site has already."""

    shops: dict[str, int]  # Code -> id.
    accounts: dict[str, int]  # Code of a shop -> its open account.
    serials: frozenset[str]
    wires: dict[int, Wire]  # By id of the line.
    hung: tuple[tuple[int, Hung], ...]  # Line and meter, of what is in use.
    families: Mapping[str, str] | None
    tariffs: dict[str, int]  # Code -> id, of those that have a price.
    may_open: bool

    @property
    def lines(self) -> dict[str, int]:
        return {wire.code: line_id for line_id, wire in self.wires.items()}


async def known_of(ctx: Context, site_id: int) -> Known:
    """Read what a file is checked against."""
    shops = {row.code: row.id for row in await Shop.filter(site_id=site_id)}
    by_id = {number: code for code, number in shops.items()}
    accounts = await Account.filter(site_id=site_id, closed_at=None)
    meters = await Meter.filter(site_id=site_id)
    tariffs = await rows(
        "SELECT DISTINCT t.id, t.code FROM tariff t JOIN tariff_version v ON v.tariff_id = t.id"
        " WHERE t.site_id = ?",
        [site_id],
    )
    return Known(
        shops=shops,
        accounts={by_id[row.shop_id]: row.id for row in accounts},
        serials=frozenset(row.serial for row in meters),
        wires=await wires(site_id),
        hung=tuple((row.line_id, _hung(row)) for row in meters if row.retired_at is None),
        families=await known_families(site_id),
        tariffs={row["code"]: int(row["id"]) for row in tariffs},
        may_open=OPEN_RIGHT in ctx.caller.permissions,
    )


def problems_of(book: Workbook, known: Known) -> list[ImportProblem]:
    """Return everything that is wrong with a file, in its own order."""
    found = [*book.problems, *_shop_problems(book.shops, known), *_meter_problems(book, known)]
    order = {SHOPS: 0, METERS: 1}
    return sorted(found, key=lambda one: (order.get(one.sheet, 2), one.row))


def _shop_problems(lines: Sequence[Line], known: Known) -> list[ImportProblem]:
    found: list[ImportProblem] = []
    seen: dict[str, int] = {}
    for line in lines:
        code = line.text("code")
        if code in seen:
            found.append(_problem(SHOPS, line, "code", f"编号 {code} 与第 {seen[code]} 行重复"))
        elif code:
            seen[code] = line.row
            if code in known.shops:
                found.append(_problem(SHOPS, line, "code", f"商铺 {code} 已在系统中"))
        found += _account_problems(line, known)
    return found


def _account_problems(line: Line, known: Known) -> list[ImportProblem]:
    tariff, phone, contact = line.text("tariff"), line.text("phone"), line.text("contact")
    if not tariff:
        if "tariff" in line.wrong:
            return []
        of_account = [
            key for key in ("tenant_name", "contact", "phone", "power_limit_w") if line.values.get(key)
        ]
        return [
            _problem(SHOPS, line, key, "没有填写电价编号，不会开户：请填写电价编号，或清空这一格")
            for key in of_account
        ]
    found = []
    if not known.may_open:
        found.append(_problem(SHOPS, line, "tariff", "您没有开户权限：请清空，或由收银员、经理导入"))
    elif tariff not in known.tariffs:
        found.append(_problem(SHOPS, line, "tariff", f"没有电价 {tariff}，或它还没有价格"))
    if not line.text("tenant_name") and "tenant_name" not in line.wrong:
        found.append(_problem(SHOPS, line, "tenant_name", "开户须填写商户名称"))
    if phone and mobile(phone) is None:
        found.append(_problem(SHOPS, line, "phone", "应为 11 位手机号"))
    if bool(phone) != bool(contact) and not line.wrong & {"phone", "contact"}:
        missing = "contact" if phone else "phone"
        found.append(_problem(SHOPS, line, missing, "联系人和联系电话须一起填写"))
    return found


def _meter_problems(book: Workbook, known: Known) -> list[ImportProblem]:
    opened = {line.text("code") for line in book.shops if line.text("tariff")}
    vacant = {line.text("code") for line in book.shops} - opened
    wiring = _wiring(known)
    lines = known.lines
    found: list[ImportProblem] = []
    seen: dict[str, int] = {}
    for line in book.meters:
        serial = line.text("serial")
        if serial in seen:
            found.append(_problem(METERS, line, "serial", f"表号 {serial} 与第 {seen[serial]} 行重复"))
        elif serial:
            seen[serial] = line.row
            if serial in known.serials:
                found.append(_problem(METERS, line, "serial", f"表号 {serial} 已在系统中"))
        found += _owner_problems(line, known, opened, vacant)
        code = line.text("line")
        if code and code not in lines:
            found.append(_problem(METERS, line, "line", f"没有总线 {code}，请先在档案中建立"))
        elif code and not line.wrong & {"unit", "profile", "address"} and serial:
            hung = Hung(
                serial=f"{serial}（第 {line.row} 行）",
                unit=line.values.get("unit") or 0,
                address=line.text("address"),
                profile=line.text("profile"),
            )
            said = wiring.add_meter(known.wires[lines[code]], hung)
            found += [
                _problem(METERS, line, _WIRING_COLUMNS[key], sentence)
                for key, sentence in said.items()
                if line.values.get("unit") or key != "unit"
            ]
        if line.text("address") and not (line.text("address").isdigit() and len(line.text("address")) == 12):
            found.append(_problem(METERS, line, "address", "应为 12 位数字"))
    return found


def _owner_problems(line: Line, known: Known, opened: set[str], vacant: set[str]) -> list[ImportProblem]:
    kind, shop = line.text("kind"), line.text("shop")
    if kind and kind not in (PREPAID, PUBLIC):
        return [_problem(METERS, line, "kind", f"应为 {PREPAID} 或 {PUBLIC}")]
    if not shop:
        return []
    if kind == PUBLIC:
        return [_problem(METERS, line, "shop", "公区表不能属于商铺")]
    if shop in opened or shop in known.accounts:
        return []
    if shop in vacant:
        return [_problem(METERS, line, "shop", f"商铺 {shop} 没有填写电价编号，不会开户")]
    if shop in known.shops:
        return [_problem(METERS, line, "shop", f"商铺 {shop} 还没有开户")]
    return [_problem(METERS, line, "shop", f"没有商铺 {shop}")]


def _wiring(known: Known) -> Wiring:
    """The wiring as it stands, for the file's meters to be checked against."""
    wiring = Wiring(known.families)
    for wire in known.wires.values():
        wiring.add_line(wire)
    for line_id, hung in known.hung:
        if line_id in known.wires:
            wiring.add_meter(known.wires[line_id], hung)
    return wiring


def _hung(row: Meter) -> Hung:
    return Hung(serial=row.serial, unit=row.unit, address=row.address, profile=row.profile)


def _problem(sheet: str, line: Line, key: str, message: str) -> ImportProblem:
    return ImportProblem(sheet=sheet, row=line.row, column=_TITLES[sheet][key], message=message)
