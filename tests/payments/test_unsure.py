"""When WeChat Pay is silent, busy or not to be trusted, the outcome is unknown and never a failure."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from backend.errors import ChannelUnsure
from backend.payments.port import OrderState
from backend.payments.wechat_calls import ANSWER_LIMIT_BYTES, TRIES
from backend.payments.wechat_pay import WechatPay
from common.clock import LoopClock, run_virtual
from common.units import Fen
from simulator.in_memory import InMemoryTransport
from simulator.keys import WorldKeys
from simulator.pay_faults import PayFault
from simulator.pay_server import PayServer
from tests.payments.conftest import ORDER_NO, STARTED_AT, World, channel_keys, nobody_listens, pay_settings

BAD_DAYS = [
    (PayFault.DOWN, 0.0),
    (PayFault.SYSTEM_ERROR, 0.0),
    (PayFault.FREQUENCY_LIMITED, 0.0),
    (PayFault.UNSIGNED_ANSWER, 0.0),
    (PayFault.PROBE_IN_ANSWER, 0.0),
    (PayFault.CLOCK_SKEW, 301.0),
    (PayFault.CLOCK_SKEW, -301.0),
]


@pytest.mark.parametrize(("fault", "value"), BAD_DAYS)
async def test_an_order_is_unsure_while_the_channel_is_in_doubt(
    world: World, fault: PayFault, value: float
) -> None:
    world.server.switches.set(fault, value=value)

    with pytest.raises(ChannelUnsure):
        await world.prepare()

    assert len(world.sent) == TRIES


@pytest.mark.parametrize(("fault", "value"), BAD_DAYS)
async def test_one_bad_answer_is_asked_again(world: World, fault: PayFault, value: float) -> None:
    world.server.switches.set(fault, value=value, times=1)

    assert await world.prepare()


@pytest.mark.parametrize(("fault", "value"), BAD_DAYS)
async def test_a_query_never_says_not_found_while_the_channel_is_in_doubt(
    world: World, fault: PayFault, value: float
) -> None:
    world.server.switches.set(fault, value=value)

    with pytest.raises(ChannelUnsure):
        await world.pay.query(ORDER_NO)


async def test_an_order_taken_with_an_error_is_found_by_the_retry(world: World) -> None:
    world.server.switches.set(PayFault.ERROR_AFTER_TAKING, times=1)

    assert await world.prepare()
    assert len(world.server.book.orders) == 1


async def test_a_close_is_unsure_while_the_channel_is_silent(world: World) -> None:
    await world.prepare()
    world.server.switches.set(PayFault.DOWN)

    with pytest.raises(ChannelUnsure):
        await world.pay.close(ORDER_NO)


def test_a_slow_answer_is_unsure_and_costs_a_bounded_time(world_keys: WorldKeys) -> None:
    async def main() -> float:
        clock = LoopClock(STARTED_AT)
        server = PayServer(world_keys, clock, nobody_listens, random_=random.Random(1))
        server.switches.set(PayFault.SLOW_ANSWER, value=60.0)
        async with httpx.AsyncClient(
            trust_env=False, transport=InMemoryTransport({"pay.test": server})
        ) as client:
            pay = WechatPay(pay_settings(world_keys), client, clock, random.Random(2))
            with pytest.raises(ChannelUnsure):
                await pay.query(ORDER_NO)
        return asyncio.get_running_loop().time()

    assert run_virtual(main) < 17


Handler = Callable[[httpx.Request], httpx.Response]


def channel_to(world: World, handler: Handler) -> WechatPay:
    """A channel whose other end is no WeChat Pay at all."""
    client = httpx.AsyncClient(trust_env=False, transport=httpx.MockTransport(handler))
    return WechatPay(
        world.settings, client, world.clock, random.Random(3), channel_keys(world.keys.merchant_key_file)
    )


def signed(world: World, status: int, body: bytes) -> httpx.Response:
    return httpx.Response(status, content=body, headers=world.server.signer.headers(body, None))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"prepay_id":""}'),
        (200, b"[]"),
        (200, b"no json"),
        (302, b""),
        (403, b"blocked by a firewall"),
        (400, b'{"message":"no code"}'),
        (502, b'{"code":"ORDER_NOT_EXIST"}'),
    ],
)
async def test_a_signed_answer_without_sense_is_unsure(world: World, status: int, body: bytes) -> None:
    pay = channel_to(world, lambda _: signed(world, status, body))

    with pytest.raises(ChannelUnsure):
        await pay.prepare(ORDER_NO, Fen(100), "o1", world.expires_at, "交电费")


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDER_CLOSED", "NO_AUTH"])
async def test_an_unsigned_refusal_is_not_believed(world: World, code: str) -> None:
    pay = channel_to(world, lambda _: httpx.Response(404, json={"code": code, "message": ""}))

    with pytest.raises(ChannelUnsure):
        await pay.query(ORDER_NO)


async def test_an_answer_changed_on_the_way_is_not_believed(world: World) -> None:
    def change(_: httpx.Request) -> httpx.Response:
        real = signed(world, 404, b'{"code":"NO_AUTH","message":""}')
        return httpx.Response(404, content=b'{"code":"ORDER_NOT_EXIST"}', headers=real.headers)

    with pytest.raises(ChannelUnsure):
        await channel_to(world, change).query(ORDER_NO)


async def test_an_answer_about_another_order_is_unsure(world: World) -> None:
    await world.paid("PW2026030200002")
    body = await _answer_of(world, "PW2026030200002")

    with pytest.raises(ChannelUnsure):
        await channel_to(world, lambda _: signed(world, 200, body)).query(ORDER_NO)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"currency":"CNY"', b'"currency":"USD"'),
        (b'"total":5000', b'"total":-1'),
        (b'"transaction_id":"4', b'"other_id":"4'),
        (b'"openid":"oUser1"', b'"openid":""'),
        (b'+08:00"', b'"'),
    ],
)
async def test_a_payment_that_cannot_be_stated_in_full_is_unsure(
    world: World, old: bytes, new: bytes
) -> None:
    await world.paid()
    body = await _answer_of(world, ORDER_NO)
    assert old in body

    with pytest.raises(ChannelUnsure):
        await channel_to(world, lambda _: signed(world, 200, body.replace(old, new))).query(ORDER_NO)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("REFUND", OrderState.REFUNDED),
        ("REVOKED", OrderState.OTHER),
        ("USERPAYING", OrderState.OTHER),
        ("PAYERROR", OrderState.OTHER),
        ("NEW_WORD", OrderState.OTHER),
    ],
)
async def test_the_channels_states_are_told_apart(world: World, word: str, state: OrderState) -> None:
    await world.paid()
    body = (await _answer_of(world, ORDER_NO)).replace(b'"SUCCESS"', f'"{word}"'.encode())

    order = await channel_to(world, lambda _: signed(world, 200, body)).query(ORDER_NO)

    assert (order.state, order.trade_state, order.paid is not None) == (
        state,
        word,
        state is OrderState.REFUNDED,
    )


async def test_an_endless_answer_is_cut(world: World) -> None:
    served = 0

    async def drip() -> AsyncIterator[bytes]:
        nonlocal served
        while True:
            served += 65_536
            yield b"x" * 65_536

    with pytest.raises(ChannelUnsure):
        await channel_to(world, lambda _: httpx.Response(200, content=drip())).query(ORDER_NO)

    assert served <= TRIES * (ANSWER_LIMIT_BYTES + 65_536)


async def _answer_of(world: World, order_no: str) -> bytes:
    return json.dumps(
        world.server.book.view(world.server.book.by_number(order_no)), separators=(",", ":")
    ).encode()
