"""What the product asks of a message channel (消息渠道): plain structs and one protocol.

A channel sends and never decides: `cascade` says where next, services remember what came of it.
A message is at most handed over here; only a `Receipt` proves that it was delivered.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from backend.errors import Forbidden, Refused, Unsure


class NoticeLevel(StrEnum):
    """What people are told (通知级别). The names of domain.warnings.Level are among them."""

    LOW = "LOW"
    CRITICAL = "CRITICAL"
    LAST = "LAST"  # Before an arrears trip; needs proof.
    TRIPPED = "TRIPPED"
    RESTORED = "RESTORED"
    POWER = "POWER"  # Over the power limit, before the trip.
    TEST = "TEST"  # Asked for by the person who gets it.
    CODE = "CODE"  # Proves that a phone is the person's; by SMS alone.


class ChannelName(StrEnum):
    SUBSCRIBE = "subscribe"  # Mini-program subscribe message (订阅消息).
    TEMPLATE = "template"  # Service-account template message (模板消息).
    SMS = "sms"


class SendState(StrEnum):
    ACCEPTED = "accepted"  # The provider took it; wait for the receipt.
    FAILED = "failed"  # The provider said no, or was never reached: nobody got anything.
    UNKNOWN = "unknown"  # The provider may have acted.


class Message(Struct, frozen=True, kw_only=True):
    """One message for one address (消息)."""

    notice_id: int
    delivery_id: int  # Sent along where the provider can use it, so that a repetition is seen.
    level: NoticeLevel
    address: str  # openid of the channel's own app, or a phone number.
    values: dict[str, str]  # From templates.compose.
    page: str = ""  # Page of the mini-program that a tap opens, e.g. "pages/home/index?account=1".


class SendResult(Struct, frozen=True, kw_only=True):
    """What the provider said. `code`: its own word, or one of ours ("timeout", "not_sent", …)."""

    state: SendState
    provider_id: str = ""  # Names the message in its receipt; empty unless accepted.
    code: str = ""
    retryable: bool = False  # Nothing was sent, and the same message may be taken later.
    spends_consent: bool = False  # One consent of this person and template is used up.
    consent_gone: bool = False  # The provider holds no consent: set the consent ledger to zero.


class Receipt(Struct, frozen=True, kw_only=True):
    """Proof, or denial, that a message reached a person (回执)."""

    channel: ChannelName
    provider_id: str
    address: str  # openid or phone number, as it was given to the channel.
    delivered: bool
    code: str  # The provider's own word.
    at: datetime


class WechatIdentity(Struct, frozen=True, kw_only=True):
    """A person as one WeChat app knows them. unionid: only where both apps share an Open Platform account."""

    openid: str
    unionid: str | None = None
    follows: bool = False  # Meaningful for the service account alone.


class LoginCodeRefused(Refused):
    """The phone's login code is wrong, used or older than five minutes: it must ask for a new one."""

    status = 401
    code = "login_code_refused"
    message = "微信登录已过期，请重新打开小程序"


class LoginBlocked(Forbidden):
    """WeChat has judged this person a high risk and gives no identity."""

    code = "login_blocked"
    message = "微信限制了该用户登录，请联系物业"


class WechatUnsure(Unsure):
    """WeChat's API did not answer, is busy, or its answer cannot be read."""

    code = "wechat_unsure"
    message = "微信暂时没有应答，请稍后再试"


class WechatRefused(Refused):
    """WeChat's API says no and will say no again: our settings are wrong (wechat_code)."""

    status = 502
    code = "wechat_refused"
    message = "微信接口拒绝了请求（{wechat_code}），请联系管理员"


class EventReason(StrEnum):
    """Why a pushed event was not taken: a constant set, counted one by one."""

    TOO_LARGE = "too_large"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    NOT_ENCRYPTED = "not_encrypted"
    BAD_CIPHER = "bad_cipher"
    UNREADABLE = "unreadable"


class EventRefused(Forbidden):
    """This event is not WeChat's, or cannot be read: nothing is done."""

    code = "event_refused"
    message = "事件推送未被接受（{reason}）"

    def __init__(self, reason: EventReason) -> None:
        super().__init__(reason=reason.value)
        self.reason = reason


class MessageChannel(Protocol):
    """One way to reach a person."""

    @property
    def name(self) -> ChannelName: ...

    async def send(self, message: Message) -> SendResult:
        """Hand one message to the provider. Never raises for what the provider does or fails to do."""
        ...
