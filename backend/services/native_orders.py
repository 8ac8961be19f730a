"""Orders that a customer pays by scanning the till's second screen (扫码收款).

Nobody declares one paid: the channel does, by callback or query, and `book_payment` books it.
"""

from datetime import datetime

from msgspec import Struct
from tortoise.exceptions import IntegrityError

from backend.context import Context
from backend.errors import NotFound, Refused
from backend.models.payments import Scene, TopUp, TopUpState
from backend.models.site import Shop
from backend.services.audit import record
from backend.services.begin_top_up import (
    FIRST_QUERY,
    PAYABLE_FOR,
    TOP_UP_MAX_FEN,
    TOP_UP_MIN_FEN,
    AmountOutOfRange,
    RequestReused,
)
from backend.services.counter_top_up import check_may_take, own_account
from backend.services.prepare_order import prepare_order
from backend.services.reconcile_payments import close_order
from backend.services.work import query_payment
from backend.store import unit_of_work
from common.units import yuan_text

NO_TENANT = 0


class PracticeHasNoCode(Refused):
    """A shop to practise on moves no real money."""

    code = "practice_has_no_code"
    message = "练习商铺不能生成微信收款码，请用现金、转账或刷卡练习"


class Scan(Struct, frozen=True, kw_only=True):
    """What the cashier asks for. The same request_id is the same order, however often it is sent."""

    amount_fen: int
    payer: str = ""
    note: str = ""
    request_id: str


class NativeOrder(Struct, frozen=True, kw_only=True):
    """What the customer screen shows; `code_url` is None once the order can no longer be paid."""

    top_up_id: str
    account_id: str
    order_no: str
    amount_fen: int
    state: str
    expires_at: datetime
    code_url: str | None


async def order_native(ctx: Context, account_id: int, scan: Scan) -> NativeOrder:
    """Create an order for the customer screen, under the cashier's own request.

    Errors: NotFound, AccountClosed, AmountOutOfRange, HoardLimit, PracticeHasNoCode, RequestReused,
    ChannelUnsure (the same request asks again), ChannelRefused.
    """
    if not TOP_UP_MIN_FEN <= scan.amount_fen <= TOP_UP_MAX_FEN:
        span = f"{yuan_text(TOP_UP_MIN_FEN)} 至 {yuan_text(TOP_UP_MAX_FEN)} 元"
        raise AmountOutOfRange(
            fields={"amount_fen": f"扫码每次 {span}"}, low_fen=TOP_UP_MIN_FEN, high_fen=TOP_UP_MAX_FEN
        )
    try:
        top_up = await unit_of_work(lambda: _remember(ctx, account_id, scan), "native_order")
    except IntegrityError:
        raise RequestReused() from None  # For another account, in the same moment.
    if top_up.state is TopUpState.CREATED and ctx.clock.now() < top_up.expires_at:
        await prepare_order(ctx, top_up)
    return view_order(ctx, top_up)


async def cancel_native(ctx: Context, top_up_id: int) -> NativeOrder:
    """Close an order at the channel; when the customer was faster, it is booked instead.

    Errors: NotFound, ChannelUnsure, ChannelRefused: it may still be paid, and is booked then.
    """
    top_up = await own_order(ctx, top_up_id)
    await close_order(ctx, top_up.id)

    async def work() -> TopUp:
        row = await TopUp.get(id=top_up.id)
        facts = {"order_no": row.order_no, "amount_fen": row.amount_fen, "state": row.state.value}
        await record(ctx, "staff.top_up.cancel", f"account:{row.account_id}", facts=facts)
        return row

    return view_order(ctx, await unit_of_work(work, "native_order"))


async def own_order(ctx: Context, top_up_id: int) -> TopUp:
    """Return a till's order of the caller's site. Errors: NotFound."""
    top_up = await TopUp.get_or_none(id=top_up_id, scene=Scene.NATIVE)
    if top_up is None or top_up.site_id != ctx.caller.site_id:
        raise NotFound()
    return top_up


def view_order(ctx: Context, top_up: TopUp) -> NativeOrder:
    payable = top_up.state is TopUpState.PREPARED and ctx.clock.now() < top_up.expires_at
    return NativeOrder(
        top_up_id=str(top_up.id),
        account_id=str(top_up.account_id),
        order_no=top_up.order_no,
        amount_fen=top_up.amount_fen,
        state=top_up.state.value,
        expires_at=top_up.expires_at,
        code_url=top_up.code_url if payable else None,
    )


async def _remember(ctx: Context, account_id: int, scan: Scan) -> TopUp:
    # The lock first: the same request twice at once is one order.
    account = await own_account(ctx, account_id)
    known = await TopUp.get_or_none(tenant_id=NO_TENANT, request_id=scan.request_id)
    if known is not None:
        said = (known.account_id, known.amount_fen, known.payer, known.note)
        if said != (account.id, scan.amount_fen, scan.payer, scan.note):
            raise RequestReused()
        await record(ctx, "staff.top_up.scan", f"account:{account.id}", facts={"repeated": True})
        return known
    await check_may_take(account, scan.amount_fen)
    if (await Shop.get(id=account.shop_id)).practice:
        raise PracticeHasNoCode()
    now = ctx.clock.now()
    number = ctx.ids.new()
    top_up = await TopUp.create(
        id=number,
        site_id=account.site_id,
        order_no=f"PW{number}",
        account_id=account.id,
        tenant_id=NO_TENANT,
        openid="",
        amount_fen=scan.amount_fen,
        request_id=scan.request_id,
        created_at=now,
        expires_at=now + PAYABLE_FOR,
        scene=Scene.NATIVE,
        staff_id=ctx.caller.id,
        staff_name=ctx.caller.name,
        payer=scan.payer,
        note=scan.note,
    )
    # Asked for even if we die before the channel has answered.
    await query_payment(ctx, top_up.id, now + FIRST_QUERY)
    facts = {"order_no": top_up.order_no, "amount_fen": scan.amount_fen, "payer": scan.payer}
    await record(ctx, "staff.top_up.scan", f"account:{account.id}", reason=scan.note, facts=facts)
    return top_up
