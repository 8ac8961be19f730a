"""Callbacks with their retries, and every fault that WeChat Pay can be told to have."""

import json
from itertools import pairwise
from typing import Any

import httpx
import pytest

from simulator import pay_crypto
from simulator.keys import WorldKeys
from simulator.pay_callbacks import RETRY_AFTER_S
from simulator.pay_faults import PayFault
from tests.simulation_wechat.helpers import START, Call, Play, play

ORDER_NO = "PW000001"


def _is_genuine(keys: WorldKeys, headers: Any, body: bytes) -> bool:
    by_serial = {
        keys.names.public_key_id: keys.platform_key,
        keys.platform_serial: keys.certificate_key,
    }
    message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
    key = by_serial[headers["Wechatpay-Serial"]].public_key()
    return pay_crypto.is_signed(key, message, headers["Wechatpay-Signature"])


def _opened(keys: WorldKeys, call: Call) -> Any:
    resource = json.loads(call.body)["resource"]
    return json.loads(
        pay_crypto.unseal(
            keys.names.apiv3_key, resource["ciphertext"], resource["nonce"], resource["associated_data"]
        )
    )


def _after_paying(keys: WorldKeys, fault: PayFault | None = None, value: float = 0, **more: Any) -> Play:
    async def scene(p: Play) -> Play:
        if fault is not None:
            p.world.pay.switches.set(fault, subject=ORDER_NO, value=value, **more)
        await p.paid()
        await p.world.settle()
        return p

    result: Play = play(keys, scene)
    return result


def test_a_payment_is_called_back_once_when_it_is_taken(keys: WorldKeys) -> None:
    (call,) = _after_paying(keys).product.payments

    assert _is_genuine(keys, call.headers, call.body)
    assert _opened(keys, call)["amount"]["total"] == 10_000


def test_a_callback_that_is_refused_comes_again_on_the_channels_clock(keys: WorldKeys) -> None:
    async def scene(p: Play) -> list[float]:
        p.product.statuses = [500] * len(RETRY_AFTER_S) + [503]
        await p.paid()
        await p.world.settle()
        return [(call.at - START).total_seconds() for call in p.product.payments]

    times = play(keys, scene)

    assert [round(after - before) for before, after in pairwise(times)] == list(RETRY_AFTER_S)
    assert sum(RETRY_AFTER_S) == 24 * 3600 + 4 * 60


def test_a_slow_answer_counts_as_none(keys: WorldKeys) -> None:
    async def scene(p: Play) -> list[int]:
        p.product.delay_s = 6.0
        await p.paid()
        await p.clock.sleep(7)
        p.product.delay_s = 0.0
        await p.world.settle()
        return [each.status for each in p.world.pay.callbacks.deliveries]

    assert play(keys, scene) == [0, 204]


def test_an_event_keeps_its_id_over_all_deliveries(keys: WorldKeys) -> None:
    p = _after_paying(keys, PayFault.CALLBACK_DOUBLED, 2)
    assert len({json.loads(call.body)["id"] for call in p.product.payments}) == 1
    assert len(p.product.payments) == 2


def test_a_dropped_callback_comes_fifteen_seconds_later(keys: WorldKeys) -> None:
    (call,) = _after_paying(keys, PayFault.CALLBACK_DROPPED, times=1).product.payments
    assert (call.at - START).total_seconds() == 15


def test_a_late_callback_waits(keys: WorldKeys) -> None:
    (call,) = _after_paying(keys, PayFault.CALLBACK_LATE, 3600).product.payments
    assert (call.at - START).total_seconds() == 3600


def test_ten_copies_can_arrive_at_once(keys: WorldKeys) -> None:
    p = _after_paying(keys, PayFault.CALLBACK_AT_ONCE, 10)
    assert [call.at for call in p.product.payments] == [START] * 10


def test_a_probe_goes_before_the_real_callback_and_does_not_verify(keys: WorldKeys) -> None:
    probe, real = _after_paying(keys, PayFault.PROBE_IN_CALLBACK).product.payments

    assert probe.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    assert not _is_genuine(keys, probe.headers, probe.body)
    assert _is_genuine(keys, real.headers, real.body)


def test_a_wrong_amount_is_in_the_callback_alone(keys: WorldKeys) -> None:
    p = _after_paying(keys, PayFault.WRONG_AMOUNT, 7)
    assert _opened(keys, p.product.payments[0])["amount"]["total"] == 10_007
    assert p.world.pay.paid_orders()[0].amount_fen == 10_000


def test_a_skewed_clock_shows_in_the_timestamp(keys: WorldKeys) -> None:
    (call,) = _after_paying(keys, PayFault.CLOCK_SKEW, -900).product.payments
    assert int(call.headers["Wechatpay-Timestamp"]) == int(START.timestamp()) - 900
    assert _is_genuine(keys, call.headers, call.body)


def test_a_callback_can_be_signed_with_the_platform_certificate(keys: WorldKeys) -> None:
    (call,) = _after_paying(keys, PayFault.CERTIFICATE_SERIAL).product.payments
    assert call.headers["Wechatpay-Serial"] == keys.platform_serial
    assert _is_genuine(keys, call.headers, call.body)


def test_a_callback_can_come_before_the_order_is_answered(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        p.world.pay.switches.set(PayFault.CALLBACK_BEFORE_ANSWER)
        p.product.delay_s = 1.0
        await p.placed()
        return p.product.payments[0].at, p.clock.now()

    called_at, answered_at = play(keys, scene)

    assert (answered_at - called_at).total_seconds() == 1


def test_an_order_can_be_taken_and_answered_by_500(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        p.world.pay.switches.set(PayFault.ERROR_AFTER_TAKING, times=1)
        order = p.merchant.order(ORDER_NO, p.tenant.openid)
        first = await p.merchant.prepay(order)
        known = (await p.merchant.query(ORDER_NO)).json()["trade_state"]
        return first.status_code, known, (await p.merchant.prepay(order)).status_code

    assert play(keys, scene) == (500, "NOTPAY", 200)


def test_a_payment_can_count_after_the_merchant_has_closed(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        p.world.pay.switches.set(PayFault.PAID_AFTER_CLOSE, value=30, times=1)
        await p.paid()
        before = (await p.merchant.query(ORDER_NO)).json()["trade_state"]
        closed = (await p.merchant.close(ORDER_NO)).status_code
        between = (await p.merchant.query(ORDER_NO)).json()["trade_state"]
        await p.world.settle()
        after = (await p.merchant.query(ORDER_NO)).json()["trade_state"]
        return before, closed, between, after, (p.product.payments[0].at - START).total_seconds()

    assert play(keys, scene) == ("NOTPAY", 204, "CLOSED", "SUCCESS", 30)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(PayFault.FREQUENCY_LIMITED, 429), (PayFault.SYSTEM_ERROR, 500)],
)
def test_a_refusing_channel_does_nothing(keys: WorldKeys, fault: PayFault, expected: int) -> None:
    async def scene(p: Play) -> Any:
        p.world.pay.switches.set(fault)
        answer = await p.merchant.prepay(p.merchant.order(ORDER_NO, p.tenant.openid))
        return answer.status_code, p.world.pay.book.orders

    assert play(keys, scene) == (expected, {})


def test_a_channel_that_is_down_cuts_the_connection(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        p.world.pay.switches.set(PayFault.DOWN)
        await p.merchant.query(ORDER_NO)

    with pytest.raises(httpx.RemoteProtocolError):
        play(keys, scene)


def test_a_slow_channel_takes_the_order_though_its_client_has_gone(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        p.world.pay.switches.set(PayFault.SLOW_ANSWER, value=60, times=1)
        with pytest.raises(httpx.ReadTimeout):
            await p.placed()
        return p.clock.monotonic(), (await p.merchant.query(ORDER_NO)).json()["trade_state"]

    assert play(keys, scene) == (5.0, "NOTPAY")


def test_answers_are_signed_unless_told_otherwise(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        await p.placed()
        answers = [await p.merchant.query(ORDER_NO)]
        for fault in (PayFault.PROBE_IN_ANSWER, PayFault.UNSIGNED_ANSWER):
            p.world.pay.switches.clear()
            p.world.pay.switches.set(fault)
            answers.append(await p.merchant.query(ORDER_NO))
        return answers

    good, probe, bare = play(keys, scene)

    assert _is_genuine(keys, good.headers, good.content)
    assert not _is_genuine(keys, probe.headers, probe.content)
    assert "Wechatpay-Signature" not in bare.headers


def test_a_fault_strikes_at_its_rate_and_the_same_way_for_a_seed(keys: WorldKeys) -> None:
    async def scene(p: Play) -> list[bool]:
        p.world.pay.switches.set(PayFault.SYSTEM_ERROR, rate=0.3)
        return [(await p.merchant.query(ORDER_NO)).status_code == 500 for _ in range(60)]

    struck = play(keys, scene, seed=4)

    assert 8 <= sum(struck) <= 28
    assert struck == play(keys, scene, seed=4)
