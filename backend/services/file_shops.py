"""The file of shops (商铺档案): who rents what, what is left, what stands empty."""

from typing import Literal

from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound
from backend.models.site import Shop
from backend.services.account_balances import account_balances
from backend.services.audit import record
from backend.services.file_pages import PAGE_SIZE, matches, natural, page_of, sorted_by
from backend.store import rows, unit_of_work

PHONES = "staff.tenant.view"
ShopState = Literal["open", "vacant", "arrears", "practice"]

_SHOPS_SQL = """
SELECT s.id, s.code, s.name, s.floor, s.shop_class, s.practice, s.remark,
       a.id AS account_id, a.tenant_name, a.in_arrears, a.armed
FROM shop s LEFT JOIN account a ON a.shop_id = s.id AND a.closed_at IS NULL
WHERE s.site_id = ? ORDER BY s.code"""
_CONTACTS_SQL = """
SELECT c.account_id, c.name, c.phone FROM contact c JOIN account a ON a.id = c.account_id
WHERE a.site_id = ? AND c.removed_at IS NULL ORDER BY c.verified_at IS NULL DESC, c.id DESC"""


class ShopFile(Struct, frozen=True, kw_only=True):
    """One shop. account_id None: it stands empty. phone None: the caller may not see people."""

    shop_id: str
    code: str
    name: str
    floor: str
    shop_class: str
    practice: bool
    remark: str
    account_id: str | None
    tenant: str
    phone: str | None
    settled_fen: int | None
    estimated_fen: int | None
    days_left: float | None
    in_arrears: bool
    armed: bool
    meters: int


class ShopPage(Struct, frozen=True, kw_only=True):
    rows: list[ShopFile]
    total: int
    floors: list[str]
    classes: list[str]


class ShopQuery(Struct, frozen=True, kw_only=True):
    q: str = ""
    floor: str | None = None
    shop_class: str | None = None
    state: ShopState | None = None
    sort: str = "code"
    page: int = 1
    size: int = PAGE_SIZE


_KEYS = {
    "code": lambda row: natural(row.code),
    "name": lambda row: row.name,
    "floor": lambda row: (natural(row.floor), natural(row.code)),
    "shop_class": lambda row: (row.shop_class, natural(row.code)),
    "tenant": lambda row: row.tenant or None,
    "estimated_fen": lambda row: row.estimated_fen,
    "settled_fen": lambda row: row.settled_fen,
    "days_left": lambda row: row.days_left,
    "meters": lambda row: row.meters,
}


async def list_shops(ctx: Context, query: ShopQuery) -> ShopPage:
    """Return one page of the caller's site's shops. Errors: Invalid (sort)."""
    everything = await _shops(ctx)
    found = sorted_by(_matching(everything, query), query.sort, _KEYS)
    return ShopPage(
        rows=page_of(found, query.page, query.size),
        total=len(found),
        floors=sorted({row.floor for row in everything if row.floor}, key=natural),
        classes=sorted({row.shop_class for row in everything if row.shop_class}),
    )


async def all_shops(ctx: Context, query: ShopQuery) -> list[ShopFile]:
    """Return what a query finds, all pages of it. Errors: Invalid (sort)."""
    return sorted_by(_matching(await _shops(ctx), query), query.sort, _KEYS)


async def remark_shop(ctx: Context, shop_id: int, remark: str) -> None:
    """Write what people should know of a shop (备注). Errors: NotFound."""

    async def work() -> None:
        shop = await Shop.filter(id=shop_id, site_id=ctx.caller.site_id).select_for_update().first()
        if shop is None:
            raise NotFound()
        facts = {"before": shop.remark, "after": remark.strip()}
        shop.remark = remark.strip()
        await shop.save(update_fields=["remark"])
        await record(ctx, "staff.remark", f"shop:{shop.id}", facts=facts)

    await unit_of_work(work, "remark_shop")


async def _shops(ctx: Context) -> list[ShopFile]:
    site_id = ctx.caller.site_id
    balances = await account_balances(site_id, ctx.clock.now())
    contacts = {row["account_id"]: row for row in await rows(_CONTACTS_SQL, [site_id])}
    sees_phones = PHONES in ctx.caller.permissions
    found = []
    for row in await rows(_SHOPS_SQL, [site_id]):
        balance, contact = balances.get(row["account_id"]), contacts.get(row["account_id"])
        found.append(
            ShopFile(
                shop_id=str(row["id"]),
                code=row["code"],
                name=row["name"],
                floor=row["floor"],
                shop_class=row["shop_class"],
                practice=bool(row["practice"]),
                remark=row["remark"],
                account_id=str(row["account_id"]) if row["account_id"] else None,
                tenant=row["tenant_name"] or (contact["name"] if contact and sees_phones else ""),
                phone=contact["phone"] if contact and sees_phones else None,
                settled_fen=balance.settled_fen if balance else None,
                estimated_fen=balance.estimated_fen if balance else None,
                days_left=balance.days_left if balance else None,
                in_arrears=bool(row["in_arrears"]),
                armed=bool(row["armed"]),
                meters=balance.meters if balance else 0,
            )
        )
    return found


def _matching(found: list[ShopFile], query: ShopQuery) -> list[ShopFile]:
    return [
        row
        for row in found
        if _is(row, query.state)
        and query.floor in (None, row.floor)
        and query.shop_class in (None, row.shop_class)
        and matches(query.q, row.code, row.name, row.tenant, row.phone, row.remark)
    ]


def _is(row: ShopFile, state: ShopState | None) -> bool:
    if state in ("open", "vacant"):
        return (row.account_id is not None) == (state == "open")
    return row.in_arrears if state == "arrears" else row.practice if state == "practice" else True
