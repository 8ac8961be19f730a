"""The file of tenants (商户档案): whom an account's news reaches, and whose phone sees it."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from backend.context import Context
from backend.services.file_pages import PAGE_SIZE, matches, natural, page_of, sorted_by
from backend.store import rows, some_utc, utc

Reach = Literal["reachable", "unproved", "nobody"]

_ACCOUNTS_SQL = """
SELECT a.id, a.tenant_name, a.armed, s.code, s.name, s.floor, s.practice
FROM account a JOIN shop s ON s.id = a.shop_id WHERE a.site_id = ? AND a.closed_at IS NULL ORDER BY s.code"""
_CONTACTS_SQL = """
SELECT c.id, c.account_id, c.name, c.phone, c.verified_at, c.removed_at FROM contact c
JOIN account a ON a.id = c.account_id WHERE a.site_id = ? AND a.closed_at IS NULL ORDER BY c.id"""
_BINDINGS_SQL = """
SELECT b.id, b.account_id, b.role, b.bound_at, t.follows, t.openid FROM binding b
JOIN tenant t ON t.id = b.tenant_id JOIN account a ON a.id = b.account_id
WHERE a.site_id = ? AND b.standing_key IS NOT NULL ORDER BY b.id"""
_CONSENTS_SQL = """
SELECT c.openid, SUM(c.`left`) AS consents FROM consent c WHERE c.openid IN (
SELECT t.openid FROM binding b JOIN tenant t ON t.id = b.tenant_id JOIN account a ON a.id = b.account_id
WHERE a.site_id = ? AND b.standing_key IS NOT NULL) GROUP BY c.openid"""
_NOTICES_SQL = """
SELECT n.account_id, n.level, n.made_at, n.delivered_at, n.exhausted_at FROM notice n
JOIN (SELECT MAX(id) AS id FROM notice WHERE site_id = ? GROUP BY account_id) newest ON newest.id = n.id"""


class ContactFile(Struct, frozen=True, kw_only=True):
    contact_id: str
    name: str
    phone: str
    verified_at: datetime | None
    removed_at: datetime | None


class BindingFile(Struct, frozen=True, kw_only=True):
    """A phone that sees the account. consents: subscribe messages that it still allows."""

    binding_id: str
    role: str
    bound_at: datetime
    follows: bool
    consents: int


class LastNotice(Struct, frozen=True, kw_only=True):
    level: str
    made_at: datetime
    delivered_at: datetime | None
    exhausted: bool  # No way is left: a person must call.


class TenantFile(Struct, frozen=True, kw_only=True):
    """One open account's people. reach: somebody can be told; named but not proved; nobody."""

    account_id: str
    shop_code: str
    shop_name: str
    floor: str
    practice: bool
    tenant_name: str
    contacts: list[ContactFile]
    removed: list[ContactFile]
    bindings: list[BindingFile]
    reach: Reach
    armed: bool
    last_notice: LastNotice | None


class TenantPage(Struct, frozen=True, kw_only=True):
    rows: list[TenantFile]
    total: int
    unreachable: int  # Of all, whatever was searched for.


class TenantQuery(Struct, frozen=True, kw_only=True):
    q: str = ""
    reach: Reach | None = None
    account_id: int | None = None
    sort: str = "shop_code"
    page: int = 1
    size: int = PAGE_SIZE


_ORDER = ("nobody", "unproved", "reachable")
_KEYS = {
    "shop_code": lambda row: natural(row.shop_code),
    "shop_name": lambda row: row.shop_name,
    "tenant_name": lambda row: row.tenant_name or (row.contacts[0].name if row.contacts else None),
    "reach": lambda row: (_ORDER.index(row.reach), natural(row.shop_code)),
    "bindings": lambda row: (len(row.bindings), natural(row.shop_code)),
    "last_notice": lambda row: row.last_notice.made_at if row.last_notice else None,
}


async def list_tenants(ctx: Context, query: TenantQuery) -> TenantPage:
    """Return one page of the caller's site's tenants. Errors: Invalid (sort)."""
    everybody = await _tenants(ctx.caller.site_id)
    found = sorted_by(_matching(everybody, query), query.sort, _KEYS)
    return TenantPage(
        rows=page_of(found, query.page, query.size),
        total=len(found),
        unreachable=sum(row.reach != "reachable" for row in everybody),
    )


async def all_tenants(ctx: Context, query: TenantQuery) -> list[TenantFile]:
    """Return what a query finds, all pages of it. Errors: Invalid (sort)."""
    return sorted_by(_matching(await _tenants(ctx.caller.site_id), query), query.sort, _KEYS)


async def _tenants(site_id: int) -> list[TenantFile]:
    contacts = _by_account(await rows(_CONTACTS_SQL, [site_id]))
    bindings = _by_account(await rows(_BINDINGS_SQL, [site_id]))
    consents = {row["openid"]: int(row["consents"]) for row in await rows(_CONSENTS_SQL, [site_id])}
    notices = {row["account_id"]: row for row in await rows(_NOTICES_SQL, [site_id])}
    found = []
    for row in await rows(_ACCOUNTS_SQL, [site_id]):
        people = [_contact(one) for one in contacts.get(row["id"], [])]
        named = [one for one in people if one.removed_at is None]
        phones = [
            BindingFile(
                binding_id=str(one["id"]),
                role=one["role"],
                bound_at=some_utc(one["bound_at"]),
                follows=bool(one["follows"]),
                consents=consents.get(one["openid"], 0),
            )
            for one in bindings.get(row["id"], [])
        ]
        found.append(
            TenantFile(
                account_id=str(row["id"]),
                shop_code=row["code"],
                shop_name=row["name"],
                floor=row["floor"],
                practice=bool(row["practice"]),
                tenant_name=row["tenant_name"],
                contacts=named,
                removed=[one for one in people if one.removed_at is not None],
                bindings=phones,
                reach=_reach(named, phones),
                armed=bool(row["armed"]),
                last_notice=_notice(notices.get(row["id"])),
            )
        )
    return found


def _reach(named: list[ContactFile], phones: list[BindingFile]) -> Reach:
    if phones or any(one.verified_at is not None for one in named):
        return "reachable"
    return "unproved" if named else "nobody"


def _contact(row: dict[str, Any]) -> ContactFile:
    return ContactFile(
        contact_id=str(row["id"]),
        name=row["name"],
        phone=row["phone"],
        verified_at=utc(row["verified_at"]),
        removed_at=utc(row["removed_at"]),
    )


def _notice(row: dict[str, Any] | None) -> LastNotice | None:
    if row is None:
        return None
    return LastNotice(
        level=row["level"],
        made_at=some_utc(row["made_at"]),
        delivered_at=utc(row["delivered_at"]),
        exhausted=row["exhausted_at"] is not None,
    )


def _by_account(found: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = {}
    for row in found:
        grouped.setdefault(row["account_id"], []).append(row)
    return grouped


def _matching(found: list[TenantFile], query: TenantQuery) -> list[TenantFile]:
    return [
        row
        for row in found
        if query.reach in (None, row.reach)
        and (query.account_id is None or row.account_id == str(query.account_id))
        and matches(
            query.q,
            row.shop_code,
            row.shop_name,
            row.tenant_name,
            *(one.name for one in row.contacts),
            *(one.phone for one in row.contacts),
        )
    ]
