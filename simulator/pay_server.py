"""A local WeChat Pay v3 (微信支付): orders, query, close, certificates, signed answers, callbacks.

It follows the channel's document to the letter and checks its callers as strictly: scheme, merchant,
serial, five minutes, nonce, and the signature over the bytes that came.
"""

import json
import random
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from common.clock import Clock, local
from simulator import pay_crypto
from simulator.keys import WorldKeys
from simulator.pay_callbacks import CallbackSender
from simulator.pay_faults import DoubtfulCodes, PayFault, PaySwitches
from simulator.pay_orders import Order, OrderBook, PaidOrder, PayError
from simulator.pay_sheet import PaySheet
from simulator.pay_signer import Signer
from simulator.web import Background, Caller, Response, answer_in_time, json_object, json_response

FRESH_WITHIN_S = 300
NONCES_KEPT = 100_000
_ORDER_PATH = re.compile(r"^/v3/pay/transactions/out-trade-no/([^/]+)(/close)?$")
_ID_PATH = re.compile(r"^/v3/pay/transactions/id/([^/]+)$")


class PayServer:
    """One merchant's WeChat Pay. `knows_openid` tells which payers exist under the mini-program."""

    def __init__(
        self,
        keys: WorldKeys,
        clock: Clock,
        call: Caller,
        *,
        random_: random.Random | None = None,
        codes: DoubtfulCodes | None = None,
        certificate_mode: bool = False,
        knows_openid: Callable[[str], bool] = lambda openid: True,
    ) -> None:
        random_ = random_ or random.SystemRandom()
        self._keys = keys
        self._clock = clock
        self._knows_openid = knows_openid
        self._nonces: OrderedDict[str, datetime] = OrderedDict()
        self.switches: PaySwitches = PaySwitches(PayFault, random_)
        self.signer = Signer(keys, clock, self.switches, random_, certificate_mode)
        self.book = OrderBook(
            keys.names.mchid, keys.names.mini_program.appid, codes or DoubtfulCodes(), random_
        )
        self.callbacks = CallbackSender(keys, clock, call, self.switches, self.book, self.signer)
        self.background = Background()
        self.refused: dict[str, int] = {}  # Error code -> how often it was answered.
        self._sheet = PaySheet(self, keys, clock)

    def paid_orders(self) -> list[PaidOrder]:
        """List what was really paid: order, transaction, fen, time (实付清单)."""
        return self.book.paid_orders()

    def pay(self, prepay_id: str, openid: str | None = None) -> Order:
        """The phone confirms a payment. Raises PayError with what the phone would show.

        prepay_id: or the code_url that the phone has scanned; the order then is paid by whoever holds it.
        openid: who holds the phone; another than the order's payer is refused. None: not checked.
        """
        order = self.book.payable(prepay_id, self._clock.now())
        if order.trade_type == "NATIVE":
            if not openid or not self._knows_openid(openid):
                raise PayError(400, "PARAM_ERROR", "请用微信扫码支付")
            order.openid = openid
        if openid is not None and openid != order.openid:
            raise PayError(400, "PAYER_MISMATCH", "下单账号与支付账号不一致，请核实后再支付")
        if fault := self.switches.strikes(PayFault.PAID_AFTER_CLOSE, order.out_trade_no):
            order.in_flight, order.in_flight_s = True, fault.value
            return order
        self.book.paid(order, self._clock.now())
        self.background.start(self.callbacks.deliver(order))
        return order

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        given = httpx.Headers(dict(headers))
        path, _, query = target.partition("?")
        if path.startswith("/phone/"):
            return self._sheet.respond(method, path, query, given, body)
        order_no = _named_order(path, body)
        if self.switches.strikes(PayFault.DOWN, order_no):
            return Response(503, dropped=True)
        try:
            self._authenticate(method, target, given, body)
            response = await self._route(method, path, parse_qs(query), body)
        except PayError as error:
            self.refused[error.code] = self.refused.get(error.code, 0) + 1
            fields: dict[str, Any] = {"code": error.code, "message": error.message}
            response = json_response(
                error.status, fields | ({"detail": error.detail} if error.detail else {})
            )
        response = self._signed(response, order_no, given.get("Wechatpay-Serial", ""))
        return await answer_in_time(response, self._clock)

    def _signed(self, response: Response, order_no: str | None, asked_serial: str) -> Response:
        headers = dict(response.headers) | {"Request-ID": self.signer.nonce(24)}
        if not self.switches.strikes(PayFault.UNSIGNED_ANSWER, order_no):
            probe = self.switches.strikes(PayFault.PROBE_IN_ANSWER, order_no) is not None
            headers |= self.signer.headers(response.body, order_no, asked_serial=asked_serial, probe=probe)
        slow = self.switches.strikes(PayFault.SLOW_ANSWER, order_no)
        return replace(response, headers=headers, delay_s=slow.value if slow else 0.0)

    def _authenticate(self, method: str, target: str, headers: httpx.Headers, body: bytes) -> None:
        if not headers.get("Accept") or not headers.get("User-Agent"):
            raise PayError(400, "PARAM_ERROR", "Http头缺少Accept或User-Agent")
        if method == "POST" and not headers.get("Content-Type", "").startswith("application/json"):
            raise PayError(400, "PARAM_ERROR", "Http头Content-Type取值不合法，请填写application/json")
        try:
            given = pay_crypto.parse_authorization(headers.get("Authorization", ""))
        except ValueError as error:
            raise PayError(401, "SIGN_ERROR", str(error)) from error
        if given.mchid != self._keys.names.mchid:
            raise PayError(401, "SIGN_ERROR", "商户号不存在或与证书不符")
        if given.serial != self._keys.merchant_serial:
            raise PayError(401, "SIGN_ERROR", "商户证书序列号有误，请使用本商户的证书序列号")
        if abs(self._clock.now().timestamp() - given.timestamp) > FRESH_WITHIN_S:
            raise PayError(401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        message = pay_crypto.request_message(method, target, given.timestamp, given.nonce, body)
        if not pay_crypto.is_signed(self._keys.merchant_key.public_key(), message, given.signature):
            raise PayError(401, "SIGN_ERROR", "签名错误，请检查后再试")
        self._use_nonce(given.nonce)
        asked = headers.get("Wechatpay-Serial")
        if asked is not None and asked not in (self._keys.names.public_key_id, self._keys.platform_serial):
            raise PayError(400, "PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")

    def _use_nonce(self, nonce: str) -> None:
        now = self._clock.now()
        while self._nonces:
            oldest, until = next(iter(self._nonces.items()))
            if until > now and len(self._nonces) < NONCES_KEPT:
                break
            del self._nonces[oldest]
        if nonce in self._nonces:
            raise PayError.of(self.book.codes.replayed)
        self._nonces[nonce] = now + timedelta(seconds=2 * FRESH_WITHIN_S)

    async def _route(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Response:
        if self.switches.strikes(PayFault.FREQUENCY_LIMITED, _named_order(path, body)):
            raise PayError(429, "FREQUENCY_LIMITED", "频率限制，请降低请求频率")
        if self.switches.strikes(PayFault.SYSTEM_ERROR, _named_order(path, body)):
            raise PayError(500, "SYSTEM_ERROR", "系统异常，请稍后重试")
        if (method, path) == ("POST", "/v3/pay/transactions/jsapi"):
            return await self._order(_object(body))
        if (method, path) == ("POST", "/v3/pay/transactions/native"):
            return self._native_order(_object(body))
        if (method, path) == ("GET", "/v3/certificates"):
            return self._certificates()
        if (method, path) == ("POST", "/v3/security/echo"):
            return json_response(200, {"message": _object(body).get("message", "")})
        if match := _ORDER_PATH.match(path):
            if match[2] and method == "POST":
                self._check_mchid(_object(body).get("mchid"))
                return self._close(match[1])
            if not match[2] and method == "GET":
                self._check_mchid(query.get("mchid", [None])[0])
                return json_response(200, self.book.view(self.book.by_number(match[1])))
        if (match := _ID_PATH.match(path)) and method == "GET":
            self._check_mchid(query.get("mchid", [None])[0])
            return json_response(200, self.book.view(self.book.by_transaction(match[1])))
        raise PayError(404, "NOT_FOUND", f"接口不存在：{method} {path}")

    def _check_mchid(self, mchid: Any) -> None:
        if not mchid:
            raise PayError(400, "PARAM_ERROR", "参数错误：缺少 mchid")
        if mchid != self._keys.names.mchid:
            raise PayError(400, "MCH_NOT_EXISTS", "商户号不存在")

    async def _order(self, request: dict[str, Any]) -> Response:
        prepay_id = self.book.place(request, self._clock.now())
        order = self.book.by_number(request["out_trade_no"])
        if not self._knows_openid(order.openid):
            del self.book.orders[order.out_trade_no]
            raise PayError(400, "PARAM_ERROR", "参数错误：openid 与 appid 不匹配")
        if self.switches.strikes(PayFault.CALLBACK_BEFORE_ANSWER, order.out_trade_no):
            self.book.paid(order, self._clock.now())
            if not await self.callbacks.attempt(order, self.callbacks.new_event()):
                self.background.start(self.callbacks.deliver(order))
        if self.switches.strikes(PayFault.ERROR_AFTER_TAKING, order.out_trade_no):
            raise PayError(500, "SYSTEM_ERROR", "系统异常，请稍后重试")
        return json_response(200, {"prepay_id": prepay_id})

    def _native_order(self, request: dict[str, Any]) -> Response:
        code_url = self.book.place(request, self._clock.now(), native=True)
        if self.switches.strikes(PayFault.ERROR_AFTER_TAKING, request["out_trade_no"]):
            raise PayError(500, "SYSTEM_ERROR", "系统异常，请稍后重试")
        return json_response(200, {"code_url": code_url})

    def _close(self, order_no: str) -> Response:
        order = self.book.close(order_no)
        if order.in_flight:
            self.background.start(self._paid_after_close(order))
        return Response(204)

    async def _paid_after_close(self, order: Order) -> None:
        order.in_flight = False
        await self._clock.sleep(order.in_flight_s)
        self.book.paid(order, self._clock.now())
        await self.callbacks.deliver(order)

    def _certificates(self) -> Response:
        if not self.signer.certificate_mode and not self.switches.strikes(PayFault.CERTIFICATE_SERIAL):
            raise PayError(
                404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"
            )
        certificate = self._keys.platform_certificate
        nonce = self.signer.nonce(12)
        pem = certificate.public_bytes(Encoding.PEM)
        item = {
            "serial_no": self._keys.platform_serial,
            "effective_time": local(certificate.not_valid_before_utc).isoformat(),
            "expire_time": local(certificate.not_valid_after_utc).isoformat(),
            "encrypt_certificate": {
                "algorithm": pay_crypto.ALGORITHM,
                "nonce": nonce,
                "associated_data": "certificate",
                "ciphertext": pay_crypto.seal(self._keys.names.apiv3_key, pem, nonce, "certificate"),
            },
        }
        return json_response(200, {"data": [item]})


def _object(body: bytes) -> dict[str, Any]:
    try:
        return json_object(body)
    except ValueError as error:
        raise PayError(400, "PARAM_ERROR", "参数错误：请求报文不是 JSON") from error


def _named_order(path: str, body: bytes) -> str | None:
    """Name the order a request is about, for the fault switches; None when it names none."""
    if match := _ORDER_PATH.match(path):
        return match[1]
    try:
        number = json.loads(body).get("out_trade_no") if body else None
    except (ValueError, AttributeError):
        return None
    return number if isinstance(number, str) else None
