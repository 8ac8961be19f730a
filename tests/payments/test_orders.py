"""Ordering, asking and closing, against a simulated WeChat Pay that checks every signature."""

from datetime import timedelta

import pytest

from backend.errors import Bug, ChannelRefused
from backend.payments.port import CloseResult, OrderAlreadyPaid, OrderClosed, OrderState
from common.units import Fen
from simulator.keys import WorldKeys
from simulator.pay_crypto import is_signed, pay_sign_message
from simulator.pay_faults import Code, DoubtfulCodes, PayFault
from tests.payments.conftest import OPENID, ORDER_NO, World, make_world


async def test_an_order_gets_a_prepay_id(world: World) -> None:
    prepay_id = await world.prepare()

    order = world.server.book.by_number(ORDER_NO)
    assert prepay_id in order.prepay_ids
    assert (order.amount_fen, order.openid, order.expires_at) == (5_000, OPENID, world.expires_at)


async def test_the_same_order_again_gets_a_prepay_id_for_the_same_order(world: World) -> None:
    first, second = await world.prepare(), await world.prepare()

    assert set(world.server.book.by_number(ORDER_NO).prepay_ids) == {first, second}


async def test_every_request_has_its_own_nonce_and_names_our_public_key(world: World) -> None:
    await world.prepare()
    await world.pay.query(ORDER_NO)

    nonces = {request.headers["Authorization"].split('nonce_str="')[1][:32] for request in world.sent}
    assert len(nonces) == 2
    assert {request.headers["Wechatpay-Serial"] for request in world.sent} == {world.keys.names.public_key_id}


async def test_an_order_number_with_a_star_is_signed_as_it_is_sent(world: World) -> None:
    await world.prepare("PW-2026_*1")

    assert (await world.pay.query("PW-2026_*1")).state is OrderState.NOT_PAID


async def test_a_number_that_is_not_ours_is_a_bug(world: World) -> None:
    with pytest.raises(Bug):
        await world.pay.query("../certificates")


async def test_an_order_that_was_paid_says_so(any_world: World) -> None:
    await any_world.paid()

    with pytest.raises(OrderAlreadyPaid):
        await any_world.prepare()


async def test_an_order_that_was_closed_says_so(any_world: World) -> None:
    await any_world.prepare()
    await any_world.pay.close(ORDER_NO)

    with pytest.raises(OrderClosed):
        await any_world.prepare()


async def test_an_expired_number_is_dead(any_world: World) -> None:
    await any_world.prepare()
    any_world.clock.advance(timedelta(minutes=31).total_seconds())

    with pytest.raises(OrderClosed):
        await any_world.prepare()


async def test_an_order_with_other_terms_is_refused(any_world: World) -> None:
    await any_world.prepare(amount_fen=5_000)

    with pytest.raises(ChannelRefused) as refused:
        await any_world.prepare(amount_fen=6_000)

    assert type(refused.value) is ChannelRefused
    assert refused.value.facts["channel_code"] in {"OUT_TRADE_NO_USED", "INVALID_REQUEST"}


@pytest.mark.parametrize(
    "code", ["PARAM_ERROR", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "NO_AUTH", "ACCOUNT_ERROR"]
)
async def test_a_definite_refusal_names_the_channels_code(world_keys: WorldKeys, code: str) -> None:
    world = make_world(world_keys, DoubtfulCodes(changed=Code(403, code, "不可以")))
    await world.prepare(amount_fen=5_000)

    with pytest.raises(ChannelRefused) as refused:
        await world.prepare(amount_fen=6_000)

    assert refused.value.facts["channel_code"] == code


async def test_a_stranger_is_refused(world: World) -> None:
    with pytest.raises(ChannelRefused) as refused:
        await world.pay.prepare(ORDER_NO, Fen(100), "oStranger", world.expires_at, "交电费")

    assert refused.value.facts["channel_code"] == "PARAM_ERROR"


async def test_a_wrong_clock_of_ours_is_a_refusal_of_our_signature(world_keys: WorldKeys) -> None:
    world = make_world(world_keys, we_are_late_by=timedelta(minutes=10))

    with pytest.raises(ChannelRefused) as refused:
        await world.pay.query(ORDER_NO)

    assert refused.value.facts["channel_code"] == "SIGN_ERROR"


async def test_an_unknown_order_is_not_found(world: World) -> None:
    assert (await world.pay.query(ORDER_NO)).state is OrderState.NOT_FOUND


async def test_an_open_order_is_not_paid(world: World) -> None:
    await world.prepare()

    order = await world.pay.query(ORDER_NO)

    assert (order.state, order.paid, order.trade_state) == (OrderState.NOT_PAID, None, "NOTPAY")


async def test_a_paid_order_is_stated_in_full(world: World) -> None:
    await world.paid()

    paid = (await world.pay.query(ORDER_NO)).paid

    assert paid is not None
    truth = world.server.paid_orders()[0]
    assert (paid.order_no, paid.transaction_id) == (ORDER_NO, truth.transaction_id)
    assert (paid.amount_fen, paid.payer_total_fen, paid.currency) == (5_000, 5_000, "CNY")
    assert (paid.openid, paid.paid_at, paid.trade_state) == (OPENID, truth.paid_at, "SUCCESS")
    assert len(paid.raw_digest) == 64


async def test_closing_an_open_order_closes_it(world: World) -> None:
    await world.prepare()

    assert await world.pay.close(ORDER_NO) is CloseResult.CLOSED
    assert (await world.pay.query(ORDER_NO)).state is OrderState.CLOSED


async def test_closing_twice_is_harmless(any_world: World) -> None:
    await any_world.prepare()
    await any_world.pay.close(ORDER_NO)

    assert await any_world.pay.close(ORDER_NO) is CloseResult.CLOSED


async def test_closing_a_paid_order_says_that_the_money_is_there(any_world: World) -> None:
    await any_world.paid()

    assert await any_world.pay.close(ORDER_NO) is CloseResult.PAID_ALREADY


async def test_closing_an_unknown_order_is_not_found(world: World) -> None:
    assert await world.pay.close(ORDER_NO) is CloseResult.NOT_FOUND


async def test_a_refusal_to_close_that_a_query_does_not_explain_is_refused(world_keys: WorldKeys) -> None:
    world = make_world(world_keys, DoubtfulCodes(close_closed=Code(400, "PARAM_ERROR", "不可以")))
    await world.prepare()
    await world.pay.close(ORDER_NO)

    with pytest.raises(ChannelRefused):
        await world.pay.close(ORDER_NO)


async def test_a_closed_order_with_an_ambiguous_code_counts_as_closed(world_keys: WorldKeys) -> None:
    world = make_world(world_keys, DoubtfulCodes(close_closed=Code(400, "INVALID_REQUEST", "不可以")))
    await world.prepare()
    await world.pay.close(ORDER_NO)

    assert await world.pay.close(ORDER_NO) is CloseResult.CLOSED


async def test_an_account_with_certificates_alone_works(world_keys: WorldKeys) -> None:
    world = make_world(world_keys, certificates=True)
    await world.paid()

    assert (await world.pay.query(ORDER_NO)).state is OrderState.PAID


async def test_certificates_and_public_keys_work_side_by_side(world: World) -> None:
    world.server.switches.set(PayFault.CERTIFICATE_SERIAL, rate=0.5)

    for _ in range(8):
        assert (await world.pay.query(ORDER_NO)).state is OrderState.NOT_FOUND


def test_the_phone_gets_parameters_that_wechat_accepts(world: World) -> None:
    given = world.pay.phone_parameters("wx2026")

    message = pay_sign_message(world.settings.appid, given.timeStamp, given.nonceStr, given.package)
    assert is_signed(world.keys.merchant_key.public_key(), message, given.paySign)
    assert (given.package, given.signType, given.timeStamp) == (
        "prepay_id=wx2026",
        "RSA",
        str(int(world.clock.now().timestamp())),
    )
