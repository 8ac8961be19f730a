"""The counter's card and the way of cash to the meter, in what the cashier reads."""

import pytest

from backend.errors import NotFound
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.services.begin_top_up import HOARD_LIMIT_FEN
from backend.services.control_supply import trip
from backend.services.counter_card import CounterCard, show_card
from backend.services.counter_top_up import CounterTopUp
from backend.services.follow_counter import CounterTrack, follow_counter
from backend.services.native_orders import Scan, order_native
from common.wire import Relay, Stage
from tests.services.mall import SmallMall
from tests.services.test_counter import REQUEST, pay

PER_DAY_NANO = 250_000_000  # 25 fen.


async def card(mall: SmallMall, shop: str = "A001") -> CounterCard:
    account = await mall.account(shop)
    return await show_card(mall.as_staff(7, "staff.top_up"), account.id)


async def follow(mall: SmallMall, booked: CounterTopUp) -> CounterTrack:
    return await follow_counter(mall.as_staff(7, "staff.top_up"), int(booked.top_up_id))


async def test_cash_for_a_shop_that_is_on_is_done_at_once(mall: SmallMall) -> None:
    await mall.read()
    track = await follow(mall, await pay(mall))

    assert (track.state, track.restore_needed, track.is_done) == ("booked", False, True)
    assert (track.sentence, track.receipt_number) == ("已入账", "20260302-0001")


async def test_cash_for_a_shop_that_is_off_is_followed_to_the_meter(mall: SmallMall) -> None:
    await mall.cut_off()
    booked = await pay(mall)
    first = await follow(mall, booked)

    await mall.outcome(Stage.ACKNOWLEDGED)
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)

    last = await follow(mall, booked)
    assert (first.restore_needed, first.verified_at, first.is_done) == (True, None, False)
    assert (last.sentence, last.is_done) == ("已入账，已送电", True)


async def test_a_meter_without_contact_bits_is_not_called_powered(mall: SmallMall) -> None:
    await mall.cut_off()
    booked = await pay(mall)

    await mall.outcome(Stage.ACKNOWLEDGED)
    await mall.outcome(Stage.COMMANDED)

    track = await follow(mall, booked)
    assert (track.verified_at, track.is_done) == (None, False)
    assert track.commanded_at is not None
    assert track.sentence.startswith("已入账，电表已执行合闸")


async def test_a_silent_meter_is_said_and_the_money_is_safe(mall: SmallMall) -> None:
    await mall.cut_off()
    await MeterState.filter(meter_id=(await mall.meter()).id).update(silent_since_at=mall.clock.now())

    track = await follow(mall, await pay(mall))

    assert (track.meter_silent, track.sentence) == (True, "已入账，电表恢复通讯后自动送电")


async def test_money_does_not_lift_what_the_staff_placed(mall: SmallMall) -> None:
    await mall.read()
    await trip(mall.as_staff(9), (await mall.meter()).id, "装修")

    track = await follow(mall, await pay(mall))

    assert track.sentence == "已入账；人工断电仍在，充值不会送电"
    assert (await card(mall)).off_reasons == ["staff"]


async def test_another_malls_top_up_is_not_found(mall: SmallMall) -> None:
    booked = await pay(mall)
    await Account.all().update(site_id=1)
    stranger = mall.as_staff(7, "staff.top_up")

    with pytest.raises(NotFound):
        await follow_counter(stranger, int(booked.top_up_id) + 1)


async def test_the_card_says_what_lasts_thirty_days_in_whole_yuan(mall: SmallMall) -> None:
    await mall.read()
    await Account.all().update(mean_daily_nano=PER_DAY_NANO)

    shown = await card(mall)
    await pay(mall, shown.fill_fen or 0, received_fen=1_000)

    assert shown.fill_fen == 800  # 30 × 25 fen = 7.50 yuan.
    assert (await card(mall)).fill_fen == 0
    assert (await card(mall)).days_left == 32.0


async def test_the_card_invents_nothing_without_data(mall: SmallMall) -> None:
    shown = await card(mall)

    assert (shown.estimated_fen, shown.debt_fen, shown.days_left, shown.fill_fen) == (None, None, None, None)
    assert (shown.last_top_up, shown.recent, shown.room_fen) == (None, [], HOARD_LIMIT_FEN)


async def test_the_card_warns_of_a_repetition_for_ten_minutes(mall: SmallMall) -> None:
    await pay(mall, 50_000, request_id=REQUEST)
    mall.clock.advance(300)
    await mall.pay(2_000)
    soon = await card(mall)
    mall.clock.advance(301)
    later = await card(mall)

    assert [(one.amount_fen, one.method) for one in soon.recent] == [(2_000, "wechat"), (50_000, "cash")]
    assert [one.amount_fen for one in later.recent] == [2_000]
    assert later.room_fen == HOARD_LIMIT_FEN - 52_000


async def test_the_card_says_how_much_brings_the_power_back(mall: SmallMall) -> None:
    await mall.cut_off()

    shown = await card(mall)

    assert shown.debt_fen is not None
    assert shown.off_reasons == ["arrears"]
    assert shown.to_restore_fen == 1_000 + shown.debt_fen


async def test_the_card_shows_a_code_that_may_still_be_paid(mall: SmallMall) -> None:
    account = await mall.account()
    await order_native(mall.as_staff(7), account.id, Scan(amount_fen=5_000, request_id=REQUEST))
    open_code = (await card(mall)).open_code
    mall.clock.advance(601)

    assert open_code is not None
    assert open_code.amount_fen == 5_000
    assert (await card(mall)).open_code is None


async def test_another_malls_account_has_no_card(mall: SmallMall) -> None:
    account = await mall.account()
    await Account.filter(id=account.id).update(site_id=mall.site_id + 1)

    with pytest.raises(NotFound):
        await show_card(mall.as_staff(7), account.id)
