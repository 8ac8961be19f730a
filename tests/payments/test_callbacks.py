"""Callbacks: every reason to refuse one is provoked, and a genuine one is stated exactly."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.payments.port import CALLBACK_STATUS, CallbackReason, CallbackRefused
from backend.payments.wechat_pay import CALLBACK_LIMIT_BYTES, WechatPay
from simulator.keys import WorldKeys
from simulator.pay_callbacks import Event, compose_callback
from simulator.pay_faults import PayFault
from tests.payments.conftest import OPENID, ORDER_NO, World, make_world

Headers = dict[str, str]
FOR_THE_SERVICE = {CallbackReason.UNKNOWN_ORDER, CallbackReason.WRONG_AMOUNT, CallbackReason.WRONG_PAYER}


async def genuine(world: World) -> tuple[Headers, bytes]:
    await world.paid()
    return world.server.callbacks.callback(world.server.book.by_number(ORDER_NO))


def sealed(world: World, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A callback body about the paid order, changed before it is sealed."""
    view = world.server.book.view(world.server.book.by_number(ORDER_NO))
    change(view)
    return compose_callback(world.keys.names.apiv3_key, view, Event("EV-1", world.clock.now()), "n" * 12)


def envelope(body: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(body) | changes).encode()


def resource(body: bytes, **changes: Any) -> bytes:
    return envelope(body, resource=json.loads(body)["resource"] | changes)


def refusal(world: World, headers: Headers, body: bytes) -> CallbackReason:
    with pytest.raises(CallbackRefused) as refused:
        world.pay.open_callback(headers, body)
    assert refused.value.status == CALLBACK_STATUS[refused.value.reason]
    return refused.value.reason


async def test_a_genuine_callback_states_the_payment(world: World) -> None:
    headers, body = await genuine(world)

    paid = world.pay.open_callback(headers, body)

    truth = world.server.paid_orders()[0]
    assert (paid.order_no, paid.transaction_id) == (ORDER_NO, truth.transaction_id)
    assert (paid.amount_fen, paid.payer_total_fen, paid.currency) == (5_000, 5_000, "CNY")
    assert (paid.openid, paid.paid_at) == (OPENID, truth.paid_at)


async def test_callback_and_query_state_the_same_payment(world: World) -> None:
    headers, body = await genuine(world)

    called = world.pay.open_callback(headers, body)
    asked = (await world.pay.query(ORDER_NO)).paid

    assert asked is not None
    assert (called.transaction_id, called.amount_fen, called.openid, called.paid_at) == (
        asked.transaction_id,
        asked.amount_fen,
        asked.openid,
        asked.paid_at,
    )


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
async def test_header_names_may_be_spelt_in_any_case(world: World, spell: Callable[[str], str]) -> None:
    headers, body = await genuine(world)

    paid = world.pay.open_callback({spell(name): value for name, value in headers.items()}, body)

    assert paid.order_no == ORDER_NO


async def test_a_coupon_makes_the_payer_spend_less(world: World) -> None:
    await genuine(world)
    body = sealed(world, lambda view: view["amount"].update(payer_total=4_200))

    paid = world.pay.open_callback(world.server.signer.headers(body, None), body)

    assert (paid.amount_fen, paid.payer_total_fen) == (5_000, 4_200)


async def test_a_callback_signed_with_the_certificate_is_genuine(world_keys: WorldKeys) -> None:
    world = make_world(world_keys, certificates=True)

    headers, body = await genuine(world)

    assert world.pay.open_callback(headers, body).order_no == ORDER_NO


async def test_a_probe_is_told_apart_from_an_attack(world: World) -> None:
    await world.paid()
    order = world.server.book.by_number(ORDER_NO)

    headers, body = world.server.callbacks.callback(order, probe=True)

    assert refusal(world, headers, body) is CallbackReason.PROBE


async def test_a_huge_body_is_refused_before_anything_is_read(world: World) -> None:
    assert refusal(world, {}, b"x" * (CALLBACK_LIMIT_BYTES + 1)) is CallbackReason.TOO_LARGE


@pytest.mark.parametrize(
    "name", ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"]
)
async def test_a_missing_header_is_refused(world: World, name: str) -> None:
    headers, body = await genuine(world)
    del headers[name]

    assert refusal(world, headers, body) is CallbackReason.MISSING_HEADER


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Wechatpay-Timestamp", "-1"),
        ("Wechatpay-Timestamp", "1772416800.5"),
        ("Wechatpay-Timestamp", "9" * 13),
        ("Wechatpay-Timestamp", "٣"),
        ("Wechatpay-Nonce", "n" * 129),
        ("Wechatpay-Serial", "5" * 129),
        ("Wechatpay-Signature", "A" * 1_025),
        ("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"),
    ],
)
async def test_an_impossible_header_is_refused(world: World, name: str, value: str) -> None:
    headers, body = await genuine(world)

    assert refusal(world, headers | {name: value}, body) is CallbackReason.BAD_HEADER


@pytest.mark.parametrize("skew_s", [-301.0, 301.0])
async def test_an_old_or_future_callback_is_stale(world: World, skew_s: float) -> None:
    await world.paid()
    world.server.switches.set(PayFault.CLOCK_SKEW, value=skew_s)
    headers, body = world.server.callbacks.callback(world.server.book.by_number(ORDER_NO))

    assert refusal(world, headers, body) is CallbackReason.STALE


@pytest.mark.parametrize("skew_s", [-299.0, 299.0])
async def test_a_clock_a_little_off_is_forgiven(world: World, skew_s: float) -> None:
    await world.paid()
    world.server.switches.set(PayFault.CLOCK_SKEW, value=skew_s)
    headers, body = world.server.callbacks.callback(world.server.book.by_number(ORDER_NO))

    assert world.pay.open_callback(headers, body).order_no == ORDER_NO


@pytest.mark.parametrize("serial", ["PUB_KEY_ID_other", "5A5A5A", "nobody"])
async def test_an_unknown_serial_is_refused_without_any_call(world: World, serial: str) -> None:
    headers, body = await genuine(world)
    world.sent.clear()

    assert refusal(world, headers | {"Wechatpay-Serial": serial}, body) is CallbackReason.UNKNOWN_SERIAL
    assert world.sent == []


@pytest.mark.parametrize("signature", ["AAAA", "not base64!", "A" * 344])
async def test_a_wrong_signature_is_refused(world: World, signature: str) -> None:
    headers, body = await genuine(world)

    assert refusal(world, headers | {"Wechatpay-Signature": signature}, body) is CallbackReason.BAD_SIGNATURE


async def test_a_body_changed_by_one_byte_is_refused(world: World) -> None:
    headers, body = await genuine(world)

    assert refusal(world, headers, body + b" ") is CallbackReason.BAD_SIGNATURE


async def test_a_signature_of_the_other_key_is_refused(world: World) -> None:
    headers, body = await genuine(world)

    swapped = headers | {"Wechatpay-Serial": world.keys.platform_serial}

    assert refusal(world, swapped, body) is CallbackReason.BAD_SIGNATURE


SIGNED_NONSENSE: list[tuple[str, Callable[[bytes], bytes], CallbackReason]] = [
    ("not json", lambda body: b"{", CallbackReason.NOT_JSON),
    ("not utf-8", lambda body: b"\xff\xfe", CallbackReason.NOT_JSON),
    ("empty", lambda body: b"", CallbackReason.NOT_JSON),
    ("a refund", lambda body: envelope(body, event_type="REFUND.SUCCESS"), CallbackReason.OTHER_EVENT),
    ("an echo", lambda body: b'{"event_type":"SECURITY_ECHO.SUCCESS"}', CallbackReason.OTHER_EVENT),
    ("a list", lambda body: b"[]", CallbackReason.WRONG_RESOURCE),
    ("no resource", lambda body: envelope(body, resource=None), CallbackReason.WRONG_RESOURCE),
    ("an odd resource", lambda body: envelope(body, resource=[]), CallbackReason.WRONG_RESOURCE),
    ("in plain", lambda body: envelope(body, resource_type="plain"), CallbackReason.WRONG_RESOURCE),
    ("another algorithm", lambda body: resource(body, algorithm="SM4"), CallbackReason.WRONG_RESOURCE),
    ("another type", lambda body: resource(body, original_type="refund"), CallbackReason.WRONG_RESOURCE),
    ("a short nonce", lambda body: resource(body, nonce="n"), CallbackReason.BAD_CIPHER),
    ("another nonce", lambda body: resource(body, nonce="m" * 12), CallbackReason.BAD_CIPHER),
    ("no associated data", lambda body: resource(body, associated_data=None), CallbackReason.BAD_CIPHER),
    ("no base64", lambda body: resource(body, ciphertext="!"), CallbackReason.BAD_CIPHER),
    ("a cut cipher", lambda body: resource(body, ciphertext="AAAA"), CallbackReason.BAD_CIPHER),
]


@pytest.mark.parametrize(
    ("change", "reason"), [case[1:] for case in SIGNED_NONSENSE], ids=[case[0] for case in SIGNED_NONSENSE]
)
async def test_signed_nonsense_is_refused_by_its_reason(
    world: World, change: Callable[[bytes], bytes], reason: CallbackReason
) -> None:
    _, body = await genuine(world)
    changed = change(body)

    assert refusal(world, world.server.signer.headers(changed, None), changed) is reason


def _set(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda view: view.update(changes)


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    def change(view: dict[str, Any]) -> None:
        del view[name]

    return change


WRONG_PAYMENTS: list[tuple[str, Callable[[dict[str, Any]], None], CallbackReason]] = [
    ("another merchant", _set(mchid="1"), CallbackReason.WRONG_MERCHANT),
    ("another app", _set(appid="wx1"), CallbackReason.WRONG_APP),
    ("dollars", _set(amount={"total": 5_000, "currency": "USD"}), CallbackReason.WRONG_CURRENCY),
    ("not paid", _set(trade_state="NOTPAY"), CallbackReason.NOT_SUCCESS),
    ("a refund", _set(trade_state="REFUND"), CallbackReason.NOT_SUCCESS),
    ("no amount", _without("amount"), CallbackReason.WRONG_PLAINTEXT),
    ("a float", _set(amount={"total": 50.5, "currency": "CNY"}), CallbackReason.WRONG_PLAINTEXT),
    ("nothing", _set(amount={"total": 0, "currency": "CNY"}), CallbackReason.WRONG_PLAINTEXT),
    ("a text", _set(amount={"total": "5000", "currency": "CNY"}), CallbackReason.WRONG_PLAINTEXT),
    ("no transaction", _without("transaction_id"), CallbackReason.WRONG_PLAINTEXT),
    ("no order", _without("out_trade_no"), CallbackReason.WRONG_PLAINTEXT),
    ("no payer", _without("payer"), CallbackReason.WRONG_PLAINTEXT),
    ("no time", _without("success_time"), CallbackReason.WRONG_PLAINTEXT),
    ("no zone", _set(success_time="2026-03-02T10:00:00"), CallbackReason.WRONG_PLAINTEXT),
]


@pytest.mark.parametrize(
    ("change", "reason"), [case[1:] for case in WRONG_PAYMENTS], ids=[case[0] for case in WRONG_PAYMENTS]
)
async def test_a_genuine_callback_about_a_wrong_payment_is_refused(
    world: World, change: Callable[[dict[str, Any]], None], reason: CallbackReason
) -> None:
    await genuine(world)
    body = sealed(world, change)

    assert refusal(world, world.server.signer.headers(body, None), body) is reason


def test_every_reason_of_the_channel_is_provoked_here() -> None:
    provoked = {case[2] for case in SIGNED_NONSENSE} | {case[2] for case in WRONG_PAYMENTS}
    by_signature = {
        CallbackReason.TOO_LARGE,
        CallbackReason.MISSING_HEADER,
        CallbackReason.BAD_HEADER,
        CallbackReason.PROBE,
        CallbackReason.STALE,
        CallbackReason.UNKNOWN_SERIAL,
        CallbackReason.BAD_SIGNATURE,
    }
    assert provoked | by_signature | FOR_THE_SERVICE == set(CallbackReason)


@pytest.fixture(scope="session")
def any_channel(world_keys: WorldKeys) -> WechatPay:
    return make_world(world_keys).pay


@settings(max_examples=60, deadline=None)
@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial", "X"]
        ),
        st.text(max_size=40),
    ),
    body=st.binary(max_size=200),
)
def test_no_forged_callback_is_ever_taken(any_channel: WechatPay, headers: Headers, body: bytes) -> None:
    with pytest.raises(CallbackRefused):
        any_channel.open_callback(headers, body)
