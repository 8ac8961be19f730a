"""One search for all that staff look for (全局搜索): shops, phones, meters, receipts, relay orders.

Everything of the site that can be found is read at once (a mall has some hundred shops) and ranked here:
names need pinyin, which no database knows. Groups come in a fixed order, empty ones are left out.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal

from msgspec import Struct

from backend.context import Context
from backend.services.pinyin_match import NO_MATCH, rank
from backend.services.row_ids import id_of
from backend.store import rows
from common.units import yuan_text
from common.wire import Relay

MOST_PER_GROUP = 8
SHORTEST_PHONE_TAIL = 4
_SHORTEST_SERIAL_PART = 3
_SHORTEST_RECEIPT_PART = 4

Kind = Literal["shop", "contact", "meter", "receipt", "command"]
Row = dict[str, Any]

_SHOPS_SQL = """
SELECT s.id, s.code, s.name, s.floor, s.practice, a.id AS account_id, a.closed_at
FROM shop s LEFT JOIN account a ON a.shop_id = s.id WHERE s.site_id = ? ORDER BY s.code, a.id"""
_METERS_SQL = """
SELECT m.id, m.serial, m.address, m.place, m.account_id, s.code, s.name, sf.name AS shaft
FROM meter m JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id
JOIN shaft sf ON sf.id = g.shaft_id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop s ON s.id = a.shop_id
WHERE m.site_id = ? AND m.retired_at IS NULL ORDER BY m.serial"""
_CONTACTS_SQL = """
SELECT c.id, c.name AS person, c.phone, c.account_id, s.code, s.name
FROM contact c JOIN account a ON a.id = c.account_id JOIN shop s ON s.id = a.shop_id
WHERE a.site_id = ? AND a.closed_at IS NULL AND c.removed_at IS NULL ORDER BY s.code, c.id"""
_RECEIPTS_SQL = """
SELECT r.entry_id, r.number, r.account_id, p.amount_fen, s.code, s.name
FROM receipt r JOIN posting p ON p.entry_id = r.entry_id AND p.amount_fen > 0
JOIN account a ON a.id = r.account_id JOIN shop s ON s.id = a.shop_id
WHERE r.site_id = ? AND r.number LIKE ? ORDER BY r.entry_id DESC LIMIT 8"""
_ORDER_SQL = """
SELECT o.id, o.meter_id, o.relay, m.serial, m.account_id, s.code, s.name
FROM supply_order o JOIN meter m ON m.id = o.meter_id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop s ON s.id = a.shop_id
WHERE o.site_id = ? AND o.id = ?"""


class Found(Struct, frozen=True, kw_only=True):
    """One thing that was found. `id` is of the thing itself; the other two say where it leads."""

    id: str
    account_id: str | None
    meter_id: str | None
    title: str
    detail: str


class FoundGroup(Struct, frozen=True, kw_only=True):
    kind: Kind
    items: list[Found]


class SearchResult(Struct, frozen=True, kw_only=True):
    groups: list[FoundGroup]


async def search(ctx: Context, text: str) -> SearchResult:
    """Return what of the caller's site fits a text, the best first, at most eight of a kind.

    Phones are searched for whoever may see them (staff.tenant.view), by at least four digits of their end.
    An empty text finds nothing.
    """
    wanted = " ".join(text.split())
    groups = []
    for kind, permission, find in _FINDERS if wanted else ():
        if permission in ctx.caller.permissions:
            items = await find(ctx, wanted)
            if items:
                groups.append(FoundGroup(kind=kind, items=items))
    return SearchResult(groups=groups)


async def _shops(ctx: Context, wanted: str) -> list[Found]:
    shops: dict[int, Row] = {}
    for row in await rows(_SHOPS_SQL, [ctx.caller.site_id]):
        before = shops.get(row["id"])
        # The account that is open; of closed ones the newest.
        if before is None or before["closed_at"] is not None:
            shops[row["id"]] = row
    found = _best(shops.values(), lambda row: min(rank(row["code"], wanted), rank(row["name"], wanted)))
    return [_shop(row) for row in found]


def _shop(row: Row) -> Found:
    state = "未开户" if row["account_id"] is None else "已销户" if row["closed_at"] is not None else ""
    marks = [row["floor"], "练习商铺" if row["practice"] else "", state]
    return Found(
        id=str(row["id"]),
        account_id=_text(row["account_id"]),
        meter_id=None,
        title=f"{row['code']} {row['name']}",
        detail=" · ".join(mark for mark in marks if mark),
    )


async def _contacts(ctx: Context, wanted: str) -> list[Found]:
    """Find people by the end of their phone, or by name."""
    digits = wanted.replace(" ", "").replace("-", "")
    by_phone = digits.isascii() and digits.isdigit()
    if by_phone and len(digits) < SHORTEST_PHONE_TAIL:
        return []

    def fits(row: Row) -> int:
        if by_phone:
            return 0 if row["phone"].endswith(digits) else NO_MATCH
        return rank(row["person"], wanted)

    return [
        Found(
            id=str(row["id"]),
            account_id=str(row["account_id"]),
            meter_id=None,
            title=f"{row['person']} {row['phone']}",
            detail=_owner(row),
        )
        for row in _best(await rows(_CONTACTS_SQL, [ctx.caller.site_id]), fits)
    ]


async def _meters(ctx: Context, wanted: str) -> list[Found]:
    """Find meters by a part of the number on their plate, or of their address on the line."""
    if len(wanted) < _SHORTEST_SERIAL_PART:
        return []
    found = _best(
        await rows(_METERS_SQL, [ctx.caller.site_id]),
        lambda row: min(_within(row["serial"], wanted), _within(row["address"], wanted)),
    )
    return [
        Found(
            id=str(row["id"]),
            account_id=_text(row["account_id"]),
            meter_id=str(row["id"]),
            title=row["serial"],
            detail=" · ".join(part for part in (_owner(row) or row["place"], row["shaft"]) if part),
        )
        for row in found
    ]


async def _receipts(ctx: Context, wanted: str) -> list[Found]:
    """Find receipts by their number or a part of it, the newest first."""
    if len(wanted) < _SHORTEST_RECEIPT_PART or not wanted.replace("-", "").isalnum():
        return []
    return [
        Found(
            id=str(row["entry_id"]),
            account_id=str(row["account_id"]),
            meter_id=None,
            title=row["number"],
            detail=f"{row['code']} {row['name']} · {yuan_text(int(row['amount_fen']))} 元",
        )
        for row in await rows(_RECEIPTS_SQL, [ctx.caller.site_id, f"%{wanted.upper()}%"])
    ]


async def _orders(ctx: Context, wanted: str) -> list[Found]:
    """Find a relay order by its whole number (指令编号)."""
    number = id_of(wanted)
    if number is None or number < 1:
        return []
    return [
        Found(
            id=str(row["id"]),
            account_id=_text(row["account_id"]),
            meter_id=str(row["meter_id"]),
            title=f"{'断电' if row['relay'] == Relay.OFF else '送电'}指令 {row['id']}",
            detail=_owner(row) or row["serial"],
        )
        for row in await rows(_ORDER_SQL, [ctx.caller.site_id, number])
    ]


_Find = Callable[[Context, str], Awaitable[list[Found]]]
_FINDERS: tuple[tuple[Kind, str, _Find], ...] = (
    ("shop", "staff.account.view", _shops),
    ("contact", "staff.tenant.view", _contacts),
    ("meter", "staff.meter.view", _meters),
    ("receipt", "staff.account.view", _receipts),
    ("command", "staff.command.view", _orders),
)


def _best(found: Iterable[Row], fits: Callable[[Row], int]) -> list[Row]:
    """Return the rows that fit best, in their order where they fit alike."""
    ranked = [(number, row) for row in found if (number := fits(row)) < NO_MATCH]
    return [row for _, row in sorted(ranked, key=lambda one: one[0])[:MOST_PER_GROUP]]


def _within(text: str, wanted: str) -> int:
    here, part = text.lower(), wanted.lower()
    if part not in here:
        return NO_MATCH
    return 0 if here == part else 1 if here.endswith(part) else 2


def _owner(row: Row) -> str:
    return f"{row['code']} {row['name']}" if row["code"] else ""


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
