"""Ordering, asking, paying and closing at the simulated WeChat Pay."""

from typing import Any

import pytest

from simulator.keys import WorldKeys
from simulator.pay_faults import OLDER_ACCOUNT
from simulator.pay_orders import PayError
from tests.simulation_wechat.helpers import Play, play

ORDER_NO = "PW000001"


def test_a_paid_order_is_success_to_the_fen(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        await p.paid(ORDER_NO, 12_345)
        return (await p.merchant.query(ORDER_NO)).json()

    told = play(keys, scene)

    assert told["trade_state"] == "SUCCESS"
    assert told["amount"] == {
        "total": 12_345,
        "currency": "CNY",
        "payer_total": 12_345,
        "payer_currency": "CNY",
    }
    assert told["success_time"] == "2026-03-02T10:00:00+08:00"


def test_truth_lists_what_was_paid_and_nothing_else(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        await p.placed("PW000002", 500)
        await p.paid(ORDER_NO, 12_345)
        return p.world.pay.paid_orders()

    (paid,) = play(keys, scene)

    assert (paid.out_trade_no, paid.amount_fen) == (ORDER_NO, 12_345)


def test_the_same_order_again_gets_a_fresh_prepay_id_of_the_same_order(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        first, second = await p.placed(), await p.placed()
        p.world.pay.pay(first)
        with pytest.raises(PayError, match="ORDERPAID"):
            p.world.pay.pay(second)
        return first != second, len(p.world.pay.paid_orders())

    assert play(keys, scene) == (True, 1)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": {"total": 0, "currency": "CNY"}}, 400, "PARAM_ERROR"),
        ({"amount": {"total": 1.5, "currency": "CNY"}}, 400, "PARAM_ERROR"),
        ({"amount": {"total": 1, "currency": "USD"}}, 400, "PARAM_ERROR"),
        ({"out_trade_no": "short"}, 400, "PARAM_ERROR"),
        ({"notify_url": "http://shop.example.cn/callback"}, 400, "PARAM_ERROR"),
        ({"notify_url": "https://shop.example.cn/callback?a=1"}, 400, "PARAM_ERROR"),
        ({"time_expire": "2026-03-02T10:10:00"}, 400, "PARAM_ERROR"),
        ({"payer": {"openid": "o-nobody"}}, 400, "PARAM_ERROR"),
        ({"description": ""}, 400, "PARAM_ERROR"),
        ({"appid": "wx0000000000000000"}, 400, "APPID_MCHID_NOT_MATCH"),
    ],
)
def test_an_order_that_is_wrong_is_refused(
    keys: WorldKeys, changes: dict[str, Any], status: int, code: str
) -> None:
    async def scene(p: Play) -> Any:
        answer = await p.merchant.prepay(p.merchant.order(ORDER_NO, p.tenant.openid) | changes)
        return answer.status_code, answer.json()["code"], len(p.world.pay.book.orders)

    assert play(keys, scene) == (status, code, 0)


async def _changed(p: Play) -> Any:
    await p.placed(ORDER_NO, 100)
    return await p.merchant.prepay(p.merchant.order(ORDER_NO, p.tenant.openid, 200))


async def _paid(p: Play) -> Any:
    await p.paid()
    return await p.merchant.prepay(p.merchant.order(ORDER_NO, p.tenant.openid))


async def _closed(p: Play) -> Any:
    await p.placed()
    await p.merchant.close(ORDER_NO)
    return await p.merchant.prepay(p.merchant.order(ORDER_NO, p.tenant.openid))


async def _expired(p: Play) -> Any:
    order = p.merchant.order(ORDER_NO, p.tenant.openid)
    await p.merchant.prepay(order)
    await p.clock.sleep(601)
    return await p.merchant.prepay(order)


async def _unknown(p: Play) -> Any:
    return await p.merchant.query("PW999999")


async def _close_paid(p: Play) -> Any:
    await p.paid()
    return await p.merchant.close(ORDER_NO)


@pytest.mark.parametrize(
    ("scene", "status", "code"),
    [
        (_changed, 403, "OUT_TRADE_NO_USED"),
        (_paid, 400, "INVALID_REQUEST"),
        (_closed, 400, "ORDER_CLOSED"),
        (_expired, 400, "INVALID_REQUEST"),
        (_unknown, 404, "ORDER_NOT_EXIST"),
        (_close_paid, 400, "INVALID_REQUEST"),
    ],
)
def test_each_dead_end_has_the_channels_code(keys: WorldKeys, scene: Any, status: int, code: str) -> None:
    answer = play(keys, scene)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_older_account_says_orderpaid(keys: WorldKeys) -> None:
    assert play(keys, _paid, codes=OLDER_ACCOUNT).json()["code"] == "ORDERPAID"


def test_closing_twice_is_harmless(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        await p.placed()
        first, second = await p.merchant.close(ORDER_NO), await p.merchant.close(ORDER_NO)
        state = (await p.merchant.query(ORDER_NO)).json()["trade_state"]
        return first.status_code, first.content, second.status_code, state

    assert play(keys, scene) == (204, b"", 204, "CLOSED")


def test_a_prepay_id_ends_after_two_hours(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        order = p.merchant.order(ORDER_NO, p.tenant.openid)
        del order["time_expire"]
        answer = await p.merchant.prepay(order)
        await p.clock.sleep(2 * 3600 + 1)
        p.world.pay.pay(answer.json()["prepay_id"])

    with pytest.raises(PayError, match="ORDER_EXPIRED"):
        play(keys, scene)


def test_another_persons_phone_cannot_pay(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        p.world.pay.pay(await p.placed(), openid=p.world.people.meet("别人").openid)

    with pytest.raises(PayError, match="PAYER_MISMATCH"):
        play(keys, scene)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"mchid": "1600000000"},
        {"serial_no": "ABCDEF"},
        {"signature": "QUJD"},
        {"timestamp": 1_500_000_000},
        {"signature": ""},
    ],
)
def test_a_request_not_signed_as_the_merchant_is_refused(keys: WorldKeys, spoilt: dict[str, Any]) -> None:
    async def scene(p: Play) -> Any:
        order = p.merchant.order(ORDER_NO, p.tenant.openid)
        answer = await p.merchant.send("POST", "/v3/pay/transactions/jsapi", order, **spoilt)
        return answer.status_code, answer.json()["code"], p.world.pay.book.orders

    assert play(keys, scene) == (401, "SIGN_ERROR", {})


def test_a_nonce_is_good_once(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        target = "/v3/certificates"
        await p.merchant.send("GET", target, nonce_str="same")
        return (await p.merchant.send("GET", target, nonce_str="same")).status_code

    assert play(keys, scene) == 401
