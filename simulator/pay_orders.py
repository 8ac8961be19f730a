"""The orders of the simulated WeChat Pay: rules of ordering, paying and closing (订单)."""

import json
import random
import re
import string
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from common.clock import local
from simulator.pay_faults import Code, DoubtfulCodes

CODE_URL = "weixin://wxpay/bizpayurl?pr="
PREPAY_LIFE = timedelta(hours=2)
DEFAULT_LIFE = timedelta(days=7)
SHORTEST_LIFE = timedelta(minutes=1)
LONGEST_LIFE = timedelta(days=90)
_ORDER_NO = re.compile(r"^[0-9A-Za-z_\-*]{6,32}$")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class PayError(Exception):
    """WeChat Pay refuses: status, code and message of the error body."""

    def __init__(self, status: int, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail

    @classmethod
    def of(cls, code: Code) -> "PayError":
        return cls(code.status, code.code, code.message)


class TradeState(StrEnum):
    NOTPAY = "NOTPAY"
    SUCCESS = "SUCCESS"
    CLOSED = "CLOSED"


STATE_TEXT = {
    TradeState.NOTPAY: "订单未支付",
    TradeState.SUCCESS: "支付成功",
    TradeState.CLOSED: "订单已关闭",
}


@dataclass
class Order:
    out_trade_no: str
    terms: dict[str, Any]  # What the merchant asked for and must ask for again.
    amount_fen: int
    description: str
    openid: str  # Of a NATIVE order: empty until somebody has scanned it and paid.
    trade_type: str
    notify_url: str
    attach: str | None
    created_at: datetime
    expires_at: datetime
    prepay_ids: dict[str, datetime] = field(default_factory=dict)  # Or code_urls: each with its end.
    state: TradeState = TradeState.NOTPAY
    transaction_id: str = ""
    paid_at: datetime | None = None
    in_flight: bool = False  # The phone has paid; the payment counts only after the merchant's close,
    in_flight_s: float = 0.0  # and so many seconds later.


@dataclass(frozen=True)
class PaidOrder:
    """Ground truth for comparing the ledger with the channel."""

    out_trade_no: str
    transaction_id: str
    amount_fen: int
    paid_at: datetime
    openid: str


class OrderBook:
    """All orders of one merchant. Times are handed in; nothing here waits."""

    def __init__(self, mchid: str, appid: str, codes: DoubtfulCodes, random_: random.Random) -> None:
        self._mchid = mchid
        self._appid = appid
        self.codes = codes
        self._random = random_
        self.orders: dict[str, Order] = {}
        self._by_prepay: dict[str, Order] = {}
        self._by_transaction: dict[str, Order] = {}

    def place(self, request: dict[str, Any], now: datetime, *, native: bool = False) -> str:
        """Take an order, or find it again by its number (下单).

        Returns a fresh prepay_id for the payer's phone (JSAPI), or a fresh code_url for whoever scans it.
        """
        order_no = _checked(request, native)
        if request["appid"] != self._appid or request["mchid"] != self._mchid:
            raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid 与 mchid 不匹配")
        terms = {key: value for key, value in request.items() if key != "scene_info"}
        order = self.orders.get(order_no)
        if order is None:
            order = self._new(order_no, request, terms, now, native)
        self._refuse_dead(order, terms, now)
        prepay_id = CODE_URL + self._letters(9) if native else f"wx{local(now):%d%H%M%S}{self._digits(22)}"
        order.prepay_ids[prepay_id] = now + PREPAY_LIFE
        self._by_prepay[prepay_id] = order
        return prepay_id

    def _refuse_dead(self, order: Order, terms: dict[str, Any], now: datetime) -> None:
        if order.state is TradeState.SUCCESS:
            raise PayError.of(self.codes.paid)
        if order.state is TradeState.CLOSED:
            raise PayError.of(self.codes.closed)
        if order.terms != terms:
            raise PayError.of(self.codes.changed)
        if now > order.expires_at:
            raise PayError.of(self.codes.expired)

    def _new(
        self, order_no: str, request: dict[str, Any], terms: dict[str, Any], now: datetime, native: bool
    ) -> Order:
        order = Order(
            out_trade_no=order_no,
            terms=json.loads(json.dumps(terms)),
            amount_fen=request["amount"]["total"],
            description=request["description"],
            openid="" if native else request["payer"]["openid"],
            trade_type="NATIVE" if native else "JSAPI",
            notify_url=request["notify_url"],
            attach=request.get("attach"),
            created_at=now,
            expires_at=_expiry(request.get("time_expire"), now),
        )
        self.orders[order_no] = order
        return order

    def by_number(self, order_no: str) -> Order:
        return _found(self.orders.get(order_no))

    def by_transaction(self, transaction_id: str) -> Order:
        return _found(self._by_transaction.get(transaction_id))

    def payable(self, prepay_id: str, now: datetime) -> Order:
        """Find what a phone may pay now. Raises PayError with the phone's own words (Chinese)."""
        order = self._by_prepay.get(prepay_id)
        if order is None:
            raise PayError(404, "ORDER_NOT_EXIST", "支付单不存在")
        if order.state is TradeState.SUCCESS or order.in_flight:
            raise PayError(400, "ORDERPAID", "该订单已支付")
        if order.state is TradeState.CLOSED:
            raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
        if now > order.expires_at or now > order.prepay_ids[prepay_id]:
            raise PayError(400, "ORDER_EXPIRED", "该订单已过期，请重新下单")
        return order

    def paid(self, order: Order, now: datetime) -> None:
        """The payer's money has moved: give the transaction its number."""
        order.state = TradeState.SUCCESS
        order.in_flight = False
        order.paid_at = now
        order.transaction_id = f"42000{self._digits(5)}{local(now):%Y%m%d}{self._digits(10)}"
        self._by_transaction[order.transaction_id] = order

    def close(self, order_no: str) -> Order:
        order = self.by_number(order_no)
        if order.state is TradeState.SUCCESS:
            raise PayError.of(self.codes.close_paid)
        if order.state is TradeState.CLOSED and self.codes.close_closed.status != 204:
            raise PayError.of(self.codes.close_closed)
        order.state = TradeState.CLOSED
        return order

    def view(self, order: Order, amount_fen: int | None = None) -> dict[str, Any]:
        """Describe an order as query and callback do; unpaid orders have no transaction."""
        total = order.amount_fen if amount_fen is None else amount_fen
        amount: dict[str, Any] = {"total": total, "currency": "CNY"}
        view: dict[str, Any] = {
            "appid": self._appid,
            "mchid": self._mchid,
            "out_trade_no": order.out_trade_no,
            "trade_state": order.state.value,
            "trade_state_desc": STATE_TEXT[order.state],
            "amount": amount,
        }
        if order.openid:
            view["payer"] = {"openid": order.openid}
        if order.state is TradeState.SUCCESS and order.paid_at is not None:
            amount |= {"payer_total": total, "payer_currency": "CNY"}
            view |= {
                "transaction_id": order.transaction_id,
                "trade_type": order.trade_type,
                "bank_type": "OTHERS",
                "success_time": local(order.paid_at).isoformat(timespec="seconds"),
                "attach": order.attach or "",
            }
        return view

    def paid_orders(self) -> list[PaidOrder]:
        return [
            PaidOrder(o.out_trade_no, o.transaction_id, o.amount_fen, o.paid_at, o.openid)
            for o in self.orders.values()
            if o.state is TradeState.SUCCESS and o.paid_at is not None
        ]

    def _letters(self, count: int) -> str:
        return "".join(self._random.choice(string.ascii_letters + string.digits) for _ in range(count))

    def _digits(self, count: int) -> str:
        return "".join(self._random.choice("0123456789") for _ in range(count))


def _found(order: Order | None) -> Order:
    if order is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    return order


def _expiry(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now + DEFAULT_LIFE
    return min(max(datetime.fromisoformat(text), now + SHORTEST_LIFE), now + LONGEST_LIFE)


def _checked(request: dict[str, Any], native: bool) -> str:
    """Check every field of an order and return its number. Raises PayError PARAM_ERROR."""
    for name, longest in (("appid", 32), ("mchid", 32), ("description", 127), ("notify_url", 255)):
        _text(request, name, longest)
    order_no = _text(request, "out_trade_no", 32)
    if not _ORDER_NO.match(order_no):
        raise _param_error(
            "/out_trade_no", order_no, "商户订单号须为 6-32 个字符，只能是数字、大小写字母、_-*"
        )
    if "attach" in request:
        _text(request, "attach", 128)
    amount = request.get("amount")
    total = amount.get("total") if isinstance(amount, dict) else None
    if not isinstance(total, int) or isinstance(total, bool) or not 0 < total <= 100_000_000_00:
        raise _param_error("/amount/total", total, "订单金额须为正整数，单位为分")
    if isinstance(amount, dict) and amount.get("currency", "CNY") != "CNY":
        raise _param_error("/amount/currency", amount["currency"], "货币类型须为 CNY")
    payer = request.get("payer")
    if native and payer is not None:
        raise _param_error("/payer", payer, "Native 下单没有支付者")
    if not native:
        if not isinstance(payer, dict):
            raise _param_error("/payer", payer, "缺少支付者")
        _text(payer, "openid", 128)
    _check_notify_url(request["notify_url"])
    _check_expiry(request.get("time_expire"))
    return order_no


def _text(holder: dict[str, Any], name: str, longest: int) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise _param_error(f"/{name}", value, f"须为 1-{longest} 个字符")
    return value


def _check_notify_url(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_local = host in _LOOPBACK or host.endswith(".localhost")
    allowed = parts.scheme == "https" or (parts.scheme == "http" and is_local)
    if not allowed or not host or parts.query or parts.fragment:
        raise _param_error("/notify_url", url, "通知地址须为 https 地址且不带参数")


def _check_expiry(text: Any) -> None:
    if text is None:
        return
    try:
        aware = isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise _param_error("/time_expire", text, "须符合 RFC 3339，如 2026-03-02T10:00:00+08:00")


def _param_error(field_name: str, value: Any, issue: str) -> PayError:
    detail = {"location": "body", "field": field_name, "value": value, "issue": issue}
    return PayError(400, "PARAM_ERROR", f"参数错误：{issue}", detail)
