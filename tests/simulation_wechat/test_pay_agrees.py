"""The wechatpayv3 package, written by others, works with the simulated WeChat Pay over a socket."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from wechatpayv3 import WeChatPay, WeChatPayType  # type: ignore[import-untyped]

from common.clock import SystemClock
from simulator.keys import WorldKeys
from simulator.loopback import LoopbackServer
from simulator.wechat_world import WechatWorld
from tests.simulation_wechat.helpers import NOTIFY_URL

Scene = Callable[[WechatWorld, Any, str], Any]
ORDER_NO = "PW000001"


def _client(keys: WorldKeys) -> Any:
    names = keys.names
    merchant_key = keys.merchant_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=names.mchid,
        private_key=merchant_key.decode(),
        cert_serial_no=keys.merchant_serial,
        apiv3_key=names.apiv3_key,
        appid=names.mini_program.appid,
        notify_url=NOTIFY_URL,
        public_key=keys.public_key_file.read_text(),
        public_key_id=names.public_key_id,
    )


def _on_a_socket(keys: WorldKeys, scene: Scene) -> Any:
    """Run a synchronous scene beside a served world; it gets the world, the client and a payer."""

    async def main() -> Any:
        async with httpx.AsyncClient(trust_env=False) as http:
            world = WechatWorld(keys, SystemClock(), http, random.Random(1))
            payer = world.people.meet("商户001").openid
            server = await LoopbackServer.start(world.pay)
            client = _client(keys)
            client._core._gate_way = server.url
            try:
                return await asyncio.to_thread(scene, world, client, payer)
            finally:
                await world.close()
                await server.close()

    return asyncio.run(main())


def _order(client: Any, payer: str) -> tuple[int, str]:
    status, text = client.pay(
        description="商铺电费充值",
        out_trade_no=ORDER_NO,
        amount={"total": 9_900, "currency": "CNY"},
        payer={"openid": payer},
    )
    return int(status), str(text)


def test_it_orders_asks_and_closes(keys: WorldKeys) -> None:
    def scene(world: WechatWorld, client: Any, payer: str) -> Any:
        ordered, _ = _order(client, payer)
        asked, told = client.query(out_trade_no=ORDER_NO)
        closed, _ = client.close(ORDER_NO)
        return ordered, asked, json.loads(told)["trade_state"], closed

    assert _on_a_socket(keys, scene) == (200, 200, "NOTPAY", 204)


def test_it_signs_a_phones_parameters_so_that_the_sheet_takes_them(keys: WorldKeys) -> None:
    def scene(world: WechatWorld, client: Any, payer: str) -> Any:
        prepay_id = json.loads(_order(client, payer)[1])["prepay_id"]
        appid, package = keys.names.mini_program.appid, f"prepay_id={prepay_id}"
        fields = {"timeStamp": "1772416800", "nonceStr": "abc", "package": package, "signType": "RSA"}
        fields["paySign"] = client.sign([appid, "1772416800", "abc", package])
        url = f"{client._core._gate_way}/phone/pay"
        forged = httpx.post(url, json={**fields, "nonceStr": "abd"}, trust_env=False).json()
        paid = httpx.post(url, json=fields, trust_env=False).json()
        return forged["err_msg"], paid["err_msg"], world.pay.paid_orders()[0].amount_fen

    assert _on_a_socket(keys, scene) == (
        "requestPayment:fail (支付验证签名失败)",
        "requestPayment:ok",
        9_900,
    )


def test_it_orders_a_code_that_whoever_scans_it_pays(keys: WorldKeys) -> None:
    def scene(world: WechatWorld, client: Any, payer: str) -> Any:
        ordered, text = client.pay(
            description="商铺电费充值",
            out_trade_no=ORDER_NO,
            amount={"total": 9_900, "currency": "CNY"},
            pay_type=WeChatPayType.NATIVE,
        )
        fields = {"code_url": json.loads(text)["code_url"], "openid": payer}
        paid = httpx.post(f"{client._core._gate_way}/phone/pay", json=fields, trust_env=False).json()
        told = json.loads(client.query(out_trade_no=ORDER_NO)[1])
        return (
            ordered,
            paid["result"],
            told["trade_state"],
            told["trade_type"],
            told["payer"]["openid"] == payer,
        )

    assert _on_a_socket(keys, scene) == (200, "ok", "SUCCESS", "NATIVE", True)


def _callback(world: WechatWorld, client: Any, payer: str) -> tuple[dict[str, str], bytes]:
    _order(client, payer)
    order = world.pay.book.by_number(ORDER_NO)
    world.pay.book.paid(order, SystemClock().now())
    return world.pay.callbacks.callback(order)


def test_it_verifies_and_opens_a_callback(keys: WorldKeys) -> None:
    def scene(world: WechatWorld, client: Any, payer: str) -> Any:
        headers, body = _callback(world, client, payer)
        return client.callback(headers, body.decode())

    opened = _on_a_socket(keys, scene)

    assert opened["event_type"] == "TRANSACTION.SUCCESS"
    assert opened["resource"]["amount"]["total"] == 9_900


def test_it_refuses_a_callback_with_one_changed_byte(keys: WorldKeys) -> None:
    def scene(world: WechatWorld, client: Any, payer: str) -> Any:
        headers, body = _callback(world, client, payer)
        return client.callback(headers, body.decode().replace("支付成功", "支付失败"))

    assert _on_a_socket(keys, scene) is None


@pytest.mark.parametrize("total", [0, -1])
def test_it_is_told_what_is_wrong_with_an_order(keys: WorldKeys, total: int) -> None:
    def scene(world: WechatWorld, client: Any, payer: str) -> Any:
        status, text = client.pay(
            description="电费", out_trade_no=ORDER_NO, amount={"total": total}, payer={"openid": payer}
        )
        return status, json.loads(text)["code"]

    assert _on_a_socket(keys, scene) == (400, "PARAM_ERROR")
