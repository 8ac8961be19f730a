"""Another implementation, wechatpayv3, signs and opens exactly what ours does."""

import json
from datetime import UTC, datetime

from wechatpayv3 import SignType, WeChatPay, WeChatPayType  # type: ignore[import-untyped]

from backend.payments.wechat_crypto import Opener, load_signer, load_verifier
from simulator.pay_crypto import seal
from tests.payments.conftest import ORDER_NO, World

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def other(world: World) -> WeChatPay:
    names = world.keys.names
    return WeChatPay(
        wechatpay_type=WeChatPayType.MINIPROG,
        mchid=names.mchid,
        private_key=world.keys.merchant_key_file.read_text(),
        cert_serial_no=world.keys.merchant_serial,
        appid=names.mini_program.appid,
        apiv3_key=names.apiv3_key,
        notify_url="https://mall.test/pay",
        public_key=world.keys.public_key_file.read_text(),
        public_key_id=names.public_key_id,
    )


def test_the_phone_is_given_the_same_signature(world: World) -> None:
    ours = world.pay.phone_parameters("wx2026")

    theirs = other(world).sign(
        data=[world.settings.appid, ours.timeStamp, ours.nonceStr, ours.package],
        sign_type=SignType.RSA_SHA256,
    )

    assert ours.paySign == theirs


def test_a_request_is_signed_the_same(world: World) -> None:
    body = b'{"mchid":"1"}'
    target = "/v3/pay/transactions/out-trade-no/A/close"
    signer = load_signer(
        world.settings.mchid, world.settings.merchant_serial, world.settings.merchant_key_file
    )

    ours = signer.authorization("POST", target, AT, "N" * 32, body)

    message = ["POST", target, str(int(AT.timestamp())), "N" * 32, body.decode()]
    assert other(world).sign(data=message, sign_type=SignType.RSA_SHA256) in ours


async def test_a_callback_is_opened_the_same(world: World) -> None:
    await world.paid()
    headers, body = world.server.callbacks.callback(world.server.book.by_number(ORDER_NO))

    ours = world.pay.open_callback(headers, body)
    theirs = other(world).callback(headers=headers, body=body)

    assert theirs is not None
    told = theirs["resource"]
    assert (ours.order_no, ours.transaction_id, ours.amount_fen, ours.openid) == (
        told["out_trade_no"],
        told["transaction_id"],
        told["amount"]["total"],
        told["payer"]["openid"],
    )


def test_a_sealed_text_opens_to_the_same(world: World) -> None:
    key = world.keys.names.apiv3_key
    sealed = seal(key, json.dumps({"订单": 1}).encode(), "n" * 12, "")

    ours = Opener(key).open(sealed, "n" * 12, "")
    theirs = other(world).decrypt_callback(headers=signed(world, body := _body(sealed)), body=body.decode())

    assert ours.decode() == theirs
    load_verifier(world.settings.verify_keys).check(signed(world, body), body, world.clock.now())


def signed(world: World, body: bytes) -> dict[str, str]:
    return world.server.signer.headers(body, None)


def _body(sealed: str) -> bytes:
    resource = {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": sealed,
        "nonce": "n" * 12,
        "associated_data": "",
    }
    return json.dumps(
        {"resource_type": "encrypt-resource", "resource": resource | {"associated_data": ""}}
    ).encode()
