"""A receipt as people see it (收据): all that stands on the paper, printed or not."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.ledger import EntryKind
from backend.domain.rmb import amount_in_words
from backend.errors import NotFound
from backend.models.accounts import Account
from backend.models.ledger import Entry, Posting
from backend.models.people import Approval, Staff
from backend.models.receipts import Receipt
from backend.services.receipts import ReceiptFacts, names_of
from backend.store import rows
from common.units import Fen

REVERSAL = "reversal"
BALANCE = "balance:"


class ReversalView(Struct, frozen=True, kw_only=True):
    """A correction that was asked for or made (冲正). approval_id: while it waits for a second person."""

    state: str  # "asked" or "reversed".
    approval_id: str | None
    reason: str
    asked_by: str
    asked_by_me: bool
    asked_at: datetime | None
    reversed_at: datetime | None


class ReceiptView(Struct, frozen=True, kw_only=True):
    """All that stands on the paper. number: None until its first print (payments by phone)."""

    entry_id: str
    account_id: str
    number: str | None
    booked_at: datetime
    site_name: str
    shop_code: str
    shop_name: str
    floor: str
    tenant: str
    meters: list[str]
    practice: bool
    method: str  # "cash", "transfer", "card", "wechat" (by phone) or "native" (a code at the till).
    amount_fen: int
    amount_words: str
    balance_before_fen: int
    balance_after_fen: int
    received_fen: int | None
    change_fen: int | None
    payer: str
    note: str
    reference: str
    order_no: str | None
    staff_id: str | None
    staff_name: str
    print_count: int
    printed_at: datetime | None
    reversal: ReversalView | None


def method_of(facts: dict[str, Any]) -> str:
    return str(facts.get("scene") or facts.get("method") or "wechat")


async def own_top_up(ctx: Context, entry_id: int) -> tuple[Entry, Posting]:
    """Return a top-up's entry of the caller's site and its leg on the shop's balance. Errors: NotFound."""
    entry = await Entry.get_or_none(id=entry_id, kind=EntryKind.TOP_UP.value, site_id=ctx.caller.site_id)
    if entry is None:
        raise NotFound()
    return entry, await Posting.get(entry_id=entry.id, ledger_account__startswith=BALANCE)


def account_of(leg: Posting) -> int:
    return int(leg.ledger_account.removeprefix(BALANCE))


async def balance_after(leg: Posting) -> int:
    """Add up a shop's balance as it was right after an entry, along its chain."""
    (row,) = await rows(
        "SELECT SUM(p.amount_fen) AS s FROM chain_link c JOIN posting p ON p.entry_id = c.entry_id"
        " AND p.ledger_account = ? WHERE c.account_id = ? AND c.sequence <="
        " (SELECT sequence FROM chain_link WHERE account_id = ? AND entry_id = ?)",
        [leg.ledger_account, account_of(leg), account_of(leg), leg.entry_id],
    )
    return int(row["s"] or 0)


async def show_receipt(ctx: Context, entry_id: int) -> ReceiptView:
    """Return a top-up's receipt, whether it was printed or not. Errors: NotFound."""
    entry, leg = await own_top_up(ctx, entry_id)
    return await view_receipt(ctx, entry, leg, await Receipt.get_or_none(entry_id=entry.id))


async def view_receipt(ctx: Context, entry: Entry, leg: Posting, receipt: Receipt | None) -> ReceiptView:
    facts: dict[str, Any] = msgspec.json.decode(entry.facts)
    if receipt is None:
        names = await names_of(await Account.get(id=account_of(leg)))
        after_fen = await balance_after(leg)
    else:
        names = msgspec.json.decode(receipt.facts, type=ReceiptFacts)
        after_fen = receipt.balance_after_fen
    received_fen = facts.get("received_fen")
    return ReceiptView(
        entry_id=str(entry.id),
        account_id=str(account_of(leg)),
        number=receipt.number if receipt else None,
        booked_at=entry.booked_at,
        site_name=names.site_name,
        shop_code=names.shop_code,
        shop_name=names.shop_name,
        floor=names.floor,
        tenant=names.tenant,
        meters=names.meters,
        practice=names.practice,
        method=method_of(facts),
        amount_fen=leg.amount_fen,
        amount_words=amount_in_words(Fen(leg.amount_fen)),
        balance_before_fen=after_fen - leg.amount_fen,
        balance_after_fen=after_fen,
        received_fen=received_fen,
        change_fen=None if received_fen is None else received_fen - leg.amount_fen,
        payer=str(facts.get("payer", "")),
        note=str(facts.get("note", "")),
        reference=str(facts.get("reference", "")),
        order_no=facts.get("order_no"),
        staff_id=facts.get("staff_id"),
        staff_name=str(facts.get("staff_name", "")),
        print_count=receipt.print_count if receipt else 0,
        printed_at=receipt.printed_at if receipt else None,
        reversal=await _reversal(ctx, entry),
    )


async def _reversal(ctx: Context, entry: Entry) -> ReversalView | None:
    asked = await Approval.filter(kind=REVERSAL, object_id=entry.id).order_by("-asked_at").first()
    made = await Entry.get_or_none(cause=f"reversal:{entry.cause}")
    if made is None and (asked is None or asked.standing_key is None):
        return None
    asker = await Staff.get_or_none(id=asked.asked_by) if asked else None
    return ReversalView(
        state="reversed" if made else "asked",
        approval_id=str(asked.id) if asked and not made else None,
        reason=asked.reason if asked else "",
        asked_by=asker.name if asker else "",
        asked_by_me=asked is not None and asked.asked_by == ctx.caller.id,
        asked_at=asked.asked_at if asked else None,
        reversed_at=made.booked_at if made else None,
    )
