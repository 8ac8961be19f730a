"""Codes for the customer screen, against a simulated WeChat Pay whose phones scan and pay."""

import json

import pytest

from backend.errors import ChannelRefused, ChannelUnsure
from backend.payments.port import (
    CallbackReason,
    CallbackRefused,
    CloseResult,
    OrderAlreadyPaid,
    OrderClosed,
    OrderState,
)
from common.units import Fen
from simulator.pay_faults import PayFault
from simulator.pay_orders import PayError
from tests.payments.conftest import OPENID, ORDER_NO, World


async def prepare(world: World, amount_fen: int = 5_000) -> str:
    return await world.pay.prepare_native(ORDER_NO, Fen(amount_fen), world.expires_at, "交电费 A101")


async def test_an_order_for_anybody_gets_a_code_and_names_no_payer(world: World) -> None:
    code_url = await prepare(world)

    asked = json.loads(world.sent[0].content)
    assert world.sent[0].url.path == "/v3/pay/transactions/native"
    assert code_url.startswith("weixin://wxpay/bizpayurl?pr=")
    assert "payer" not in asked
    assert asked["amount"] == {"total": 5_000, "currency": "CNY"}


async def test_whoever_scans_it_pays_and_is_stated(world: World) -> None:
    world.server.pay(await prepare(world), OPENID)

    order = await world.pay.query(ORDER_NO)

    assert order.state is OrderState.PAID
    assert order.paid is not None
    assert (order.paid.openid, order.paid.amount_fen) == (OPENID, 5_000)


async def test_its_callback_opens_as_any_other_and_states_the_same(world: World) -> None:
    world.server.pay(await prepare(world), OPENID)

    paid = world.pay.open_callback(*world.server.callbacks.callback(world.server.book.by_number(ORDER_NO)))

    order = await world.pay.query(ORDER_NO)
    assert order.paid is not None
    assert (paid.transaction_id, paid.amount_fen, paid.openid) == (
        order.paid.transaction_id,
        order.paid.amount_fen,
        order.paid.openid,
    )


async def test_a_forged_callback_about_it_is_not_opened(world: World) -> None:
    world.server.pay(await prepare(world), OPENID)
    headers, body = world.server.callbacks.callback(world.server.book.by_number(ORDER_NO))

    for forged in (body.replace(b"transaction", b"transactioN", 1), body[:-1]):
        with pytest.raises(CallbackRefused) as refused:
            world.pay.open_callback(headers, forged)
        assert refused.value.reason is CallbackReason.BAD_SIGNATURE


async def test_a_phone_without_a_person_cannot_pay_it(world: World) -> None:
    code_url = await prepare(world)

    for openid in (None, "oNobody"):
        with pytest.raises(PayError):
            world.server.pay(code_url, openid)

    assert (await world.pay.query(ORDER_NO)).state is OrderState.NOT_PAID


async def test_the_same_order_again_gets_another_code_for_the_same_order(world: World) -> None:
    first, second = await prepare(world), await prepare(world)

    world.server.pay(first, OPENID)
    with pytest.raises(PayError):
        world.server.pay(second, OPENID)

    assert len(world.server.paid_orders()) == 1


async def test_other_terms_paid_and_closed_are_told_apart(any_world: World) -> None:
    code_url = await prepare(any_world)
    with pytest.raises(ChannelRefused):
        await prepare(any_world, 6_000)

    any_world.server.pay(code_url, OPENID)
    with pytest.raises(OrderAlreadyPaid):
        await prepare(any_world)


async def test_a_closed_code_cannot_be_paid(any_world: World) -> None:
    code_url = await prepare(any_world)

    assert await any_world.pay.close(ORDER_NO) is CloseResult.CLOSED
    with pytest.raises(PayError):
        any_world.server.pay(code_url, OPENID)
    with pytest.raises(OrderClosed):
        await prepare(any_world)


async def test_an_answer_that_is_lost_leaves_it_unsure_and_the_retry_finds_it(world: World) -> None:
    world.server.switches.set(PayFault.ERROR_AFTER_TAKING)
    with pytest.raises(ChannelUnsure):
        await prepare(world)
    world.server.switches.clear(PayFault.ERROR_AFTER_TAKING)

    assert (await prepare(world)).startswith("weixin://")
