"""A tenant's phone (手机): the mini-program's calls to the product, and the payer's thumb.

It knows the product by its tenant API alone, over a socket or in memory alike.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from simulator.wechat_people import Person

REQUEST_TIMEOUT_S = 15.0
TENANT = "/api/v1/tenant"


class PhoneError(Exception):
    """The product, or WeChat, said no: the sentence the phone would show is in `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class PhoneOrder:
    """A top-up as the phone holds it. pay: arguments of wx.requestPayment; None: no longer payable."""

    order_no: str
    amount_fen: int
    request_id: str
    pay: Mapping[str, str] | None


class Phone:
    """One person's phone. `client` reaches the product and WeChat under the addresses given here.

    Raises PhoneError for refusals and httpx.HTTPError when nobody answers.
    """

    def __init__(
        self,
        person: Person,
        client: httpx.AsyncClient,
        *,
        product_url: str,
        pay_url: str,
        api_url: str,
        random_: random.Random,
    ) -> None:
        self.person = person
        self._client = client
        self._product_url = product_url
        self._pay_url = pay_url
        self._api_url = api_url
        self._random = random_
        self.token = ""

    @property
    def is_signed_in(self) -> bool:
        return bool(self.token)

    async def login_code(self) -> str:
        """Return a fresh code as wx.login does."""
        answer = await self._wechat(self._api_url + "/phone/login", {"openid": self.person.openid})
        return str(answer["code"])

    async def sign_in(self) -> str:
        """Sign in with a login code and keep the token (登录)."""
        self.token = ""
        answer = await self._product("POST", "/sign-in", {"code": await self.login_code()})
        self.token = str(answer["token"])
        return self.token

    async def bind(self, code: str) -> Any:
        """Bind a shop with the code from its contract (绑定商铺)."""
        return await self._product("POST", "/bindings", {"code": code})

    async def home(self) -> Any:
        """Return what the first page shows (首页)."""
        return await self._product("GET", "/home")

    async def usage(self, account_id: str, first_on: str, last_on: str, by: str = "day") -> Any:
        """Return usage by day or month; dates are ISO (用电量)."""
        query = f"first_on={first_on}&last_on={last_on}&by={by}"
        return await self._product("GET", f"/accounts/{account_id}/usage?{query}")

    async def top_up(self, account_id: str, amount_fen: int, request_id: str | None = None) -> PhoneOrder:
        """Begin a top-up (交电费). A retry gives the request_id of the first try."""
        request_id = request_id or str(UUID(int=self._random.getrandbits(128), version=4))
        answer = await self._product(
            "POST",
            f"/accounts/{account_id}/top-ups",
            {"amount_fen": amount_fen, "request_id": request_id},
        )
        return PhoneOrder(str(answer["order_no"]), amount_fen, request_id, answer.get("pay"))

    async def pay(self, order: PhoneOrder) -> str:
        """Play wx.requestPayment and press "pay"; return its errMsg (支付)."""
        return await self._sheet("/phone/pay", order)

    async def scan(self, code_url: str) -> str:
        """Scan the code on a till's customer screen and press "pay" (扫一扫); return what the sheet says."""
        body = {"code_url": code_url, "openid": self.person.openid}
        return str((await self._wechat(self._pay_url + "/phone/pay", body))["err_msg"])

    async def cancel(self, order: PhoneOrder) -> str:
        """Play wx.requestPayment and press "cancel"; return its errMsg."""
        return await self._sheet("/phone/cancel", order)

    async def follow(self, order_no: str) -> Any:
        """Ask how far a top-up has come; the first question makes the product query the channel."""
        return await self._product("GET", f"/top-ups/{order_no}")

    async def allow(self, template_ids: list[str], answer: str = "accept") -> Any:
        """Answer wx.requestSubscribeMessage for up to three templates alike (订阅授权)."""
        return await self._wechat(
            self._api_url + "/phone/consent",
            {"openid": self.person.openid, "answers": dict.fromkeys(template_ids, answer)},
        )

    async def _sheet(self, path: str, order: PhoneOrder) -> str:
        if order.pay is None:
            raise PhoneError(409, "not_payable", "该订单已不能支付")
        answer = await self._wechat(self._pay_url + path, {**order.pay, "openid": self.person.openid})
        return str(answer["err_msg"])

    async def _wechat(self, url: str, body: Mapping[str, Any]) -> Any:
        answer = await self._client.post(url, json=body, timeout=REQUEST_TIMEOUT_S)
        if answer.status_code != 200:
            raise PhoneError(answer.status_code, "wechat", answer.text)
        return answer.json()

    async def _product(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = await self._client.request(
            method,
            self._product_url + TENANT + path,
            json=body,
            headers=headers,
            timeout=REQUEST_TIMEOUT_S,
        )
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> PhoneError:
    try:
        value: Any = answer.json()
    except ValueError:
        value = None
    fields = value if isinstance(value, dict) else {}
    # Some errors come wrapped: {"error": {"code", "message"}}.
    inner = fields.get("error")
    fields = inner if isinstance(inner, dict) else fields
    return PhoneError(
        answer.status_code, str(fields.get("code", "")), str(fields.get("message", answer.text))
    )
