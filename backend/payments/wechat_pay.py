"""WeChat Pay v3 behind the port (微信支付): orders, queries, closing, callbacks.

Source: the channel's APIv3 documents (facts of 2026-11); error codes that differ between accounts are
settled by a query, never by the words of an error text.
"""

import random
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import msgspec

from backend.errors import Bug, ChannelRefused, ChannelUnsure
from backend.logs import logger
from backend.payments.port import (
    CallbackReason,
    CallbackRefused,
    ChannelOrder,
    CloseResult,
    OrderAlreadyPaid,
    OrderClosed,
    OrderState,
    PaidOrder,
    PhoneParameters,
)
from backend.payments.wechat_answers import (
    CURRENCY,
    Envelope,
    Resource,
    Unreadable,
    channel_order,
    paid_order,
    read_code_url,
    read_prepaid,
    read_transaction,
)
from backend.payments.wechat_calls import Answer, Calls, new_nonce
from backend.payments.wechat_crypto import Keys, Undecryptable, Unverified, load_keys
from backend.settings import WechatPaySettings
from common.clock import Clock, local
from common.units import Fen

CALLBACK_LIMIT_BYTES = 64 * 1024
PAID_EVENT = "TRANSACTION.SUCCESS"

_ORDERS = "/v3/pay/transactions"
_ORDER_NO = re.compile(r"^[0-9A-Za-z_\-*]{6,32}$")
_DESCRIPTION_CHARS = 127
# Codes in both spellings that accounts are seen with.
_PAID_CODES = {"ORDERPAID", "ORDER_PAID"}
_CLOSED_CODES = {"ORDER_CLOSED", "ORDERCLOSED"}
_MISSING_CODES = {"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"}
# These may mean paid, expired, or asked before with other terms: only a query tells which.
_AMBIGUOUS_CODES = {"INVALID_REQUEST", "OUT_TRADE_NO_USED", "TRADE_ERROR", "RULE_LIMIT"}

_log = logger(__name__)


class WechatPay:
    """One merchant's channel. Keys are read once, here, unless they are given. Raises ConfigError."""

    def __init__(
        self,
        settings: WechatPaySettings,
        client: httpx.AsyncClient,
        clock: Clock,
        random_: random.Random,
        keys: Keys | None = None,
    ) -> None:
        keys = keys or load_keys(settings)
        self._settings = settings
        self._clock = clock
        self._random = random_
        self._signer = keys.signer
        self._verifier = keys.verifier
        self._opener = keys.opener
        self._calls = Calls(settings.base_url, client, clock, random_, keys.signer, keys.verifier)

    async def prepare(
        self, order_no: str, amount_fen: Fen, openid: str, expires_at: datetime, description: str
    ) -> str:
        """Make the order known and return its prepay_id, good for two hours (下单)."""
        body = self._order(order_no, amount_fen, expires_at, description)
        answer = await self._calls.call("POST", f"{_ORDERS}/jsapi", {**body, "payer": {"openid": openid}})
        if answer.is_ok:
            try:
                return read_prepaid(answer.body)
            except Unreadable as error:
                raise _unreadable("prepare", order_no, error) from None
        raise await self._refusal(order_no, answer, expires_at)

    async def prepare_native(
        self, order_no: str, amount_fen: Fen, expires_at: datetime, description: str
    ) -> str:
        """Make an order that anybody may pay and return what its QR code says (Native 下单)."""
        body = self._order(order_no, amount_fen, expires_at, description)
        answer = await self._calls.call("POST", f"{_ORDERS}/native", body)
        if answer.is_ok:
            try:
                return read_code_url(answer.body)
            except Unreadable as error:
                raise _unreadable("prepare_native", order_no, error) from None
        raise await self._refusal(order_no, answer, expires_at)

    def _order(
        self, order_no: str, amount_fen: Fen, expires_at: datetime, description: str
    ) -> dict[str, Any]:
        return {
            "appid": self._settings.appid,
            "mchid": self._settings.mchid,
            "description": description[:_DESCRIPTION_CHARS],
            "out_trade_no": _checked(order_no),
            "time_expire": local(expires_at).isoformat(timespec="seconds"),
            "notify_url": self._settings.notify_url,
            "amount": {"total": amount_fen, "currency": CURRENCY},
        }

    async def query(self, order_no: str) -> ChannelOrder:
        """Ask what became of an order (查单)."""
        answer = await self._calls.call(
            "GET", f"{_ORDERS}/out-trade-no/{_checked(order_no)}?mchid={self._settings.mchid}"
        )
        if answer.code in _MISSING_CODES:
            return ChannelOrder(order_no=order_no, state=OrderState.NOT_FOUND)
        if not answer.is_ok:
            raise ChannelRefused(channel_code=answer.code)
        try:
            transaction = read_transaction(answer.body)
            if transaction.out_trade_no != order_no or transaction.mchid != self._settings.mchid:
                raise Unreadable("the answer is about another order")
            return channel_order(transaction, answer.body)
        except Unreadable as error:
            raise _unreadable("query", order_no, error) from None

    async def close(self, order_no: str) -> CloseResult:
        """Close an order (关单); an order that was closed before counts as closed."""
        answer = await self._calls.call(
            "POST",
            f"{_ORDERS}/out-trade-no/{_checked(order_no)}/close",
            {"mchid": self._settings.mchid},
        )
        if answer.is_ok or answer.code in _CLOSED_CODES:
            return CloseResult.CLOSED
        if answer.code in _MISSING_CODES:
            return CloseResult.NOT_FOUND
        if answer.code in _PAID_CODES:
            return CloseResult.PAID_ALREADY
        if answer.code in _AMBIGUOUS_CODES:
            match (await self.query(order_no)).state:
                case OrderState.PAID | OrderState.REFUNDED:
                    return CloseResult.PAID_ALREADY
                case OrderState.CLOSED:
                    return CloseResult.CLOSED
                case OrderState.NOT_FOUND:
                    return CloseResult.NOT_FOUND
        raise ChannelRefused(channel_code=answer.code)

    def phone_parameters(self, prepay_id: str) -> PhoneParameters:
        """Sign what the phone needs to pay (调起支付). signType is not part of what is signed."""
        timestamp = str(int(self._clock.now().timestamp()))
        nonce = new_nonce(self._random)
        package = f"prepay_id={prepay_id}"
        message = f"{self._settings.appid}\n{timestamp}\n{nonce}\n{package}\n"
        return PhoneParameters(
            timeStamp=timestamp,
            nonceStr=nonce,
            package=package,
            signType="RSA",
            paySign=self._signer.sign(message.encode()),
        )

    def open_callback(self, headers: Mapping[str, str], body: bytes) -> PaidOrder:
        """Verify and open a callback (支付回调), with no outgoing call whatever it holds.

        The cheap checks come first and at most one signature is checked, so that forged callbacks cost
        no more than genuine ones.
        """
        if len(body) > CALLBACK_LIMIT_BYTES:
            raise CallbackRefused(CallbackReason.TOO_LARGE)
        try:
            self._verifier.check(headers, body, self._clock.now())
        except Unverified as error:
            raise CallbackRefused(error.reason) from None
        return self._paid(self._unsealed(body))

    def _unsealed(self, body: bytes) -> bytes:
        try:
            envelope = msgspec.json.decode(body, type=Envelope)
        except msgspec.ValidationError as error:
            raise CallbackRefused(CallbackReason.WRONG_RESOURCE, str(error)) from None
        except (msgspec.DecodeError, RecursionError):
            raise CallbackRefused(CallbackReason.NOT_JSON) from None
        if envelope.event_type != PAID_EVENT:
            raise CallbackRefused(CallbackReason.OTHER_EVENT, envelope.event_type[:64])
        resource = envelope.resource
        if resource is None or not _is_sealed_transaction(envelope.resource_type, resource):
            raise CallbackRefused(CallbackReason.WRONG_RESOURCE)
        try:
            return self._opener.open(resource.ciphertext, resource.nonce, resource.associated_data or "")
        except Undecryptable as error:
            raise CallbackRefused(CallbackReason.BAD_CIPHER, str(error)) from None

    def _paid(self, text: bytes) -> PaidOrder:
        try:
            transaction = read_transaction(text)
            self._refuse_foreign(transaction.mchid, transaction.appid, transaction.trade_state)
            paid = paid_order(transaction, text)
        except Unreadable as error:
            raise CallbackRefused(CallbackReason.WRONG_PLAINTEXT, str(error)) from None
        if paid.currency != CURRENCY:
            raise CallbackRefused(CallbackReason.WRONG_CURRENCY, paid.currency[:16])
        return paid

    def _refuse_foreign(self, mchid: str, appid: str, trade_state: str) -> None:
        if mchid != self._settings.mchid:
            raise CallbackRefused(CallbackReason.WRONG_MERCHANT, mchid[:32])
        if appid != self._settings.appid:
            raise CallbackRefused(CallbackReason.WRONG_APP, appid[:32])
        if trade_state != "SUCCESS":
            raise CallbackRefused(CallbackReason.NOT_SUCCESS, trade_state[:32])

    async def _refusal(self, order_no: str, answer: Answer, expires_at: datetime) -> ChannelRefused:
        """Say why an order was refused; asks the channel where the code leaves it open."""
        code = answer.code
        if code in _PAID_CODES:
            return OrderAlreadyPaid(channel_code=code)
        if code in _CLOSED_CODES:
            return OrderClosed(channel_code=code)
        if code not in _AMBIGUOUS_CODES:
            return ChannelRefused(channel_code=code)
        order = await self.query(order_no)
        if order.paid is not None:
            return OrderAlreadyPaid(channel_code=code)
        if order.state is OrderState.CLOSED:
            return OrderClosed(channel_code=code)
        if order.state is OrderState.NOT_PAID and self._clock.now() >= expires_at:
            return OrderClosed(channel_code=code)
        return ChannelRefused(channel_code=code)


def _checked(order_no: str) -> str:
    if not _ORDER_NO.match(order_no):
        raise Bug(f"not an order number of ours: {order_no!r}")
    return order_no


def _is_sealed_transaction(resource_type: str, resource: Resource) -> bool:
    return (
        resource_type == "encrypt-resource"
        and resource.original_type == "transaction"
        and resource.algorithm == "AEAD_AES_256_GCM"
    )


def _unreadable(call: str, order_no: str, error: Unreadable) -> ChannelUnsure:
    _log.warning("wechat_pay_unreadable", call=call, order_no=order_no, detail=str(error))
    return ChannelUnsure()
