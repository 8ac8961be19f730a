"""The site's receipts (收据查询): by number, day, shop and cashier, the newest first."""

from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from backend.services.show_receipts import BALANCE, method_of
from backend.store import rows, some_utc, sql_time
from backend.store_rows import marks
from common.clock import LOCAL_ZONE

PAGE = 50
_MOST_SHOPS = 200


class ReceiptRow(Struct, frozen=True, kw_only=True):
    """One top-up. number: None until its receipt is printed for the first time (payments by phone)."""

    entry_id: str
    account_id: str
    number: str | None
    booked_at: datetime
    shop_code: str
    shop_name: str
    practice: bool
    method: str  # "cash", "transfer", "card", "wechat" (by phone) or "native" (a code at the till).
    amount_fen: int
    staff_name: str
    print_count: int
    reversed: bool


class ReceiptPage(Struct, frozen=True, kw_only=True):
    """Newest first. next_before_id: ask for what is older; None at the end."""

    rows: list[ReceiptRow]
    next_before_id: str | None


class Wanted(Struct, frozen=True, kw_only=True):
    """What to look for; None and empty: all."""

    number: str = ""  # Part of it.
    shop: str = ""  # Part of the shop's number or name.
    first_on: date | None = None
    last_on: date | None = None
    staff_id: int | None = None
    account_id: int | None = None
    before_id: int | None = None


async def list_receipts(site_id: int, wanted: Wanted) -> ReceiptPage:
    """Return a page of a site's top-ups with their receipts."""
    where, values = await _where(site_id, wanted)
    if where is None:
        return ReceiptPage(rows=[], next_before_id=None)
    found = await rows(
        "SELECT e.id, e.cause, e.booked_at, e.facts, p.ledger_account, p.amount_fen, r.number, r.print_count"
        " FROM entry e JOIN posting p ON p.entry_id = e.id AND p.ledger_account LIKE ?"
        f" LEFT JOIN receipt r ON r.entry_id = e.id WHERE {where} ORDER BY e.id DESC LIMIT {PAGE + 1}",
        [f"{BALANCE}%", *values],
    )
    page = found[:PAGE]
    more = str(page[-1]["id"]) if len(found) > PAGE else None
    return ReceiptPage(rows=await _rows(page), next_before_id=more)


async def _where(site_id: int, wanted: Wanted) -> tuple[str | None, list[Any]]:
    """Return the condition with its values; None where no shop fits."""
    parts: list[tuple[str, list[Any]]] = [("e.site_id = ? AND e.kind = 'TOP_UP'", [site_id])]
    if wanted.account_id is not None or wanted.shop:
        accounts = await _accounts(site_id, wanted)
        if not accounts:
            return None, []
        parts.append((f"p.ledger_account IN ({marks(accounts)})", [f"{BALANCE}{one}" for one in accounts]))
    if wanted.number:
        parts.append(("r.number LIKE ?", [f"%{wanted.number}%"]))
    if wanted.first_on is not None:
        parts.append(("e.booked_at >= ?", [sql_time(_midnight(wanted.first_on))]))
    if wanted.last_on is not None:
        parts.append(("e.booked_at < ?", [sql_time(_midnight(wanted.last_on + timedelta(days=1)))]))
    if wanted.staff_id is not None:
        at_a_till = "(r.staff_id = ? OR e.id IN (SELECT entry_id FROM top_up WHERE staff_id = ?))"
        parts.append((at_a_till, [wanted.staff_id, wanted.staff_id]))
    if wanted.before_id is not None:
        parts.append(("e.id < ?", [wanted.before_id]))
    return " AND ".join(part for part, _ in parts), [value for _, values in parts for value in values]


async def _accounts(site_id: int, wanted: Wanted) -> list[int]:
    text = f"%{wanted.shop}%"
    found = await rows(
        "SELECT a.id FROM account a JOIN shop s ON s.id = a.shop_id"
        f" WHERE a.site_id = ? AND (s.code LIKE ? OR s.name LIKE ?) ORDER BY a.id LIMIT {_MOST_SHOPS}",
        [site_id, text, text],
    )
    ids = [int(row["id"]) for row in found]
    return [one for one in ids if wanted.account_id in (None, one)]


async def _rows(page: list[dict[str, Any]]) -> list[ReceiptRow]:
    if not page:
        return []
    accounts = [int(row["ledger_account"].removeprefix(BALANCE)) for row in page]
    shops = {
        int(row["id"]): row
        for row in await rows(
            "SELECT a.id, s.code, s.name, s.practice FROM account a JOIN shop s ON s.id = a.shop_id"
            f" WHERE a.id IN ({marks(accounts)})",
            accounts,
        )
    }
    reversals = [f"reversal:{row['cause']}" for row in page]
    undone = {
        row["cause"]
        for row in await rows(f"SELECT cause FROM entry WHERE cause IN ({marks(reversals)})", reversals)
    }
    return [
        _row(row, account_id, shops[account_id], f"reversal:{row['cause']}" in undone)
        for row, account_id in zip(page, accounts, strict=True)
    ]


def _row(row: dict[str, Any], account_id: int, shop: dict[str, Any], is_reversed: bool) -> ReceiptRow:
    facts: dict[str, Any] = msgspec.json.decode(row["facts"])
    return ReceiptRow(
        entry_id=str(row["id"]),
        account_id=str(account_id),
        number=row["number"],
        booked_at=some_utc(row["booked_at"]),
        shop_code=shop["code"],
        shop_name=shop["name"],
        practice=bool(shop["practice"]),
        method=method_of(facts),
        amount_fen=int(row["amount_fen"]),
        staff_name=str(facts.get("staff_name", "")),
        print_count=int(row["print_count"] or 0),
        reversed=is_reversed,
    )


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), LOCAL_ZONE)
