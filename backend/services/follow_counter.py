"""Follow money from the till to the meter (收款进度): 入账 → 下发 → 采集服务 → 电表应答 → 回读确认."""

from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.ledger import EntryKind
from backend.errors import NotFound
from backend.models.ledger import Entry, Posting
from backend.models.meters import MeterState
from backend.models.payments import Scene, TopUp, TopUpState
from backend.models.receipts import Receipt
from backend.models.supply import SupplyOrder
from backend.services.counter_card import OFF_WORDS, standing_reasons
from backend.services.native_orders import view_order
from common.wire import Relay, Stage

_COUNTER = "counter:"
_WAITING = {TopUpState.CREATED, TopUpState.PREPARED}


class CounterTrack(Struct, frozen=True, kw_only=True):
    """How far a top-up has come. A step's time is that of the account's last meter; None: not yet.

    state: "waiting" (for the customer's phone), "booked", "closed" or "refused".
    is_done: nothing more will change here.
    """

    top_up_id: str
    account_id: str
    entry_id: str | None
    order_no: str | None
    amount_fen: int
    state: str
    code_url: str | None
    expires_at: datetime | None
    booked_at: datetime | None
    receipt_number: str | None
    restore_needed: bool
    ordered_at: datetime | None
    fetched_at: datetime | None
    acknowledged_at: datetime | None
    commanded_at: datetime | None  # The best there is where a meter cannot read its contact back.
    verified_at: datetime | None
    meter_silent: bool
    sentence: str
    is_done: bool


async def follow_counter(ctx: Context, top_up_id: int) -> CounterTrack:
    """Say how far a top-up of the caller's site has come, by its order or by its entry. Errors: NotFound."""
    top_up = await TopUp.get_or_none(id=top_up_id, scene=Scene.NATIVE, site_id=ctx.caller.site_id)
    if top_up is not None and top_up.entry_id is None:
        return _unpaid(ctx, top_up)
    entry_id = top_up_id if top_up is None else top_up.entry_id
    entry = await Entry.get_or_none(id=entry_id, kind=EntryKind.TOP_UP.value, site_id=ctx.caller.site_id)
    if entry is None:
        raise NotFound()
    leg = await Posting.get(entry_id=entry.id, ledger_account__startswith="balance:")
    order_no = msgspec.json.decode(entry.facts).get("order_no")
    return await _booked(entry, leg, order_no, top_up_id)


def _unpaid(ctx: Context, top_up: TopUp) -> CounterTrack:
    order = view_order(ctx, top_up)
    return CounterTrack(
        top_up_id=order.top_up_id,
        account_id=order.account_id,
        entry_id=None,
        order_no=order.order_no,
        amount_fen=order.amount_fen,
        state="waiting" if top_up.state in _WAITING else top_up.state.value,
        code_url=order.code_url,
        expires_at=order.expires_at,
        booked_at=None,
        receipt_number=None,
        restore_needed=False,
        ordered_at=None,
        fetched_at=None,
        acknowledged_at=None,
        commanded_at=None,
        verified_at=None,
        meter_silent=False,
        sentence=_unpaid_sentence(ctx, top_up),
        is_done=top_up.state is TopUpState.REFUSED,
    )


def _unpaid_sentence(ctx: Context, top_up: TopUp) -> str:
    match top_up.state:
        case TopUpState.REFUSED:
            return "微信支付没有接受这笔订单，请换一种收款方式"
        case TopUpState.CLOSED:
            return "收款码已关闭；如果顾客已经付款，款项会自动入账"
    if ctx.clock.now() >= top_up.expires_at:
        return "收款码已过期，正在向微信支付核对"
    return "等待顾客扫码付款" if top_up.code_url else "正在向微信支付下单"


async def _booked(entry: Entry, leg: Posting, order_no: str | None, asked_id: int) -> CounterTrack:
    account_id = int(leg.ledger_account.removeprefix("balance:"))
    mark = order_no or entry.cause.removeprefix(_COUNTER)
    orders = await SupplyOrder.filter(account_id=account_id, cause=f"top_up:{mark}", relay=Relay.ON)
    is_silent = await MeterState.exists(account_id=account_id, silent_since_at__isnull=False)
    receipt = await Receipt.get_or_none(entry_id=entry.id)
    verified_at = _last([one.verified_at for one in orders])
    return CounterTrack(
        top_up_id=str(asked_id),
        account_id=str(account_id),
        entry_id=str(entry.id),
        order_no=order_no,
        amount_fen=leg.amount_fen,
        state="booked",
        code_url=None,
        expires_at=None,
        booked_at=entry.booked_at,
        receipt_number=receipt.number if receipt else None,
        restore_needed=bool(orders),
        ordered_at=_last([one.ordered_at for one in orders]),
        fetched_at=_last([one.fetched_at for one in orders]),
        acknowledged_at=_last([one.acknowledged_at for one in orders]),
        commanded_at=_last([one.commanded_at for one in orders]),
        verified_at=verified_at,
        meter_silent=is_silent,
        sentence=await _sentence(account_id, orders, is_silent),
        is_done=all(one.ended_at is not None for one in orders),
    )


def _last(times: list[datetime | None]) -> datetime | None:
    """Return when the last of several meters came so far; None while one has not, or when there is none."""
    known = [at for at in times if at is not None]
    return max(known) if known and len(known) == len(times) else None


async def _sentence(account_id: int, orders: list[SupplyOrder], is_silent: bool) -> str:
    if not orders:
        names = [OFF_WORDS[one] for one in await standing_reasons(account_id)]
        return f"已入账；{'、'.join(names)}仍在，充值不会送电" if names else "已入账"
    if all(one.end_stage is Stage.VERIFIED for one in orders):
        return "已入账，已送电"
    if any(one.end_stage is not None and one.end_stage is not Stage.VERIFIED for one in orders):
        return "已入账；送电指令已被后来的指令取代"
    if all(one.commanded_at is not None or one.verified_at is not None for one in orders):
        return "已入账，电表已执行合闸；这块表不能回读触点，用上电后才算确认"
    if is_silent:
        return "已入账，电表恢复通讯后自动送电"
    if any(one.trouble is not None for one in orders):
        return "已入账，正在送电：电表暂时没有应答，系统会一直重试"
    return "已入账，正在送电"
