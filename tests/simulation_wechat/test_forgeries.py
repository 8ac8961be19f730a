"""Every forgery differs from the genuine callback, and a checker of its own finds the reason it names."""

import base64
import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from backend.payments.port import CallbackReason
from simulator import pay_crypto
from simulator.forgeries import OVERSIZE_BYTES, Forgery, expected_reason, forge
from simulator.keys import WorldKeys
from tests.simulation_wechat.helpers import Play, play

ORDER_NO, AMOUNT_FEN = "PW000001", 10_000
OUTSIDERS = {"missing_header", "bad_header", "probe", "stale", "unknown_serial", "bad_signature"}


@pytest.fixture(scope="module")
def genuine(keys: WorldKeys) -> tuple[dict[str, str], bytes, int]:
    """A genuine callback with the second it was made."""

    async def scene(p: Play) -> Any:
        await p.paid(ORDER_NO, AMOUNT_FEN)
        order = p.world.pay.book.by_number(ORDER_NO)
        headers, body = p.world.pay.callbacks.callback(order)
        return headers, body, int(p.clock.now().timestamp())

    made: tuple[dict[str, str], bytes, int] = play(keys, scene)
    return made


def _outside_reason(keys: WorldKeys, headers: Mapping[str, str], body: bytes, now: int) -> str:
    if len(body) > OVERSIZE_BYTES:
        return "too_large"
    try:
        timestamp, nonce, serial, signature = (
            headers[f"Wechatpay-{name}"] for name in ("Timestamp", "Nonce", "Serial", "Signature")
        )
    except KeyError:
        return "missing_header"
    if signature.startswith("WECHATPAY/SIGNTEST/"):
        return "probe"
    if not timestamp.isdigit() or len(nonce) > 128:
        return "bad_header"
    if abs(now - int(timestamp)) > 300:
        return "stale"
    known = {keys.names.public_key_id: keys.platform_key, keys.platform_serial: keys.certificate_key}
    if serial not in known:
        return "unknown_serial"
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    if not pay_crypto.is_signed(known[serial].public_key(), message, signature):
        return "bad_signature"
    return ""


def _inside_reason(keys: WorldKeys, body: bytes, payer: str) -> str:
    try:
        event = json.loads(body)
    except ValueError:
        return "not_json"
    if event["event_type"] != "TRANSACTION.SUCCESS":
        return "other_event"
    resource = event["resource"]
    kind = (event["resource_type"], resource["algorithm"])
    if kind != ("encrypt-resource", "AEAD_AES_256_GCM"):
        return "wrong_resource"
    try:
        opened = pay_crypto.unseal(
            keys.names.apiv3_key, resource["ciphertext"], resource["nonce"], resource["associated_data"]
        )
    except InvalidTag:
        return "bad_cipher"
    plain = json.loads(opened)
    needed = {"out_trade_no", "transaction_id", "amount", "payer", "success_time"}
    if (
        not isinstance(plain, dict)
        or not needed <= plain.keys()
        or not isinstance(plain["amount"]["total"], int)
    ):
        return "wrong_plaintext"
    checks = [
        ("wrong_merchant", plain["mchid"] == keys.names.mchid),
        ("wrong_app", plain["appid"] == keys.names.mini_program.appid),
        ("wrong_currency", plain["amount"]["currency"] == "CNY"),
        ("not_success", plain["trade_state"] == "SUCCESS"),
        ("unknown_order", plain["out_trade_no"] == ORDER_NO),
        ("wrong_amount", plain["amount"]["total"] == AMOUNT_FEN),
        ("wrong_payer", plain["payer"]["openid"] == payer),
    ]
    return next((reason for reason, holds in checks if not holds), "")


@pytest.fixture(scope="module")
def payer(keys: WorldKeys) -> str:
    async def scene(p: Play) -> str:
        return p.tenant.openid

    return str(play(keys, scene))


def test_the_checker_takes_the_genuine_callback(
    keys: WorldKeys, genuine: tuple[dict[str, str], bytes, int], payer: str
) -> None:
    headers, body, now = genuine
    assert _outside_reason(keys, headers, body, now) == ""
    assert _inside_reason(keys, body, payer) == ""


@pytest.mark.parametrize("kind", list(Forgery))
@pytest.mark.parametrize("seed", range(2))
def test_a_forgery_is_refused_for_the_reason_it_names(
    keys: WorldKeys, genuine: tuple[dict[str, str], bytes, int], payer: str, kind: Forgery, seed: int
) -> None:
    headers, body, now = genuine

    forged_headers, forged_body, reason = forge(kind, headers, body, keys, random.Random(seed))

    found = _outside_reason(keys, forged_headers, forged_body, now)
    assert (found or _inside_reason(keys, forged_body, payer)) == reason


def test_no_two_forgeries_are_alike(keys: WorldKeys, genuine: tuple[dict[str, str], bytes, int]) -> None:
    headers, body, _ = genuine
    forged = {
        (json.dumps(made[0], sort_keys=True), made[1])
        for made in (forge(kind, headers, body, keys, random.Random(1)) for kind in Forgery)
    }
    assert (json.dumps(headers, sort_keys=True), body) not in forged
    assert len(forged) == len(Forgery) >= 12


@pytest.mark.parametrize(
    "kind", [kind for kind in Forgery if expected_reason(kind) not in OUTSIDERS | {"too_large"}]
)
def test_what_an_outsider_could_not_sign_is_signed(
    keys: WorldKeys, genuine: tuple[dict[str, str], bytes, int], kind: Forgery
) -> None:
    headers, body, now = genuine
    forged_headers, forged_body, _ = forge(kind, headers, body, keys, random.Random(1))
    assert _outside_reason(keys, forged_headers, forged_body, now) == ""


def test_headers_may_be_written_in_any_case(
    keys: WorldKeys, genuine: tuple[dict[str, str], bytes, int]
) -> None:
    headers, body, _ = genuine
    lower = {name.lower(): value for name, value in headers.items()}
    made = forge(Forgery.SIGNATURE_CUT, lower, body, keys, random.Random(1))
    assert len(base64.b64decode(made[0]["Wechatpay-Signature"])) == 255


def test_reasons_are_those_of_the_product() -> None:
    named = {expected_reason(kind) for kind in Forgery}
    assert named == {reason.value for reason in CallbackReason}


def test_an_unknown_kind_is_an_error(keys: WorldKeys, genuine: tuple[dict[str, str], bytes, int]) -> None:
    with pytest.raises(ValueError, match="no_such"):
        forge("no_such", genuine[0], genuine[1], keys, random.Random(1))
