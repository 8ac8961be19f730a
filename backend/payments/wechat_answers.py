"""What WeChat Pay says about orders, as structs (订单报文): answers to queries and opened callbacks."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from backend.payments.port import ChannelOrder, OrderState, PaidOrder
from common.units import Fen

CURRENCY = "CNY"

_STATES = {
    "SUCCESS": OrderState.PAID,
    "REFUND": OrderState.REFUNDED,
    "NOTPAY": OrderState.NOT_PAID,
    "CLOSED": OrderState.CLOSED,
}

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class Unreadable(Exception):
    """A text does not have the form that the channel's document gives it."""


class Amount(Struct, frozen=True):
    total: Annotated[int, Meta(gt=0)]
    payer_total: Annotated[int, Meta(ge=0)] | None = None
    currency: str = CURRENCY


class Payer(Struct, frozen=True):
    openid: str = ""


class Transaction(Struct, frozen=True):
    """An order in WeChat's words. Only paid ones have a transaction, an amount, a payer and a time."""

    mchid: Name
    appid: Name
    out_trade_no: Name
    trade_state: Name
    transaction_id: Annotated[str, Meta(max_length=64)] = ""
    success_time: Annotated[datetime, Meta(tz=True)] | None = None
    amount: Amount | None = None
    payer: Payer | None = None


class Resource(Struct, frozen=True):
    ciphertext: str
    nonce: str
    algorithm: str
    original_type: str = ""
    associated_data: str | None = None


class Envelope(Struct, frozen=True):
    """The body of a callback before it is opened."""

    event_type: str = ""
    resource_type: str = ""
    resource: Resource | None = None


class Prepaid(Struct, frozen=True):
    prepay_id: Name


class NativeOrder(Struct, frozen=True):
    code_url: Annotated[str, Meta(min_length=1, max_length=200, pattern="^weixin://")]


class Complaint(Struct, frozen=True):
    """The body of an error answer. `message` is for the log alone."""

    code: Annotated[str, Meta(max_length=64)] = ""
    message: str = ""


def read_transaction(text: bytes) -> Transaction:
    """Read an order from JSON. Raises Unreadable."""
    try:
        return msgspec.json.decode(text, type=Transaction)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def read_prepaid(text: bytes) -> str:
    """Read the answer to an order. Raises Unreadable."""
    try:
        return msgspec.json.decode(text, type=Prepaid).prepay_id
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def read_code_url(text: bytes) -> str:
    """Read the answer to a native order: an address that WeChat alone opens. Raises Unreadable."""
    try:
        return msgspec.json.decode(text, type=NativeOrder).code_url
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def read_complaint(text: bytes) -> Complaint:
    """Read an error body; an unreadable one has no code."""
    try:
        return msgspec.json.decode(text, type=Complaint)
    except (msgspec.DecodeError, RecursionError):
        return Complaint()


def paid_order(transaction: Transaction, text: bytes) -> PaidOrder:
    """State a payment. text: the plain text it came from. Raises Unreadable when a part is missing."""
    amount, payer, paid_at = transaction.amount, transaction.payer, transaction.success_time
    if not transaction.transaction_id or amount is None or payer is None or paid_at is None:
        raise Unreadable("a paid order without transaction, amount, payer or time")
    if not payer.openid:
        raise Unreadable("a paid order without openid")
    return PaidOrder(
        order_no=transaction.out_trade_no,
        transaction_id=transaction.transaction_id,
        amount_fen=Fen(amount.total),
        payer_total_fen=Fen(amount.total if amount.payer_total is None else amount.payer_total),
        currency=amount.currency,
        openid=payer.openid,
        paid_at=paid_at.astimezone(UTC),
        trade_state=transaction.trade_state,
        raw_digest=hashlib.sha256(text).hexdigest(),
    )


def channel_order(transaction: Transaction, text: bytes) -> ChannelOrder:
    """State what a query showed. Raises Unreadable."""
    state = _STATES.get(transaction.trade_state, OrderState.OTHER)
    has_paid = state in {OrderState.PAID, OrderState.REFUNDED}
    paid = paid_order(transaction, text) if has_paid else None
    if paid is not None and paid.currency != CURRENCY:
        raise Unreadable(f"an order of ours in {paid.currency}")
    return ChannelOrder(
        order_no=transaction.out_trade_no, state=state, paid=paid, trade_state=transaction.trade_state
    )
