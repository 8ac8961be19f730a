"""Forged and damaged payment callbacks, each made from a genuine one (伪造回调).

Two families: what an outsider can do (change bytes, sign with a key of their own, replay), and what
only WeChat's keys could sign but the product must refuse all the same, so that each of its checks is
proved by itself. `forge` names the refusal that the product's document prescribes.
"""

import base64
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from simulator import pay_crypto
from simulator.keys import WorldKeys

FRESH_WITHIN_S = 300
OVERSIZE_BYTES = 256 * 1024
_TEXT = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SIGNATURE_HEADERS = (
    "Wechatpay-Timestamp",
    "Wechatpay-Nonce",
    "Wechatpay-Signature",
    "Wechatpay-Serial",
)

Forged = tuple[dict[str, str], bytes, str]


@dataclass(frozen=True)
class _Genuine:
    headers: dict[str, str]
    body: bytes
    keys: WorldKeys
    rng: random.Random

    @property
    def event(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value

    @property
    def plain(self) -> dict[str, Any]:
        resource = self.event["resource"]
        opened = pay_crypto.unseal(
            self.keys.names.apiv3_key,
            resource["ciphertext"],
            resource["nonce"],
            resource["associated_data"],
        )
        value: dict[str, Any] = json.loads(opened)
        return value

    @property
    def timestamp(self) -> int:
        return int(self.headers["Wechatpay-Timestamp"])

    def text(self, count: int) -> str:
        return "".join(self.rng.choice(_TEXT) for _ in range(count))

    def with_header(self, name: str, value: str) -> tuple[dict[str, str], bytes]:
        return {**self.headers, name: value}, self.body

    def signed(self, body: bytes, **changes: Any) -> tuple[dict[str, str], bytes]:
        """Sign a body anew with WeChat's key; changes: timestamp, key, serial."""
        timestamp = str(changes.get("timestamp", self.timestamp))
        nonce = self.text(32)
        key = changes.get("key", self.keys.platform_key)
        headers = {
            **self.headers,
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": changes.get("serial", self.keys.names.public_key_id),
            "Wechatpay-Signature": pay_crypto.sign(key, pay_crypto.answer_message(timestamp, nonce, body)),
        }
        return headers, body

    def sealed(
        self, plain: bytes, apiv3_key: str | None = None, **resource: Any
    ) -> tuple[dict[str, str], bytes]:
        """Seal another plain text, change the resource's fields, and sign the whole anew."""
        nonce = self.text(12)
        event = self.event
        event["resource"] |= {
            "ciphertext": pay_crypto.seal(
                apiv3_key or self.keys.names.apiv3_key,
                plain,
                nonce,
                event["resource"]["associated_data"],
            ),
            "nonce": nonce,
            **resource,
        }
        return self.signed(_json(event))

    def changed(self, **fields: Any) -> tuple[dict[str, str], bytes]:
        return self.sealed(_json(self.plain | fields))


class Forgery(StrEnum):
    """Kinds of forged or damaged callbacks."""

    HEADER_MISSING = "header_missing"
    TIMESTAMP_NO_NUMBER = "timestamp_no_number"
    NONCE_TOO_LONG = "nonce_too_long"
    PROBE = "probe"
    REPLAYED_OLD = "replayed_old"
    STAMPED_AHEAD = "stamped_ahead"
    SERIAL_UNKNOWN = "serial_unknown"
    SERIAL_OTHER_PUBLIC_KEY = "serial_other_public_key"
    BODY_CHANGED = "body_changed"
    BODY_CUT = "body_cut"
    NONCE_CHANGED = "nonce_changed"
    TIMESTAMP_CHANGED = "timestamp_changed"
    SIGNED_BY_STRANGER = "signed_by_stranger"
    SERIAL_SWAPPED = "serial_swapped"
    SIGNATURE_CUT = "signature_cut"
    SIGNATURE_NO_BASE64 = "signature_no_base64"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    OTHER_EVENT = "other_event"
    OTHER_RESOURCE = "other_resource"
    OTHER_ALGORITHM = "other_algorithm"
    OTHER_APIV3_KEY = "other_apiv3_key"
    ASSOCIATED_DATA_CHANGED = "associated_data_changed"
    CIPHERTEXT_CHANGED = "ciphertext_changed"
    PLAIN_NO_OBJECT = "plain_no_object"
    PLAIN_INCOMPLETE = "plain_incomplete"
    AMOUNT_NO_INTEGER = "amount_no_integer"
    OTHER_MERCHANT = "other_merchant"
    OTHER_APP = "other_app"
    OTHER_CURRENCY = "other_currency"
    NOT_PAID = "not_paid"
    ORDER_UNKNOWN = "order_unknown"
    AMOUNT_ONE_FEN_MORE = "amount_one_fen_more"
    AMOUNT_TIMES_100 = "amount_times_100"
    OTHER_PAYER = "other_payer"


def forge(
    kind: str,
    genuine_headers: Mapping[str, str],
    genuine_body: bytes,
    keys: WorldKeys,
    rng: random.Random,
) -> Forged:
    """Make one forgery; return headers, body and the reason for which the product must refuse it.

    The genuine callback must be signed with the public key and fresh. Raises ValueError for an unknown
    kind.
    """
    headers = {_spelt(name): value for name, value in genuine_headers.items()}
    reason, make = _KINDS[Forgery(kind)]
    forged_headers, forged_body = make(_Genuine(headers, genuine_body, keys, rng))
    return forged_headers, forged_body, reason


def expected_reason(kind: str) -> str:
    return _KINDS[Forgery(kind)][0]


def _header_missing(g: _Genuine) -> tuple[dict[str, str], bytes]:
    gone = g.rng.choice(_SIGNATURE_HEADERS)
    return {name: value for name, value in g.headers.items() if name != gone}, g.body


def _probe(g: _Genuine) -> tuple[dict[str, str], bytes]:
    signature = g.headers["Wechatpay-Signature"]
    probe = pay_crypto.PROBE_PREFIX + signature[len(pay_crypto.PROBE_PREFIX) :]
    return g.with_header("Wechatpay-Signature", probe)


def _body_changed(g: _Genuine) -> tuple[dict[str, str], bytes]:
    at = g.rng.randrange(len(g.body))
    return dict(g.headers), g.body[:at] + bytes([g.body[at] ^ 0x01]) + g.body[at + 1 :]


def _signature_cut(g: _Genuine) -> tuple[dict[str, str], bytes]:
    raw = base64.b64decode(g.headers["Wechatpay-Signature"])
    return g.with_header("Wechatpay-Signature", base64.b64encode(raw[:-1]).decode())


def _too_large(g: _Genuine) -> tuple[dict[str, str], bytes]:
    return g.signed(_json(g.event | {"padding": "x" * OVERSIZE_BYTES}))


def _ciphertext_changed(g: _Genuine) -> tuple[dict[str, str], bytes]:
    event = g.event
    raw = bytearray(base64.b64decode(event["resource"]["ciphertext"]))
    raw[g.rng.randrange(len(raw))] ^= 0x01
    event["resource"]["ciphertext"] = base64.b64encode(raw).decode()
    return g.signed(_json(event))


def _resource(g: _Genuine, **fields: Any) -> tuple[dict[str, str], bytes]:
    event = g.event
    event["resource"] |= fields
    return g.signed(_json(event))


def _plain_incomplete(g: _Genuine) -> tuple[dict[str, str], bytes]:
    gone = g.rng.choice(("out_trade_no", "transaction_id", "amount", "payer", "success_time"))
    return g.sealed(_json({name: value for name, value in g.plain.items() if name != gone}))


def _amount(g: _Genuine, change: Callable[[int], Any]) -> tuple[dict[str, str], bytes]:
    amount = g.plain["amount"]
    total = change(amount["total"])
    return g.changed(amount={**amount, "total": total, "payer_total": total})


def _currency(g: _Genuine) -> tuple[dict[str, str], bytes]:
    return g.changed(amount={**g.plain["amount"], "currency": "USD"})


@cache
def _stranger_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _spelt(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


_Make = Callable[[_Genuine], tuple[dict[str, str], bytes]]
_KINDS: dict[Forgery, tuple[str, _Make]] = {
    Forgery.HEADER_MISSING: ("missing_header", _header_missing),
    Forgery.TIMESTAMP_NO_NUMBER: (
        "bad_header",
        lambda g: g.with_header("Wechatpay-Timestamp", f"{g.timestamp}.5"),
    ),
    Forgery.NONCE_TOO_LONG: ("bad_header", lambda g: g.with_header("Wechatpay-Nonce", g.text(4_000))),
    Forgery.PROBE: ("probe", _probe),
    Forgery.REPLAYED_OLD: (
        "stale",
        lambda g: g.signed(g.body, timestamp=g.timestamp - 2 * FRESH_WITHIN_S),
    ),
    Forgery.STAMPED_AHEAD: (
        "stale",
        lambda g: g.signed(g.body, timestamp=g.timestamp + 2 * FRESH_WITHIN_S),
    ),
    Forgery.SERIAL_UNKNOWN: (
        "unknown_serial",
        lambda g: g.signed(g.body, key=_stranger_key(), serial=f"{g.rng.getrandbits(152) | 1 << 151:X}"),
    ),
    Forgery.SERIAL_OTHER_PUBLIC_KEY: (
        "unknown_serial",
        lambda g: g.signed(g.body, key=_stranger_key(), serial="PUB_KEY_ID_other"),
    ),
    Forgery.BODY_CHANGED: ("bad_signature", _body_changed),
    Forgery.BODY_CUT: ("bad_signature", lambda g: (dict(g.headers), g.body[:-1])),
    Forgery.NONCE_CHANGED: ("bad_signature", lambda g: g.with_header("Wechatpay-Nonce", g.text(32))),
    Forgery.TIMESTAMP_CHANGED: (
        "bad_signature",
        lambda g: g.with_header("Wechatpay-Timestamp", str(g.timestamp + 1)),
    ),
    Forgery.SIGNED_BY_STRANGER: ("bad_signature", lambda g: g.signed(g.body, key=_stranger_key())),
    Forgery.SERIAL_SWAPPED: ("bad_signature", lambda g: g.signed(g.body, serial=g.keys.platform_serial)),
    Forgery.SIGNATURE_CUT: ("bad_signature", _signature_cut),
    Forgery.SIGNATURE_NO_BASE64: (
        "bad_signature",
        lambda g: g.with_header("Wechatpay-Signature", "!" + g.headers["Wechatpay-Signature"][1:]),
    ),
    Forgery.TOO_LARGE: ("too_large", _too_large),
    Forgery.NOT_JSON: ("not_json", lambda g: g.signed(b"<xml>" + g.body)),
    Forgery.OTHER_EVENT: (
        "other_event",
        lambda g: g.signed(_json(g.event | {"event_type": "REFUND.SUCCESS"})),
    ),
    Forgery.OTHER_RESOURCE: (
        "wrong_resource",
        lambda g: g.signed(_json(g.event | {"resource_type": "plain"})),
    ),
    Forgery.OTHER_ALGORITHM: ("wrong_resource", lambda g: _resource(g, algorithm="AEAD_AES_128_GCM")),
    Forgery.OTHER_APIV3_KEY: ("bad_cipher", lambda g: g.sealed(_json(g.plain), apiv3_key=g.text(32))),
    Forgery.ASSOCIATED_DATA_CHANGED: ("bad_cipher", lambda g: _resource(g, associated_data="refund")),
    Forgery.CIPHERTEXT_CHANGED: ("bad_cipher", _ciphertext_changed),
    Forgery.PLAIN_NO_OBJECT: ("wrong_plaintext", lambda g: g.sealed(_json([g.plain]))),
    Forgery.PLAIN_INCOMPLETE: ("wrong_plaintext", _plain_incomplete),
    Forgery.AMOUNT_NO_INTEGER: ("wrong_plaintext", lambda g: _amount(g, lambda fen: f"{fen}")),
    Forgery.OTHER_MERCHANT: ("wrong_merchant", lambda g: g.changed(mchid="1900000001")),
    Forgery.OTHER_APP: ("wrong_app", lambda g: g.changed(appid="wx" + "0" * 16)),
    Forgery.OTHER_CURRENCY: ("wrong_currency", _currency),
    Forgery.NOT_PAID: ("not_success", lambda g: g.changed(trade_state="NOTPAY")),
    Forgery.ORDER_UNKNOWN: ("unknown_order", lambda g: g.changed(out_trade_no=f"PW{g.rng.getrandbits(62)}")),
    Forgery.AMOUNT_ONE_FEN_MORE: ("wrong_amount", lambda g: _amount(g, lambda fen: fen + 1)),
    Forgery.AMOUNT_TIMES_100: ("wrong_amount", lambda g: _amount(g, lambda fen: fen * 100)),
    Forgery.OTHER_PAYER: ("wrong_payer", lambda g: g.changed(payer={"openid": "o" + g.text(27)})),
}
