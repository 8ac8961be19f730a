"""Begin and follow a top-up by phone (交电费)."""

from datetime import datetime, timedelta

from msgspec import Struct
from tortoise.exceptions import IntegrityError

from backend.context import Context
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account
from backend.models.payments import TopUp, TopUpState
from backend.models.site import Shop
from backend.models.supply import SupplyOrder
from backend.payments.port import PhoneParameters
from backend.services.bindings import account_for
from backend.services.locks import lock_account
from backend.services.prepare_order import prepare_order
from backend.services.site_policy import SitePolicy, policy_of
from backend.services.work import query_payment
from backend.store import unit_of_work
from common.units import Fen
from common.wire import Relay, Stage

TOP_UP_MIN_FEN = Fen(1_000)
TOP_UP_MAX_FEN = Fen(2_000_000)
HOARD_LIMIT_FEN = Fen(SitePolicy().hoard_limit_fen)  # Unless the site's policy says otherwise.
PAYABLE_FOR = timedelta(minutes=10)
FIRST_QUERY = timedelta(seconds=5)


class AmountOutOfRange(Invalid):
    code = "amount_out_of_range"
    message = "每次交费金额为 {low_fen} 至 {high_fen}"


class HoardLimit(Refused):
    """More than this may not be stored on an account (余额上限)."""

    code = "hoard_limit"
    message = "交费后余额将超过上限 {limit_fen}，最多还可交 {room_fen}"


class RequestReused(Refused):
    code = "request_reused"
    message = "这次请求与之前的金额或户号不同，请重新发起"


class PracticeShop(Refused):
    """A shop to practise on moves no real money (练习商铺)."""

    code = "practice_shop"
    message = "练习商铺不能用微信交费"


class TopUpView(Struct, frozen=True, kw_only=True):
    """What the phone needs to pay; `pay` is None once the order can no longer be paid."""

    order_no: str
    amount_fen: int
    state: str
    expires_at: datetime
    pay: PhoneParameters | None = None


class TrackView(Struct, frozen=True, kw_only=True):
    """The way from payment to power: 已付款 → 已入账 → 已下发 → 采集服务 → 电表应答 → 回读确认."""

    order_no: str
    amount_fen: int
    state: str
    paid_at: datetime | None = None
    booked_at: datetime | None = None
    ordered_at: datetime | None = None
    fetched_at: datetime | None = None
    acknowledged_at: datetime | None = None
    verified_at: datetime | None = None
    restore_needed: bool = False
    sentence: str = ""


async def begin_top_up(ctx: Context, account_id: int, amount_fen: Fen, request_id: str) -> TopUpView:
    """Create the order and return what the phone needs to pay it.

    The same request_id again returns the first order; with another amount or account it is refused.
    Errors: NotFound, AmountOutOfRange, HoardLimit, PracticeShop, RequestReused, ChannelUnsure,
    ChannelRefused.
    """
    if not TOP_UP_MIN_FEN <= amount_fen <= TOP_UP_MAX_FEN:
        raise AmountOutOfRange(
            fields={"amount_fen": "金额不在范围内"}, low_fen=TOP_UP_MIN_FEN, high_fen=TOP_UP_MAX_FEN
        )
    account = await account_for(ctx, account_id)
    try:
        top_up = await unit_of_work(lambda: _remember(ctx, account, amount_fen, request_id), "begin_top_up")
    except IntegrityError:
        raise RequestReused() from None  # For another account, in the same moment.
    if top_up.state is TopUpState.CREATED and ctx.clock.now() < top_up.expires_at:
        await prepare_order(ctx, top_up)
    return _view(ctx, top_up)


async def follow_top_up(ctx: Context, order_no: str) -> TrackView:
    """Say how far a top-up has come. The first look after paying makes us ask the channel at once."""
    top_up = await TopUp.get_or_none(order_no=order_no)
    if top_up is None or top_up.tenant_id != ctx.caller.id:
        raise NotFound()
    if top_up.state is TopUpState.PREPARED and top_up.returned_at is None:
        await unit_of_work(lambda: _returned(ctx, top_up.id), "top_up_returned")
    return await track(top_up)


async def track(top_up: TopUp) -> TrackView:
    order = await SupplyOrder.filter(cause=f"top_up:{top_up.order_no}").order_by("-id").first()
    return TrackView(
        order_no=top_up.order_no,
        amount_fen=top_up.amount_fen,
        state=top_up.state.value,
        paid_at=top_up.paid_at,
        booked_at=top_up.booked_at,
        ordered_at=order.ordered_at if order else None,
        fetched_at=order.fetched_at if order else None,
        acknowledged_at=order.acknowledged_at if order else None,
        verified_at=order.verified_at if order else None,
        restore_needed=order is not None and order.relay is Relay.ON,
        sentence=_sentence(top_up, order),
    )


async def _remember(ctx: Context, account: Account, amount_fen: Fen, request_id: str) -> TopUp:
    # The lock first: the same request twice at once is one order.
    locked = await lock_account(account.id)
    known = await TopUp.get_or_none(tenant_id=ctx.caller.id, request_id=request_id)
    if known is not None:
        if known.amount_fen != amount_fen or known.account_id != account.id:
            raise RequestReused()
        return known
    if locked.closed_at is not None:
        raise NotFound()
    if (await Shop.get(id=locked.shop_id)).practice:
        raise PracticeShop()
    limit_fen = (await policy_of(locked.site_id)).hoard_limit_fen
    room_fen = limit_fen - locked.settled_fen
    if amount_fen > room_fen:
        raise HoardLimit(limit_fen=limit_fen, room_fen=max(0, room_fen))
    now = ctx.clock.now()
    top_up_id = ctx.ids.new()
    top_up = await TopUp.create(
        id=top_up_id,
        site_id=account.site_id,
        order_no=f"PW{top_up_id}",
        account_id=account.id,
        tenant_id=ctx.caller.id,
        openid=ctx.caller.openid,
        amount_fen=amount_fen,
        request_id=request_id,
        created_at=now,
        expires_at=now + PAYABLE_FOR,
    )
    # Asked for even if we die before the channel has answered.
    await query_payment(ctx, top_up.id, now + FIRST_QUERY)
    return top_up


async def _returned(ctx: Context, top_up_id: int) -> None:
    now = ctx.clock.now()
    # The queries are counted from the phone's return: they begin again, close together.
    await TopUp.filter(id=top_up_id).update(returned_at=now, queries=0)
    await query_payment(ctx, top_up_id, now)


def _view(ctx: Context, top_up: TopUp) -> TopUpView:
    payable = (
        top_up.state is TopUpState.PREPARED
        and top_up.prepay_id is not None
        and ctx.clock.now() < top_up.expires_at
    )
    return TopUpView(
        order_no=top_up.order_no,
        amount_fen=top_up.amount_fen,
        state=top_up.state.value,
        expires_at=top_up.expires_at,
        pay=ctx.payments.phone_parameters(top_up.prepay_id or "") if payable else None,
    )


def _sentence(top_up: TopUp, order: SupplyOrder | None) -> str:
    match top_up.state:
        case TopUpState.CREATED | TopUpState.PREPARED:
            return "正在确认付款结果，请勿重复付款"
        case TopUpState.CLOSED:
            return "订单已关闭；如果您已付款，款项会自动入账"
        case TopUpState.REFUSED:
            return "微信支付没有接受这笔订单，请重新交费"
    if order is None or order.relay is not Relay.ON:
        return "已入账"
    if order.end_stage is Stage.VERIFIED:
        return "已入账，已恢复供电"
    if order.trouble is not None:
        return "已入账，正在恢复供电：电表暂时没有应答，系统会一直重试，值班人员已收到提醒"
    return "已入账，正在恢复供电"
