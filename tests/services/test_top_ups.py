"""Beginning and following a top-up by phone, and asking the channel when it stays silent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from backend.errors import ChannelRefused, ChannelUnsure, NotFound
from backend.models.accounts import Account
from backend.models.ledger import Entry
from backend.models.payments import TopUp, TopUpState
from backend.models.site import Shop
from backend.payments.port import OrderAlreadyPaid, OrderClosed, OrderState
from backend.services.begin_top_up import (
    HOARD_LIMIT_FEN,
    AmountOutOfRange,
    HoardLimit,
    PracticeShop,
    RequestReused,
    TopUpView,
    begin_top_up,
    follow_top_up,
)
from backend.services.book_payment import book_payment
from backend.services.collector_link import poll_desired
from backend.store import rows, some_utc
from common.units import Fen
from common.wire import DesiredQuery, Relay, Stage
from tests.services.mall import SmallMall

REQUEST = "request-0001"


async def begin(
    mall: SmallMall, amount_fen: int = 5_000, request_id: str = REQUEST, shop: str = "A001"
) -> TopUpView:
    account = await mall.account(shop)
    return await begin_top_up(await mall.as_tenant(shop), account.id, Fen(amount_fen), request_id)


async def pay_order(mall: SmallMall, order_no: str) -> None:
    """Let the phone pay at the channel, without any callback."""
    mall.channel.take(mall.paid(await TopUp.get(order_no=order_no)))


async def next_query_s(mall: SmallMall) -> float:
    (row,) = await rows("SELECT due_at FROM outbox WHERE kind = 'query_payment'")
    return (some_utc(row["due_at"]) - mall.clock.now()).total_seconds()


async def test_the_phone_gets_what_it_needs_to_pay(mall: SmallMall) -> None:
    view = await begin(mall)

    assert view.pay is not None
    assert view.pay.package == f"prepay_id=prepay-{view.order_no}"
    assert (view.state, view.amount_fen) == ("prepared", 5_000)


@pytest.mark.mariadb
async def test_the_same_request_many_times_at_once_is_one_order(mall: SmallMall) -> None:
    await mall.as_tenant()

    views = await asyncio.gather(*(begin(mall) for _ in range(8)))

    assert len({view.order_no for view in views}) == 1
    assert await TopUp.all().count() == 1


@pytest.mark.mariadb
async def test_the_same_request_for_two_shops_at_once_is_refused_for_one(mall: SmallMall) -> None:
    await mall.as_tenant("A001")
    await mall.as_tenant("A002")

    both = (begin(mall, shop=shop) for shop in ("A001", "A002"))
    results: list[Any] = await asyncio.gather(*both, return_exceptions=True)

    assert sorted(type(one).__name__ for one in results) == ["RequestReused", "TopUpView"]


async def test_the_same_request_with_another_amount_is_refused(mall: SmallMall) -> None:
    await begin(mall)

    with pytest.raises(RequestReused):
        await begin(mall, 6_000)


@pytest.mark.parametrize("amount_fen", [999, 2_000_001, 0, -1])
async def test_an_amount_out_of_range_is_refused(mall: SmallMall, amount_fen: int) -> None:
    with pytest.raises(AmountOutOfRange):
        await begin(mall, amount_fen)


async def test_more_than_may_be_stored_is_refused_and_says_what_fits(mall: SmallMall) -> None:
    await mall.pay(HOARD_LIMIT_FEN - 100_000)

    with pytest.raises(HoardLimit) as refused:
        await begin(mall, 100_001)

    assert refused.value.text() == "交费后余额将超过上限 50,000.00 元，最多还可交 1,000.00 元"
    assert (await begin(mall, 100_000)).state == "prepared"


async def test_another_shops_account_is_not_found(mall: SmallMall) -> None:
    account = await mall.account("A002")

    with pytest.raises(NotFound):
        await begin_top_up(await mall.as_tenant("A001"), account.id, Fen(5_000), REQUEST)


async def test_a_closed_account_takes_no_new_order(mall: SmallMall) -> None:
    tenant = await mall.as_tenant()
    account = await mall.account()
    await Account.filter(id=account.id).update(closed_at=mall.clock.now())

    with pytest.raises(NotFound):
        await begin_top_up(tenant, account.id, Fen(5_000), REQUEST)


async def test_a_shop_to_practise_on_moves_no_real_money(mall: SmallMall) -> None:
    await mall.as_tenant()
    await Shop.filter(code="A001").update(practice=True)

    with pytest.raises(PracticeShop):
        await begin(mall)


async def test_an_unsure_channel_leaves_an_order_that_the_retry_prepares(mall: SmallMall) -> None:
    mall.channel.fails.append(ChannelUnsure())
    with pytest.raises(ChannelUnsure):
        await begin(mall)
    assert (await TopUp.get()).state is TopUpState.CREATED

    view = await begin(mall)

    assert view.pay is not None
    assert await TopUp.all().count() == 1


async def test_an_unsure_order_that_was_paid_is_found_by_asking(mall: SmallMall) -> None:
    mall.channel.fails.append(ChannelUnsure())
    with pytest.raises(ChannelUnsure):
        await begin(mall)
    await pay_order(mall, (await TopUp.get()).order_no)

    await mall.wait(5, shop=None)

    assert (await mall.account()).settled_fen == 5_000


@pytest.mark.parametrize("refusal", [ChannelRefused(channel_code="PARAM_ERROR"), OrderClosed()])
async def test_a_refusing_channel_ends_the_order(mall: SmallMall, refusal: ChannelRefused) -> None:
    mall.channel.fails.append(refusal)

    with pytest.raises(ChannelRefused):
        await begin(mall)

    assert (await TopUp.get()).state is TopUpState.REFUSED


async def test_an_order_that_was_paid_before_is_asked_about_at_once(mall: SmallMall) -> None:
    mall.channel.fails.append(OrderAlreadyPaid())

    view = await begin(mall)

    assert view.pay is None
    await pay_order(mall, view.order_no)
    await mall.wait(0, shop=None)
    assert (await mall.account()).settled_fen == 5_000


async def test_an_order_that_is_too_old_cannot_be_paid(mall: SmallMall) -> None:
    await begin(mall)
    mall.clock.advance(601)

    assert (await begin(mall)).pay is None


async def test_payments_are_booked_by_query_alone(mall: SmallMall) -> None:
    view = await begin(mall)
    await mall.wait(5, shop=None)
    assert await Entry.all().count() == 0
    await pay_order(mall, view.order_no)

    await mall.wait(60, shop=None)

    assert (await TopUp.get()).booked_by == "query"
    assert await rows("SELECT * FROM outbox WHERE kind = 'query_payment'") == []


async def test_a_phone_that_comes_back_is_answered_soon(mall: SmallMall) -> None:
    view = await begin(mall)
    for _ in range(7):
        await mall.wait(30, shop=None)
    assert await next_query_s(mall) > 10
    tenant = await mall.as_tenant()

    track = await follow_top_up(tenant, view.order_no)

    assert track.sentence == "正在确认付款结果，请勿重复付款"
    assert await next_query_s(mall) == 0
    await mall.runner.run_due()
    assert await next_query_s(mall) == 1  # Close together again, counted from the return.


async def test_looking_again_asks_no_more_often(mall: SmallMall) -> None:
    view = await begin(mall)
    tenant = await mall.as_tenant()
    await follow_top_up(tenant, view.order_no)
    await mall.runner.run_due()
    calls = mall.channel.calls.count("query")

    for _ in range(5):
        await follow_top_up(tenant, view.order_no)
    await mall.runner.run_due()

    assert mall.channel.calls.count("query") == calls


async def test_a_strangers_order_is_not_found(mall: SmallMall) -> None:
    view = await begin(mall)

    for order_no, openid in ((view.order_no, "other"), ("PW0", "payer")):
        with pytest.raises(NotFound):
            await follow_top_up(await mall.as_tenant("A002", openid), order_no)


async def test_a_silent_channel_is_asked_less_and_less_and_not_for_ever(mall: SmallMall) -> None:
    await begin(mall)
    mall.channel.fails.extend([ChannelUnsure()] * 500)
    waits = []
    for _ in range(12):
        await mall.wait(max(await next_query_s(mall), 0), shop=None)
        waits.append(await next_query_s(mall))
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300

    mall.clock.advance(timedelta(hours=26).total_seconds())
    await mall.runner.run_due()

    assert await rows("SELECT * FROM outbox WHERE kind = 'query_payment'") == []


async def test_an_unpaid_order_is_closed_after_its_time(mall: SmallMall) -> None:
    view = await begin(mall)

    await mall.wait(601, shop=None)

    assert (await TopUp.get()).state is TopUpState.CLOSED
    assert mall.channel.orders[view.order_no].state is OrderState.CLOSED


async def test_a_phone_that_pays_while_its_order_is_closed_gets_its_money_booked(mall: SmallMall) -> None:
    await begin(mall)
    mall.channel.while_closing = lambda order_no: pay_order(mall, order_no)

    await mall.wait(601, shop=None)

    assert (await TopUp.get()).state is TopUpState.BOOKED
    assert (await mall.account()).settled_fen == 5_000


async def test_a_callback_while_the_order_is_closed_is_not_undone(mall: SmallMall) -> None:
    await begin(mall)

    async def callback(order_no: str) -> None:
        await book_payment(mall.ctx, mall.paid(await TopUp.get(order_no=order_no)), "callback")

    mall.channel.while_closing = callback
    await mall.wait(601, shop=None)

    assert (await TopUp.get()).state is TopUpState.BOOKED


async def test_a_late_payment_of_a_closed_order_is_found_by_the_sweep(mall: SmallMall) -> None:
    view = await begin(mall)
    await mall.wait(601, shop=None)
    await pay_order(mall, view.order_no)

    await mall.wait(600, shop=None)

    assert (await mall.account()).settled_fen == 5_000


async def test_an_order_that_the_channel_never_knew_is_closed(mall: SmallMall) -> None:
    mall.channel.fails.append(ChannelUnsure())
    with pytest.raises(ChannelUnsure):
        await begin(mall)

    await mall.wait(601, shop=None)

    assert (await TopUp.get()).state is TopUpState.CLOSED


async def test_the_track_shows_every_step_until_the_power_is_back(mall: SmallMall) -> None:
    await mall.cut_off()
    view = await begin(mall)
    tenant = await mall.as_tenant()
    await pay_order(mall, view.order_no)
    await mall.wait(5, shop=None)
    booked = await follow_top_up(tenant, view.order_no)
    assert (booked.state, booked.restore_needed, booked.sentence) == ("booked", True, "已入账，正在恢复供电")

    mall.clock.advance(1)
    answer = await poll_desired(mall.as_collector, DesiredQuery(held={}, wait_s=0, clock_offset_s=0.0))
    await mall.outcome(Stage.ACKNOWLEDGED)
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)

    track = await follow_top_up(tenant, view.order_no)
    assert [one.relay for one in answer.desired] == [Relay.ON]
    assert track.fetched_at == mall.clock.now()
    assert None not in (track.paid_at, track.booked_at, track.ordered_at)
    assert None not in (track.acknowledged_at, track.verified_at)
    assert track.sentence == "已入账，已恢复供电"


async def test_the_track_says_when_the_meter_does_not_answer(mall: SmallMall) -> None:
    await mall.cut_off()
    view = await begin(mall)
    await pay_order(mall, view.order_no)
    await mall.wait(5, shop=None)

    await mall.outcome(Stage.UNREACHABLE)

    tenant = await mall.as_tenant()
    assert "系统会一直重试" in (await follow_top_up(tenant, view.order_no)).sentence
