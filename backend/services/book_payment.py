"""Book a payment (入账): one function, whichever leg of truth brings the news.

Lock order → already booked? → exact checks → entry, order state, supply decision: one transaction.
"""

from msgspec import Struct

from backend.context import Context
from backend.domain.ledger import Fact, top_up_entry
from backend.errors import Bug
from backend.metrics import count_booked
from backend.models.accounts import Account
from backend.models.payments import Scene, TopUp, TopUpState
from backend.payments.port import CallbackReason, CallbackRefused, PaidOrder
from backend.services.locks import lock_account
from backend.services.take_money import take_money
from backend.store import after_commit, unit_of_work


class Booked(Struct, frozen=True):
    """`is_first`: this call booked it; otherwise it had been booked before."""

    order_no: str
    account_id: int
    is_first: bool


async def book_payment(ctx: Context, paid: PaidOrder, leg: str) -> Booked:
    """Book a verified payment once. leg: "callback", "query" or "bill".

    Errors: CallbackRefused with UNKNOWN_ORDER, WRONG_AMOUNT or WRONG_PAYER: nothing is booked.
    """
    return await unit_of_work(lambda: _book(ctx, paid, leg), "book_payment")


async def _book(ctx: Context, paid: PaidOrder, leg: str) -> Booked:
    found = await TopUp.get_or_none(order_no=paid.order_no)
    if found is None:
        raise CallbackRefused(CallbackReason.UNKNOWN_ORDER, paid.order_no)
    account = await lock_account(found.account_id)
    top_up = await TopUp.select_for_update().get(id=found.id)  # As it is now that we hold the lock.
    if top_up.state is TopUpState.BOOKED:
        if (top_up.transaction_id, top_up.amount_fen) != (paid.transaction_id, paid.amount_fen):
            raise Bug(f"order {paid.order_no} was booked as another payment than {paid.transaction_id}")
        return Booked(top_up.order_no, account.id, is_first=False)
    if paid.amount_fen != top_up.amount_fen:
        raise CallbackRefused(CallbackReason.WRONG_AMOUNT, f"{paid.amount_fen} for {top_up.amount_fen}")
    if paid.openid != top_up.openid and top_up.scene is Scene.PHONE:
        raise CallbackRefused(CallbackReason.WRONG_PAYER)  # A code on a screen may be paid by anybody.
    await _enter(ctx, account, top_up, paid, leg)
    after_commit(lambda: count_booked(leg))
    return Booked(top_up.order_no, account.id, is_first=True)


async def _enter(ctx: Context, account: Account, top_up: TopUp, paid: PaidOrder, leg: str) -> None:
    now = ctx.clock.now()
    draft = top_up_entry(
        account_id=account.id,
        amount_fen=paid.amount_fen,
        cause=f"wechat:{paid.transaction_id}",
        booked_at=now,
        channel="wechat",
        facts={"order_no": paid.order_no, "paid_at": paid.paid_at.isoformat(), **_at_the_till(top_up)},
    )

    async def remember(entry_id: int) -> None:
        top_up.state = TopUpState.BOOKED
        top_up.transaction_id = paid.transaction_id
        top_up.openid = paid.openid
        top_up.paid_at = paid.paid_at
        top_up.booked_at = now
        top_up.booked_by = leg
        top_up.entry_id = entry_id
        await top_up.save(
            update_fields=[
                "state",
                "transaction_id",
                "openid",
                "paid_at",
                "booked_at",
                "booked_by",
                "entry_id",
            ]
        )

    await take_money(ctx, account, draft, top_up.order_no, remember)


def _at_the_till(top_up: TopUp) -> dict[str, Fact]:
    """State who stood at the till and what the receipt shall say; nothing of an order by phone."""
    if top_up.scene is not Scene.NATIVE:
        return {}
    return {
        "scene": top_up.scene.value,
        "method": "wechat",
        "staff_id": str(top_up.staff_id),
        "staff_name": top_up.staff_name,
        "payer": top_up.payer,
        "note": top_up.note,
    }
