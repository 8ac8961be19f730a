"""Take cash, a transfer or a card at the counter (售电收款): booked once, with its receipt's number."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from tortoise.exceptions import IntegrityError

from backend.context import Context
from backend.domain.ledger import Fact, top_up_entry
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account
from backend.models.ledger import Entry
from backend.models.receipts import Receipt
from backend.models.site import Shop
from backend.services.audit import record
from backend.services.begin_top_up import HOARD_LIMIT_FEN, AmountOutOfRange, HoardLimit, RequestReused
from backend.services.locks import lock_account
from backend.services.receipts import make_receipt, next_number
from backend.services.site_policy import policy_of
from backend.services.take_money import take_money
from backend.store import unit_of_work
from common.units import Fen, yuan_text

COUNTER_MIN_FEN = Fen(100)
COUNTER_MAX_FEN = HOARD_LIMIT_FEN  # Of one payment, whatever a site's policy lets an account store.
RECEIVED_MAX_FEN = Fen(10_000_000)  # A typing error, rather than a bag of notes.


class Method(StrEnum):
    CASH = "cash"
    TRANSFER = "transfer"
    CARD = "card"


class AccountClosed(Refused):
    code = "account_closed"
    message = "该户已销户，不能收款"


class Payment(Struct, frozen=True, kw_only=True):
    """What the cashier states. The same request_id is the same payment, however often it is sent."""

    amount_fen: int
    method: Method
    received_fen: int | None = None  # Of cash alone.
    payer: str = ""
    note: str = ""
    reference: str = ""  # Number of the transfer or of the card slip.
    request_id: str


class CounterTopUp(Struct, frozen=True, kw_only=True):
    """What was booked. `repeated`: by an earlier call with this request."""

    top_up_id: str  # Also the entry's id.
    account_id: str
    amount_fen: int
    method: Method
    change_fen: int | None
    balance_before_fen: int
    balance_after_fen: int
    receipt_number: str
    booked_at: datetime
    staff_name: str
    repeated: bool


async def top_up_at_counter(ctx: Context, account_id: int, payment: Payment) -> CounterTopUp:
    """Book money that lies on the counter, and order the power back on in the same transaction.

    Errors: NotFound, AccountClosed, Invalid (on its field), AmountOutOfRange, HoardLimit, RequestReused.
    """
    check_payment(payment)
    try:
        return await unit_of_work(lambda: _book(ctx, account_id, payment), "counter_top_up")
    except IntegrityError:
        raise RequestReused() from None  # For another account, in the same moment.


def check_payment(payment: Payment) -> None:
    """Raise what is wrong with a payment by itself, on the field it belongs to."""
    check_amount(payment.amount_fen)
    is_cash = payment.method is Method.CASH
    if is_cash and payment.received_fen is None:
        raise Invalid(fields={"received_fen": "请填写实收金额"})
    if is_cash and not payment.amount_fen <= (payment.received_fen or 0) <= RECEIVED_MAX_FEN:
        raise Invalid(fields={"received_fen": "实收金额不能少于充值金额，也不能超过 100,000.00 元"})
    if not is_cash and payment.received_fen is not None:
        raise Invalid(fields={"received_fen": "只有现金收款填写实收金额"})
    if not is_cash and not payment.reference.strip():
        raise Invalid(fields={"reference": "请填写转账流水号或刷卡凭证号"})
    if is_cash and payment.reference:
        raise Invalid(fields={"reference": "现金收款没有凭证号"})


def check_amount(amount_fen: int) -> None:
    if not COUNTER_MIN_FEN <= amount_fen <= COUNTER_MAX_FEN:
        span = f"{yuan_text(COUNTER_MIN_FEN)} 至 {yuan_text(COUNTER_MAX_FEN)} 元"
        raise AmountOutOfRange(
            fields={"amount_fen": f"每次充值 {span}"}, low_fen=COUNTER_MIN_FEN, high_fen=COUNTER_MAX_FEN
        )


async def own_account(ctx: Context, account_id: int) -> Account:
    """Lock an account of the caller's site. Errors: NotFound."""
    account = await lock_account(account_id)
    if account.site_id != ctx.caller.site_id:
        raise NotFound()
    return account


async def check_may_take(account: Account, amount_fen: int) -> None:
    """Refuse what a closed account, or one that is full (余额上限), cannot take."""
    if account.closed_at is not None:
        raise AccountClosed()
    limit_fen = (await policy_of(account.site_id)).hoard_limit_fen
    room_fen = max(0, limit_fen - account.settled_fen)
    if amount_fen > room_fen:
        raise HoardLimit(
            fields={"amount_fen": f"超过余额上限，最多还可充 {yuan_text(room_fen)} 元"},
            limit_fen=limit_fen,
            room_fen=room_fen,
        )


async def _book(ctx: Context, account_id: int, payment: Payment) -> CounterTopUp:
    # The lock first: the same request twice at once is one top-up.
    account = await own_account(ctx, account_id)
    known = await Entry.get_or_none(cause=_cause(payment))
    if known is not None:
        return await _again(ctx, account, known, payment)
    await check_may_take(account, payment.amount_fen)
    now, before_fen = ctx.clock.now(), account.settled_fen
    practice = (await Shop.get(id=account.shop_id)).practice
    number = await next_number(account.site_id, practice, now)
    if await Entry.exists(cause=_cause(payment)):
        raise RequestReused()  # Booked for another account while we waited for the number, which goes back.
    facts: dict[str, Fact] = {
        **_stated(payment),
        "staff_id": str(ctx.caller.id),
        "staff_name": ctx.caller.name,
        "receipt": number,
    }
    draft = top_up_entry(
        account_id=account.id,
        amount_fen=Fen(payment.amount_fen),
        cause=_cause(payment),
        booked_at=now,
        channel="practice" if practice else payment.method.value,
        facts=facts,
    )

    async def remember(entry_id: int) -> None:
        await make_receipt(ctx, account, entry_id, number, ctx.caller.id, account.settled_fen)

    entry_id = await take_money(ctx, account, draft, payment.request_id, remember)
    await record(
        ctx,
        "staff.top_up",
        f"account:{account.id}",
        reason=payment.note,
        facts={
            **facts,
            "amount_fen": payment.amount_fen,
            "entry_id": str(entry_id),
            "before_fen": before_fen,
            "after_fen": account.settled_fen,
        },
    )
    return CounterTopUp(
        top_up_id=str(entry_id),
        account_id=str(account.id),
        amount_fen=payment.amount_fen,
        method=payment.method,
        change_fen=_change_fen(payment),
        balance_before_fen=before_fen,
        balance_after_fen=account.settled_fen,
        receipt_number=number,
        booked_at=now,
        staff_name=ctx.caller.name,
        repeated=False,
    )


async def _again(ctx: Context, account: Account, entry: Entry, payment: Payment) -> CounterTopUp:
    """Answer a request that was booked before, whoever of the tills asks again. Errors: RequestReused."""
    receipt = await Receipt.get_or_none(entry_id=entry.id)
    facts: dict[str, Any] = msgspec.json.decode(entry.facts)
    said = _stated(payment)
    if receipt is None or receipt.account_id != account.id or {key: facts.get(key) for key in said} != said:
        raise RequestReused()
    await record(ctx, "staff.top_up", f"account:{account.id}", facts={"repeated": True, **said})
    return CounterTopUp(
        top_up_id=str(entry.id),
        account_id=str(account.id),
        amount_fen=payment.amount_fen,
        method=payment.method,
        change_fen=_change_fen(payment),
        balance_before_fen=receipt.balance_after_fen - payment.amount_fen,
        balance_after_fen=receipt.balance_after_fen,
        receipt_number=receipt.number,
        booked_at=entry.booked_at,
        staff_name=str(facts.get("staff_name", "")),
        repeated=True,
    )


def _cause(payment: Payment) -> str:
    return f"counter:{payment.request_id}"


def _change_fen(payment: Payment) -> int | None:
    return None if payment.received_fen is None else payment.received_fen - payment.amount_fen


def _stated(payment: Payment) -> dict[str, Fact]:
    """Return what a retry has to state again, word for word."""
    return {
        "method": payment.method.value,
        "stated_fen": payment.amount_fen,
        "received_fen": payment.received_fen,
        "payer": payment.payer,
        "note": payment.note,
        "reference": payment.reference,
    }
