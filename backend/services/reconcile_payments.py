"""Settle an order by asking the channel (支付核对): the second leg of truth beside the callback."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.models.payments import Scene, TopUp, TopUpState
from backend.payments.port import CallbackReason, CallbackRefused, ChannelOrder, CloseResult, OrderState
from backend.services.book_payment import book_payment
from backend.services.tasks import PAYMENT_MISMATCH, open_task
from backend.store import unit_of_work


class Found(Struct, frozen=True, kw_only=True):
    """What a query showed. `queries`: how many since the phone came back."""

    is_settled: bool
    is_closed: bool = False
    queries: int = 0
    created_at: datetime | None = None
    at_the_till: bool = False  # Somebody stands there and waits.


async def ask_about(ctx: Context, top_up_id: int) -> Found:
    """Query one order; book it when paid, close it when its time is over.

    Errors: ChannelUnsure, ChannelRefused: ask again later.
    """
    top_up = await TopUp.get(id=top_up_id)
    if top_up.state in {TopUpState.BOOKED, TopUpState.REFUSED}:
        return Found(is_settled=True)
    order = await ctx.payments.query(top_up.order_no)
    if order.paid is not None:
        return await _book(ctx, top_up, order)
    if ctx.clock.now() >= top_up.expires_at and top_up.state is not TopUpState.CLOSED:
        return await _close(ctx, top_up, order)
    return await still_open(top_up_id)


async def close_order(ctx: Context, top_up_id: int) -> Found:
    """Close an order before its time (关单), or book it when the payer was faster.

    Errors: ChannelUnsure, ChannelRefused: nothing is decided, it may still be paid.
    """
    top_up = await TopUp.get(id=top_up_id)
    if top_up.state in {TopUpState.BOOKED, TopUpState.REFUSED}:
        return Found(is_settled=True)
    order = await ctx.payments.query(top_up.order_no)
    return await (_book(ctx, top_up, order) if order.paid is not None else _close(ctx, top_up, order))


async def still_open(top_up_id: int) -> Found:
    """Count a query that settled nothing, answered or not, so that the next one waits longer."""
    top_up = await TopUp.get(id=top_up_id)
    await unit_of_work(lambda: _count(top_up_id), "query_payment")
    return Found(
        is_settled=False,
        is_closed=top_up.state is TopUpState.CLOSED,
        queries=top_up.queries,
        created_at=top_up.created_at,
        at_the_till=top_up.scene is Scene.NATIVE,
    )


async def _book(ctx: Context, top_up: TopUp, order: ChannelOrder) -> Found:
    assert order.paid is not None
    try:
        await book_payment(ctx, order.paid, "query")
    except CallbackRefused as error:
        # Money that we cannot match is a person's business, never dropped.
        reason = error.reason
        await unit_of_work(lambda: _ask_person(ctx, top_up, reason), "payment_mismatch")
        return Found(is_settled=True)
    if order.state is OrderState.REFUNDED:
        await unit_of_work(lambda: _ask_person(ctx, top_up, None), "payment_refunded")
    return Found(is_settled=True)


async def _close(ctx: Context, top_up: TopUp, before: ChannelOrder) -> Found:
    """Close between two queries: the phone may pay in the same moment."""
    if before.state is not OrderState.CLOSED:
        result = await ctx.payments.close(top_up.order_no)
        after = await ctx.payments.query(top_up.order_no)
        if after.paid is not None:
            return await _book(ctx, top_up, after)
        if result is CloseResult.PAID_ALREADY:
            return await still_open(top_up.id)
    await unit_of_work(lambda: _closed(ctx, top_up.id), "close_order")
    return Found(is_settled=False, is_closed=True, created_at=top_up.created_at)


async def _count(top_up_id: int) -> None:
    top_up = await TopUp.select_for_update().get(id=top_up_id)
    top_up.queries += 1
    await top_up.save(update_fields=["queries"])


async def _closed(ctx: Context, top_up_id: int) -> None:
    await TopUp.filter(id=top_up_id, state__in=[TopUpState.CREATED, TopUpState.PREPARED]).update(
        state=TopUpState.CLOSED, closed_at=ctx.clock.now()
    )


async def _ask_person(ctx: Context, top_up: TopUp, reason: CallbackReason | None) -> None:
    what = f"与订单不符（{reason.value}）" if reason else "已在微信侧退款"
    await open_task(
        ctx,
        top_up.site_id,
        PAYMENT_MISMATCH,
        cause=f"payment:{top_up.order_no}",
        text=f"订单 {top_up.order_no} 的付款{what}，请财务核对",
        account_id=top_up.account_id,
    )
