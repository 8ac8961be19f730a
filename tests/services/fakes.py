"""A payment channel and ways to people for service tests: small, real classes that remember what they saw."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from backend.errors import NotFound
from backend.messages.events import WechatEvent
from backend.messages.port import (
    ChannelName,
    Message,
    MessageChannel,
    NoticeLevel,
    Receipt,
    SendResult,
    SendState,
    WechatIdentity,
)
from backend.messages.templates import CODE_ORDER, SMS_ORDER, WECHAT_FIELDS, SmsTemplate, WechatTemplate
from backend.payments.port import ChannelOrder, CloseResult, OrderState, PaidOrder, PhoneParameters
from common.units import Fen


@dataclass
class FakeChannel:
    """A payment channel. `fails`: what the next calls raise; `while_closing`: what happens meanwhile."""

    orders: dict[str, ChannelOrder] = field(default_factory=dict)
    fails: deque[Exception] = field(default_factory=deque)
    calls: list[str] = field(default_factory=list)
    while_closing: Callable[[str], Awaitable[None]] | None = None
    answer: PaidOrder | Exception | None = None  # What the next callback turns out to be.

    async def prepare(
        self, order_no: str, amount_fen: Fen, openid: str, expires_at: datetime, description: str
    ) -> str:
        self._note("prepare")
        self.orders.setdefault(order_no, ChannelOrder(order_no=order_no, state=OrderState.NOT_PAID))
        return f"prepay-{order_no}"

    async def prepare_native(
        self, order_no: str, amount_fen: Fen, expires_at: datetime, description: str
    ) -> str:
        self._note("prepare_native")
        self.orders.setdefault(order_no, ChannelOrder(order_no=order_no, state=OrderState.NOT_PAID))
        return f"weixin://wxpay/bizpayurl?pr={order_no}"

    async def query(self, order_no: str) -> ChannelOrder:
        self._note("query")
        return self.orders.get(order_no, ChannelOrder(order_no=order_no, state=OrderState.NOT_FOUND))

    async def close(self, order_no: str) -> CloseResult:
        self._note("close")
        if self.while_closing is not None:
            await self.while_closing(order_no)
        order = self.orders.get(order_no)
        if order is None:
            return CloseResult.NOT_FOUND
        if order.paid is not None:
            return CloseResult.PAID_ALREADY
        self.orders[order_no] = ChannelOrder(order_no=order_no, state=OrderState.CLOSED)
        return CloseResult.CLOSED

    def phone_parameters(self, prepay_id: str) -> PhoneParameters:
        return PhoneParameters(
            timeStamp="1", nonceStr="n", package=f"prepay_id={prepay_id}", signType="RSA", paySign="s"
        )

    def open_callback(self, headers: Mapping[str, str], body: bytes) -> PaidOrder:
        assert self.answer is not None, "no callback is expected"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def take(self, paid: PaidOrder, state: OrderState = OrderState.PAID) -> None:
        """Let the phone have paid."""
        self.orders[paid.order_no] = ChannelOrder(order_no=paid.order_no, state=state, paid=paid)

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if self.fails:
            raise self.fails.popleft()


@dataclass
class FakeWay:
    """One way to people. Fits every message to a template as the real way does; refuses in `answers`."""

    name: ChannelName
    answers: deque[SendResult] = field(default_factory=deque)
    sent: list[Message] = field(default_factory=list)
    while_sending: Callable[[str], Awaitable[None]] | None = None

    async def send(self, message: Message) -> SendResult:
        if self.name is ChannelName.SMS:
            order = CODE_ORDER if message.level is NoticeLevel.CODE else SMS_ORDER
            SmsTemplate("1", order).fill(message.values)
        else:
            WechatTemplate("T", dict(WECHAT_FIELDS)).fill(message.values)
        self.sent.append(message)
        number = f"{self.name.value}-{len(self.sent)}"
        if self.while_sending is not None:
            await self.while_sending(number)
        if self.answers:
            return self.answers.popleft()
        spends = self.name is ChannelName.SUBSCRIBE
        return SendResult(state=SendState.ACCEPTED, provider_id=number, spends_consent=spends)

    @property
    def levels(self) -> list[NoticeLevel]:
        return [message.level for message in self.sent]


@dataclass
class FakeGateway:
    """All ways to people. `events` and `receipts`: what the next push turns out to mean."""

    ways: dict[str, FakeWay] = field(default_factory=lambda: {one.value: FakeWay(one) for one in ChannelName})
    events: list[WechatEvent] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    unionids: dict[str, str] = field(default_factory=dict)

    async def code_to_session(self, code: str) -> WechatIdentity:
        return WechatIdentity(openid=f"openid-{code}")

    async def follower(self, openid: str) -> WechatIdentity:
        return WechatIdentity(openid=openid, unionid=self.unionids.get(openid), follows=True)

    def channel(self, name: str) -> MessageChannel | None:
        return self.ways.get(name)

    def echo(self, app: str, query: Mapping[str, str]) -> str:
        return query["echostr"]

    def open_event(self, app: str, query: Mapping[str, str], body: bytes) -> list[WechatEvent]:
        return self.events

    def open_sms_receipts(self, token: str, body: bytes) -> list[Receipt]:
        if token != "token":
            raise NotFound()
        return self.receipts

    async def close(self) -> None:
        return
