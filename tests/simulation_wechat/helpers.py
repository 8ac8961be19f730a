"""A merchant and a tiny product, so that the simulated world can be played without the real one."""

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from requests.adapters import BaseAdapter

from common.clock import Clock, LoopClock, local, run_virtual
from simulator import pay_crypto
from simulator.in_memory import InMemoryTransport
from simulator.keys import PAY_URL, PUBLIC_URL, WorldKeys
from simulator.web import Response, json_response
from simulator.wechat_people import Person
from simulator.wechat_world import WechatWorld, in_memory_world

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
NOTIFY_URL = PUBLIC_URL + "/api/v1/callbacks/wechat-pay"
_EVENTS, _RECEIPTS = "/api/v1/callbacks/wechat-events/", "/api/v1/callbacks/sms-receipts/"


class Merchant:
    """Signs and sends requests as the channel's document says, written apart from both other sides."""

    def __init__(
        self, keys: WorldKeys, clock: Clock, client: httpx.AsyncClient, base_url: str = PAY_URL
    ) -> None:
        self.keys = keys
        self._clock = clock
        self._client = client
        self._base_url = base_url
        self._random = random.Random(5)

    def order(self, order_no: str, openid: str, amount_fen: int = 10_000, **changes: Any) -> dict[str, Any]:
        return {
            "appid": self.keys.names.mini_program.appid,
            "mchid": self.keys.names.mchid,
            "description": "商铺电费充值",
            "out_trade_no": order_no,
            "time_expire": (local(self._clock.now()) + timedelta(minutes=10)).isoformat(timespec="seconds"),
            "notify_url": NOTIFY_URL,
            "amount": {"total": amount_fen, "currency": "CNY"},
            "payer": {"openid": openid},
            **changes,
        }

    async def prepay(self, order: dict[str, Any]) -> httpx.Response:
        return await self.send("POST", "/v3/pay/transactions/jsapi", order)

    async def query(self, order_no: str) -> httpx.Response:
        mchid = self.keys.names.mchid
        return await self.send("GET", f"/v3/pay/transactions/out-trade-no/{order_no}?mchid={mchid}")

    async def close(self, order_no: str) -> httpx.Response:
        body = {"mchid": self.keys.names.mchid}
        return await self.send("POST", f"/v3/pay/transactions/out-trade-no/{order_no}/close", body)

    async def send(
        self, method: str, target: str, body: Any = None, **changes: str | float
    ) -> httpx.Response:
        """Send one signed request; changes (mchid, serial_no, timestamp, nonce_str, signature) spoil it."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        timestamp = int(changes.pop("timestamp", self._clock.now().timestamp()))
        nonce = str(changes.pop("nonce_str", f"{self._random.getrandbits(128):032x}"))
        message = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + content + b"\n"
        fields = {
            "mchid": self.keys.names.mchid,
            "nonce_str": nonce,
            "signature": pay_crypto.sign(self.keys.merchant_key, message),
            "timestamp": timestamp,
            "serial_no": self.keys.merchant_serial,
            **changes,
        }
        headers = {
            "Authorization": "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{k}="{v}"' for k, v in fields.items()),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "test",
            "Wechatpay-Serial": self.keys.names.public_key_id,
        }
        return await self._client.request(method, self._base_url + target, headers=headers, content=content)

    def sign_phone(self, prepay_id: str) -> dict[str, str]:
        timestamp, nonce = str(int(self._clock.now().timestamp())), "n" * 32
        package = f"prepay_id={prepay_id}"
        message = f"{self.keys.names.mini_program.appid}\n{timestamp}\n{nonce}\n{package}\n".encode()
        return {
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": pay_crypto.sign(self.keys.merchant_key, message),
        }


@dataclass
class Call:
    """One call that the product got."""

    at: datetime
    method: str
    path: str
    query: str
    headers: httpx.Headers
    body: bytes


@dataclass
class FakeProduct:
    """The product's routes that this world calls. `status` is its answer to payment callbacks."""

    keys: WorldKeys
    clock: Clock
    merchant: Merchant | None = None
    people: Callable[[str], Awaitable[str]] | None = None  # Login code -> openid.
    calls: list[Call] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # Of the next callbacks; then 204.
    delay_s: float = 0.0
    orders: int = 0

    def at(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path.startswith(path)]

    @property
    def payments(self) -> list[Call]:
        return self.at("/api/v1/callbacks/wechat-pay")

    @property
    def events(self) -> list[Call]:
        return self.at(_EVENTS)

    @property
    def receipts(self) -> list[Call]:
        return self.at(_RECEIPTS)

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        path, _, query = target.partition("?")
        given = httpx.Headers(dict(headers))
        self.calls.append(Call(self.clock.now(), method, path, query, given, body))
        await self.clock.sleep(self.delay_s)
        if path.startswith("/api/v1/callbacks/wechat-pay"):
            return Response(self.statuses.pop(0) if self.statuses else 204)
        if path.startswith(_EVENTS):
            echo = httpx.QueryParams(query).get("echostr", "success")
            return Response(self.statuses.pop(0) if self.statuses else 200, {}, echo.encode())
        if path.startswith(_RECEIPTS):
            return json_response(200, {"result": 0, "errmsg": "OK"})
        return await self._tenant(method, path, given, json.loads(body) if body else {})

    async def _tenant(self, method: str, path: str, headers: httpx.Headers, body: Any) -> Response:
        assert self.merchant is not None
        assert self.people is not None
        if path == "/api/v1/tenant/sign-in":
            return json_response(200, {"token": await self.people(body["code"])})
        openid = headers.get("Authorization", "").removeprefix("Bearer ")
        if not openid:
            return json_response(401, {"code": "sign_in_needed", "message": "请先登录"})
        if path == "/api/v1/tenant/bindings":
            return json_response(201, {"account_id": "7"})
        if path == "/api/v1/tenant/home":
            return json_response(200, {"accounts": [{"account_id": "7"}]})
        if path.endswith("/top-ups") and method == "POST":
            self.orders += 1
            order_no = f"PW{self.orders:06d}"
            answer = await self.merchant.prepay(self.merchant.order(order_no, openid, body["amount_fen"]))
            pay = self.merchant.sign_phone(answer.json()["prepay_id"])
            return json_response(201, {"order_no": order_no, "pay": pay})
        return json_response(200, (await self.merchant.query(path.rpartition("/")[2])).json())


@dataclass
class Play:
    """A world in memory with its merchant and product."""

    world: WechatWorld
    merchant: Merchant
    product: FakeProduct
    clock: LoopClock
    adapter: BaseAdapter
    transport: InMemoryTransport
    tenant: Person

    async def placed(self, order_no: str = "PW000001", amount_fen: int = 10_000) -> str:
        """Place an order and return its prepay_id."""
        answer = await self.merchant.prepay(self.merchant.order(order_no, self.tenant.openid, amount_fen))
        return str(answer.json()["prepay_id"])

    async def paid(self, order_no: str = "PW000001", amount_fen: int = 10_000) -> None:
        """Place an order and pay it."""
        self.world.pay.pay(await self.placed(order_no, amount_fen))


def play(keys: WorldKeys, scene: Callable[[Play], Awaitable[Any]], seed: int = 1, **options: Any) -> Any:
    """Run a scene on virtual time and return its result."""

    async def main() -> Any:
        clock = LoopClock(START)
        product = FakeProduct(keys, clock)
        world, transport, adapter = in_memory_world(keys, clock, product, seed, **options)
        merchant = Merchant(keys, clock, httpx.AsyncClient(transport=transport))
        product.merchant = merchant
        tenant = world.people.meet("商户001", phone="13900000001", follows=True)
        try:
            return await scene(Play(world, merchant, product, clock, adapter, transport, tenant))
        finally:
            await world.close()

    return run_virtual(main)
