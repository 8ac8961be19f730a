"""What the product asks of a payment channel (支付渠道): plain structs and one protocol.

Services know this page and no channel. A channel never books: it prepares, asks, closes and opens
callbacks; `PaidOrder` is what the one booking function gets, whichever way the news came.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from backend.errors import ChannelRefused, Refused
from common.units import Fen


class OrderState(StrEnum):
    """State of an order at the channel. NOT_PAID is not final: the phone may pay a moment later."""

    NOT_FOUND = "not_found"
    NOT_PAID = "not_paid"
    PAID = "paid"
    CLOSED = "closed"
    REFUNDED = "refunded"  # It was paid; some or all of it went back.
    OTHER = "other"  # Not ours to act on; ask again.


class PaidOrder(Struct, frozen=True, kw_only=True):
    """A payment as the channel states it, verified (已支付订单)."""

    order_no: str
    transaction_id: str
    amount_fen: Fen  # What we asked for.
    payer_total_fen: Fen  # What the payer spent: less than amount_fen where a coupon paid the rest.
    currency: str
    openid: str
    paid_at: datetime
    trade_state: str  # The channel's own word.
    raw_digest: str  # SHA-256 of the plain text, in hex: evidence.


class ChannelOrder(Struct, frozen=True, kw_only=True):
    """The answer to a query. `paid` is there exactly when state is PAID or REFUNDED."""

    order_no: str
    state: OrderState
    paid: PaidOrder | None = None
    trade_state: str = ""


class CloseResult(StrEnum):
    CLOSED = "closed"  # Also when it was closed before.
    PAID_ALREADY = "paid_already"  # Query it: the money is there.
    NOT_FOUND = "not_found"


class PhoneParameters(Struct, frozen=True, kw_only=True):
    """Arguments of wx.requestPayment, named as the phone needs them."""

    timeStamp: str
    nonceStr: str
    package: str
    signType: str
    paySign: str


class OrderAlreadyPaid(ChannelRefused):
    """The order was paid before: query it and book it."""

    code = "order_already_paid"
    message = "这笔订单已经支付，系统正在入账"


class OrderClosed(ChannelRefused):
    """The order number is dead: a new top-up needs a new number."""

    code = "order_closed"
    message = "这笔订单已经关闭，请重新交电费"


class CallbackReason(StrEnum):
    """Why a callback was not taken: a constant set, counted one by one."""

    TOO_LARGE = "too_large"
    MISSING_HEADER = "missing_header"
    BAD_HEADER = "bad_header"  # A signature header with an impossible length or form.
    PROBE = "probe"  # WeChat's own test with a wrong signature: no alarm, no block.
    STALE = "stale"  # Signed more than 300 s away from our clock.
    UNKNOWN_SERIAL = "unknown_serial"
    BAD_SIGNATURE = "bad_signature"
    NOT_JSON = "not_json"
    OTHER_EVENT = "other_event"  # Genuine, and not about a payment: acknowledged, nothing is done.
    WRONG_RESOURCE = "wrong_resource"
    BAD_CIPHER = "bad_cipher"
    WRONG_PLAINTEXT = "wrong_plaintext"
    WRONG_MERCHANT = "wrong_merchant"
    WRONG_APP = "wrong_app"
    WRONG_CURRENCY = "wrong_currency"
    NOT_SUCCESS = "not_success"
    UNKNOWN_ORDER = "unknown_order"  # The last three are for the service, which knows the orders.
    WRONG_AMOUNT = "wrong_amount"
    WRONG_PAYER = "wrong_payer"


# 4xx makes the channel send again (24 h), so that the real one follows a probe and a repaired fault heals.
CALLBACK_STATUS: dict[CallbackReason, int] = {
    CallbackReason.TOO_LARGE: 413,
    CallbackReason.MISSING_HEADER: 401,
    CallbackReason.BAD_HEADER: 401,
    CallbackReason.PROBE: 401,
    CallbackReason.STALE: 401,
    CallbackReason.UNKNOWN_SERIAL: 401,
    CallbackReason.BAD_SIGNATURE: 401,
    CallbackReason.NOT_JSON: 400,
    CallbackReason.OTHER_EVENT: 200,
    CallbackReason.WRONG_RESOURCE: 400,
    CallbackReason.BAD_CIPHER: 400,
    CallbackReason.WRONG_PLAINTEXT: 400,
    CallbackReason.WRONG_MERCHANT: 403,
    CallbackReason.WRONG_APP: 403,
    CallbackReason.WRONG_CURRENCY: 409,
    CallbackReason.NOT_SUCCESS: 409,
    CallbackReason.UNKNOWN_ORDER: 404,
    CallbackReason.WRONG_AMOUNT: 409,
    CallbackReason.WRONG_PAYER: 409,
}


class CallbackRefused(Refused):
    """This callback books nothing. Answer `status`, count `reason`; `detail` is for the log alone."""

    code = "callback_refused"
    message = "支付回调未被接受（{reason}）"

    def __init__(self, reason: CallbackReason, detail: str = "") -> None:
        super().__init__(reason=reason.value)
        self.reason = reason
        self.status = CALLBACK_STATUS[reason]
        self.detail = detail


class PaymentChannel(Protocol):
    """One payment channel under our own order numbers.

    Every call may be repeated with the same order number. ChannelUnsure means that the channel may
    have acted: query, never order again under a new number. ChannelRefused (with channel_code) is
    definite.
    """

    async def prepare(
        self, order_no: str, amount_fen: Fen, openid: str, expires_at: datetime, description: str
    ) -> str:
        """Make the order known and return its prepay_id, good for two hours (下单).

        Errors: ChannelUnsure, OrderAlreadyPaid, OrderClosed, ChannelRefused.
        """
        ...

    async def prepare_native(
        self, order_no: str, amount_fen: Fen, expires_at: datetime, description: str
    ) -> str:
        """Make an order that anybody may pay and return what its QR code says, good for two hours (扫码下单).

        Errors: as `prepare`.
        """
        ...

    async def query(self, order_no: str) -> ChannelOrder:
        """Ask what became of an order (查单). Errors: ChannelUnsure, ChannelRefused."""
        ...

    async def close(self, order_no: str) -> CloseResult:
        """Close an order (关单); query before and after. Errors: ChannelUnsure, ChannelRefused."""
        ...

    def phone_parameters(self, prepay_id: str) -> PhoneParameters:
        """Sign what the phone needs to pay (调起支付)."""
        ...

    def open_callback(self, headers: Mapping[str, str], body: bytes) -> PaidOrder:
        """Verify and open a callback (支付回调), with no outgoing call whatever it holds.

        headers: names in any case. body: the raw bytes. Errors: CallbackRefused.
        """
        ...
