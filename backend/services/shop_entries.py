"""A shop's money (充值与扣费流水): every entry as it moved the balance, with the balance after it.

The order and the sum are the chain's and the postings' own; nothing is taken from a kept balance, so that the
list proves what the account row says.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.ledger import balance_account
from backend.errors import NotFound
from backend.models.accounts import Account
from backend.services.ledger_words import CHANNEL_WORDS, KIND_WORDS, account_words
from backend.services.own_account import own_account
from backend.services.shop_charges import ChargePart, charges_of_entries
from backend.services.show_usage import day_of
from backend.services.staff_names import names_of
from backend.store import rows, some_utc, sql_time
from backend.store_rows import marks
from common.clock import local_midnight
from common.units import NANOYUAN_PER_FEN

Row = dict[str, Any]

FLOW_SQL = """
SELECT t.* FROM (
  SELECT l.sequence, e.id, e.kind, e.cause, e.booked_at, e.facts, COALESCE(p.amount_fen, 0) AS amount_fen,
         SUM(COALESCE(p.amount_fen, 0)) OVER (ORDER BY l.sequence) AS balance_fen
  FROM chain_link l JOIN entry e ON e.id = l.entry_id
  LEFT JOIN (SELECT entry_id, SUM(amount_fen) AS amount_fen FROM posting WHERE ledger_account = ?
             GROUP BY entry_id) p ON p.entry_id = e.id
  WHERE l.account_id = ?
) t WHERE 1 = 1"""
# What was carried into an entry: all that was priced before it, less all whole fen that were taken for it.
_PRICED_BEFORE_SQL = """
SELECT COALESCE(SUM(total_nano), 0) AS nano FROM accrual WHERE account_id = ? AND entry_id < ?"""
_TAKEN_BEFORE_SQL = """
SELECT COALESCE(SUM(p.amount_fen), 0) AS fen FROM posting p JOIN entry e ON e.id = p.entry_id
WHERE p.ledger_account = ? AND e.kind = 'ENERGY' AND e.id < ?"""


class FlowEntry(Struct, frozen=True, kw_only=True):
    """One entry as it moved this account. `balance_fen`: the sum of all postings up to and with it."""

    entry_id: str
    sequence: int
    kind: str
    words: str
    booked_at: datetime
    amount_fen: int
    balance_fen: int
    channel: str | None
    channel_words: str | None
    staff_name: str | None
    payer: str | None
    note: str | None
    order_no: str | None
    meter_id: str | None
    serial: str | None
    charge_on: date | None
    energy_wh: int | None
    from_register_wh: int | None
    to_register_wh: int | None
    estimated: bool


class FlowPage(Struct, frozen=True, kw_only=True):
    entries: list[FlowEntry]
    next_before: int | None  # Ask with it for what is older; None: there is no more.


class PostingView(Struct, frozen=True, kw_only=True):
    ledger_account: str
    words: str
    amount_fen: int


class Carried(Struct, frozen=True, kw_only=True):
    """How a charge came to whole fen: before + priced = 10^7 × amount + after, 0 <= after < one fen."""

    before_nano: int
    priced_nano: int
    amount_fen: int
    after_nano: int
    ties: bool


class EntryDetail(Struct, frozen=True, kw_only=True):
    entry: FlowEntry
    cause: str
    postings: list[PostingView]
    charges: list[ChargePart]  # Of a charge: how it was priced; otherwise empty.
    carried: Carried | None
    reason: str | None  # Of a correction.
    asked_by: str | None
    approved_by: str | None
    reverses_id: str | None
    reversed_by_id: str | None


async def list_entries(
    ctx: Context,
    account_id: int,
    *,
    kind: str | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
    before: int | None = None,
    limit: int = 200,
) -> FlowPage:
    """Return entries newest first; from_on, to_on: local days of booking, both included. Errors: NotFound."""
    account = await own_account(ctx, account_id)
    sql, values = FLOW_SQL, [balance_account(account.id), account.id]
    conditions: list[tuple[str, Any]] = []
    if kind is not None:
        conditions.append(("t.kind = ?", kind))
    if from_on is not None:
        conditions.append(("t.booked_at >= ?", sql_time(local_midnight(from_on))))
    if to_on is not None:
        conditions.append(("t.booked_at < ?", sql_time(local_midnight(to_on + timedelta(days=1)))))
    if before is not None:
        conditions.append(("t.sequence < ?", before))
    sql += "".join(f" AND {condition}" for condition, _ in conditions)
    found = await rows(
        f"{sql} ORDER BY t.sequence DESC LIMIT ?", [*values, *(value for _, value in conditions), limit + 1]
    )
    more = int(found[limit - 1]["sequence"]) if len(found) > limit else None
    return FlowPage(entries=await entries_of(found[:limit]), next_before=more)


async def show_entry(ctx: Context, account_id: int, entry_id: int) -> EntryDetail:
    """Return one entry with its legs, its price parts and what corrects it. Errors: NotFound."""
    account = await own_account(ctx, account_id)
    found = await rows(f"{FLOW_SQL} AND t.id = ?", [balance_account(account.id), account.id, entry_id])
    if not found:
        raise NotFound()
    row = found[0]
    (entry,) = await entries_of(found)
    facts = _facts(row)
    names = await names_of(ctx)
    reverses = str(row["cause"]).removeprefix("reversal:") if row["kind"] == "REVERSAL" else None
    is_charge = row["kind"] == "ENERGY"
    return EntryDetail(
        entry=entry,
        cause=row["cause"],
        postings=await legs_of([entry_id]),
        charges=(await charges_of_entries(account, [entry_id])).get(entry_id, []) if is_charge else [],
        carried=await _carried(account, row, facts) if is_charge else None,
        reason=facts.get("reason"),
        asked_by=names.get(facts.get("asked_by") or 0),
        approved_by=names.get(facts.get("approved_by") or 0),
        reverses_id=await _entry_with_cause(reverses),
        reversed_by_id=await _entry_with_cause(f"reversal:{row['cause']}"),
    )


async def legs_of(entry_ids: Sequence[int]) -> list[PostingView]:
    """Return the legs of entries, summed by ledger account, in the order in which they were booked."""
    if not entry_ids:
        return []
    found = await rows(
        "SELECT ledger_account, SUM(amount_fen) AS amount_fen FROM posting"
        f" WHERE entry_id IN ({marks(entry_ids)}) GROUP BY ledger_account ORDER BY MIN(id)",
        entry_ids,
    )
    return [
        PostingView(
            ledger_account=leg["ledger_account"],
            words=account_words(leg["ledger_account"]),
            amount_fen=int(leg["amount_fen"]),
        )
        for leg in found
    ]


async def entries_of(found: Sequence[Row]) -> list[FlowEntry]:
    """Make views of rows of FLOW_SQL, with what belongs to them."""
    if not found:
        return []
    ids = [int(row["id"]) for row in found]
    channels = {
        int(leg["entry_id"]): str(leg["ledger_account"]).partition(":")[2]
        for leg in await rows(
            "SELECT entry_id, ledger_account FROM posting WHERE ledger_account LIKE ?"
            f" AND entry_id IN ({marks(ids)})",
            ["channel:%", *ids],
        )
    }
    meter_ids = {meter_id for row in found if (meter_id := _meter_of(row)) is not None}
    serials = await _serials(sorted(meter_ids))
    return [_view(row, channels.get(int(row["id"])), serials) for row in found]


def _view(row: Row, channel: str | None, serials: dict[int, str]) -> FlowEntry:
    facts, meter_id = _facts(row), _meter_of(row)
    charge_on = facts.get("charge_on")
    return FlowEntry(
        entry_id=str(row["id"]),
        sequence=int(row["sequence"]),
        kind=row["kind"],
        words=KIND_WORDS.get(str(row["kind"]), "其他"),
        booked_at=some_utc(row["booked_at"]),
        amount_fen=int(row["amount_fen"]),
        balance_fen=int(row["balance_fen"]),
        channel=channel,
        channel_words=None if channel is None else CHANNEL_WORDS.get(channel, channel),
        staff_name=facts.get("staff_name"),
        payer=facts.get("payer") or None,
        note=facts.get("note") or facts.get("reason") or None,
        order_no=facts.get("order_no"),
        meter_id=None if meter_id is None else str(meter_id),
        serial=serials.get(meter_id or 0),
        charge_on=None if charge_on is None else day_of(int(charge_on)),
        energy_wh=facts.get("energy_wh"),
        from_register_wh=facts.get("from_register_wh"),
        to_register_wh=facts.get("to_register_wh"),
        estimated=bool(facts.get("estimated")),
    )


async def _carried(account: Account, row: Row, facts: dict[str, Any]) -> Carried:
    (priced,) = await rows(_PRICED_BEFORE_SQL, [account.id, row["id"]])
    (taken,) = await rows(_TAKEN_BEFORE_SQL, [balance_account(account.id), row["id"]])
    before = int(priced["nano"]) + int(taken["fen"]) * NANOYUAN_PER_FEN  # A charge's leg is negative.
    amount_fen, priced_nano = -int(row["amount_fen"]), int(facts.get("total_nano") or 0)
    after = before + priced_nano - amount_fen * NANOYUAN_PER_FEN
    return Carried(
        before_nano=before,
        priced_nano=priced_nano,
        amount_fen=amount_fen,
        after_nano=after,
        ties=0 <= before < NANOYUAN_PER_FEN and 0 <= after < NANOYUAN_PER_FEN,
    )


async def _entry_with_cause(cause: str | None) -> str | None:
    found = await rows("SELECT id FROM entry WHERE cause = ?", [cause]) if cause is not None else []
    return str(found[0]["id"]) if found else None


async def _serials(meter_ids: Sequence[int]) -> dict[int, str]:
    if not meter_ids:
        return {}
    sql = f"SELECT id, serial FROM meter WHERE id IN ({marks(meter_ids)})"
    return {int(row["id"]): str(row["serial"]) for row in await rows(sql, meter_ids)}


def _meter_of(row: Row) -> int | None:
    """Read the meter of a charge, or of its correction, from the cause."""
    parts = str(row["cause"]).removeprefix("reversal:").split(":")
    return int(parts[2]) if parts[0] == "charge" and len(parts) > 2 else None


def _facts(row: Row) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.json.decode(row["facts"] or "{}")
    return facts
