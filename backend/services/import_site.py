"""Take in a file of shops and meters (批量导入): checked first, then written as a whole or not at all.

A shop with a tariff is opened: contacts unverified, so never armed; its balance begins at nothing, with a
week of grace until the old balances are written in. A meter begins at its first reading.
"""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from backend.context import Context
from backend.domain.transformers import EnergySide
from backend.errors import Invalid, Refused
from backend.models.accounts import Account, Contact
from backend.models.meters import Meter, MeterKind, MeterState
from backend.models.openings import SiteImport
from backend.models.site import Shop
from backend.models.supply import Supply
from backend.models.tariffs import Tariff
from backend.reports.import_columns import PREPAID
from backend.reports.import_reader import MOST_BYTES, ImportProblem, Line, NoWorkbook, Workbook, read_workbook
from backend.reports.import_template import import_template
from backend.services.contact_checks import mobile
from backend.services.import_check import Known, known_of, problems_of
from backend.services.meter_models import known_families
from backend.services.site_wiring import change_site, planned, wires

GRACE = timedelta(days=7)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
__all__ = ["MOST_BYTES", "XLSX", "check_import", "make_template", "run_import"]


class NotExcel(Invalid):
    code = "not_excel"
    message = "{why}"


class ImportHasErrors(Refused):
    """What was right at the check is so no longer, or never was: check it again."""

    code = "import_has_errors"
    message = "文件有 {count} 处错误，什么也没有写入：请重新检查后再导入"


class ImportReused(Refused):
    code = "request_reused"
    message = "这次导入与之前提交的文件不同，请重新上传"


class ShopPreview(Struct, frozen=True, kw_only=True):
    row: int
    code: str
    name: str
    floor: str
    tenant_name: str
    tariff: str
    meters: int


class MeterPreview(Struct, frozen=True, kw_only=True):
    row: int
    serial: str
    line: str
    unit: int | None
    profile: str
    kind: str
    shop: str


class ImportCheck(Struct, frozen=True, kw_only=True):
    """What a file would make (试算), or what is wrong with it; nothing was written."""

    digest: str
    shops: int
    accounts: int
    meters: int
    problems: list[ImportProblem]
    notes: list[str]
    shop_rows: list[ShopPreview]
    meter_rows: list[MeterPreview]


class Imported(Struct, frozen=True, kw_only=True):
    import_id: str
    shops: int
    accounts: int
    meters: int
    repeated: bool  # The same request again: nothing was made a second time.


async def make_template(ctx: Context) -> bytes:
    """Return the file to fill in, with this site's lines, models and tariffs to pick from."""
    site_id = ctx.caller.site_id
    choices = {
        "line": sorted(wire.code for wire in (await wires(site_id)).values()),
        "profile": sorted(await known_families(site_id) or {}),
        "tariff": [row.code for row in await Tariff.filter(site_id=site_id).order_by("id")],
    }
    return await asyncio.get_running_loop().run_in_executor(None, import_template, choices)


async def check_import(ctx: Context, content: bytes) -> ImportCheck:
    """Look at a file and say what it would make (导入试算). Errors: NotExcel."""
    book = await _read(ctx, content)
    known = await known_of(ctx, ctx.caller.site_id)
    return _preview(content, book, known, problems_of(book, known))


async def run_import(ctx: Context, content: bytes, request_id: UUID, file_name: str) -> Imported:
    """Write a file's shops, accounts and meters in one transaction (执行导入).

    The same request again returns what the first one made. Errors: NotExcel, ImportHasErrors, ImportReused.
    """
    book = await _read(ctx, content)
    digest = hashlib.sha256(content).hexdigest()
    return await change_site(ctx, lambda site_id: _write(ctx, site_id, book, digest, request_id, file_name))


async def _read(ctx: Context, content: bytes) -> Workbook:
    if not content:
        raise NotExcel(why="请选择要导入的文件", fields={"file": "请选择要导入的文件"})
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, read_workbook, content, ctx.clock.monotonic)
    except NoWorkbook as error:
        raise NotExcel(why=str(error), fields={"file": str(error)}) from None


async def _write(
    ctx: Context, site_id: int, book: Workbook, digest: str, request_id: UUID, file_name: str
) -> Imported:
    before = await SiteImport.get_or_none(request_id=str(request_id))
    if before is not None:
        if before.digest != digest or before.site_id != site_id:
            raise ImportReused()
        await planned(
            ctx, site_id, "staff.account.import", f"site_import:{before.id}", facts={"repeated": True}
        )
        return _imported(before, repeated=True)
    known = await known_of(ctx, site_id)
    problems = problems_of(book, known)
    if problems:
        raise ImportHasErrors(count=len(problems))
    accounts = {**known.accounts, **await _make_shops(ctx, site_id, book.shops, known)}
    await _make_meters(ctx, site_id, book.meters, known, accounts)
    made = await SiteImport.create(
        id=ctx.ids.new(),
        site_id=site_id,
        request_id=str(request_id),
        digest=digest,
        file_name=file_name[:128],
        shops=len(book.shops),
        accounts=len(accounts) - len(known.accounts),
        meters=len(book.meters),
        made_by=ctx.caller.id,
        made_at=ctx.clock.now(),
    )
    facts = {
        "file": made.file_name,
        "sha256": digest,
        "shops": [line.text("code") for line in book.shops],
        "opened": [line.text("code") for line in book.shops if line.text("tariff")],
        "meters": [line.text("serial") for line in book.meters],
    }
    await planned(ctx, site_id, "staff.account.import", f"site_import:{made.id}", facts=facts)
    return _imported(made, repeated=False)


async def _make_shops(ctx: Context, site_id: int, lines: list[Line], known: Known) -> dict[str, int]:
    """Make the file's shops, and the accounts of those with a tariff; return these by the shop's code."""
    shops: list[Shop] = []
    accounts: dict[str, Account] = {}
    contacts: list[Contact] = []
    now = ctx.clock.now()
    for line in lines:
        names = {key: line.text(key) for key in ("code", "name", "floor", "shop_class")}
        shop = Shop(id=ctx.ids.new(), site_id=site_id, **names)
        shops.append(shop)
        if not line.text("tariff"):
            continue
        account = Account(
            id=ctx.ids.new(),
            site_id=site_id,
            shop_id=shop.id,
            tariff_id=known.tariffs[line.text("tariff")],
            opened_at=now,
            grace_until_at=now + GRACE,
            tenant_name=line.text("tenant_name"),
            power_limit_w=line.values.get("power_limit_w"),
        )
        accounts[shop.code] = account
        if line.text("phone"):
            phone = mobile(line.text("phone")) or ""
            contacts.append(
                Contact(id=ctx.ids.new(), account_id=account.id, name=line.text("contact"), phone=phone)
            )
    await Shop.bulk_create(shops)
    await Account.bulk_create(accounts.values())
    await Contact.bulk_create(contacts)
    return {code: account.id for code, account in accounts.items()}


async def _make_meters(
    ctx: Context, site_id: int, lines: list[Line], known: Known, accounts: dict[str, int]
) -> None:
    meters = []
    line_ids = known.lines
    for line in lines:
        is_prepaid = line.text("kind") == PREPAID
        values: dict[str, Any] = {
            "line_id": line_ids[line.text("line")],
            "unit": line.values["unit"],
            "serial": line.text("serial"),
            "kind": MeterKind.PREPAID if is_prepaid else MeterKind.PUBLIC,
            "profile": line.text("profile"),
            "rated_power_w": line.values["rated_power_w"],
            "ct_ratio": line.values.get("ct_ratio") or 1,
            "pt_ratio": line.values.get("pt_ratio") or 1,
            "energy_side": EnergySide.SECONDARY,
            "place": line.text("place"),
            "address": line.text("address"),
            "account_id": accounts[line.text("shop")] if line.text("shop") else None,
        }
        meters.append(Meter(id=ctx.ids.new(), site_id=site_id, **values))
    links = [{"meter_id": row.id, "site_id": site_id, "account_id": row.account_id} for row in meters]
    prepaid = {row.id for row in meters if row.kind is MeterKind.PREPAID}
    await Meter.bulk_create(meters)
    await MeterState.bulk_create([MeterState(**one) for one in links])
    await Supply.bulk_create([Supply(**one) for one in links if one["meter_id"] in prepaid])


def _preview(content: bytes, book: Workbook, known: Known, problems: list[ImportProblem]) -> ImportCheck:
    hung = [line.text("shop") for line in book.meters]
    opened = [line for line in book.shops if line.text("tariff")]
    notes = []
    if opened:
        notes.append(
            "将开户的商铺：联系人未经核实，自动断电不启用；账面余额从 0 起，一周内不催缴，请及时录入期初余额"
        )
    if known.families is None and book.meters:
        notes.append("还没有采集服务报告它认识的型号，型号未经核对")
    return ImportCheck(
        digest=hashlib.sha256(content).hexdigest(),
        shops=len(book.shops),
        accounts=len(opened),
        meters=len(book.meters),
        problems=problems,
        notes=notes,
        shop_rows=[_shop_row(line, hung) for line in book.shops],
        meter_rows=[_meter_row(line) for line in book.meters],
    )


def _shop_row(line: Line, hung: list[str]) -> ShopPreview:
    texts = {key: line.text(key) for key in ("code", "name", "floor", "tenant_name", "tariff")}
    return ShopPreview(row=line.row, meters=hung.count(line.text("code")), **texts)


def _meter_row(line: Line) -> MeterPreview:
    texts = {key: line.text(key) for key in ("serial", "line", "profile", "kind", "shop")}
    return MeterPreview(row=line.row, unit=line.values.get("unit"), **texts)


def _imported(row: SiteImport, *, repeated: bool) -> Imported:
    return Imported(
        import_id=str(row.id), shops=row.shops, accounts=row.accounts, meters=row.meters, repeated=repeated
    )
