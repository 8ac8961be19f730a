"""What WeChat tells of messages and people, typed (事件推送)."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from backend.messages.port import Receipt


class ConsentSource(StrEnum):
    POPUP = "popup"  # The person answered the question: an accept is one more message.
    CHANGE = "change"  # The person switched the template off or on in WeChat's settings: no message more.


class Event(Struct, frozen=True, kw_only=True):
    """Any event. `key` is the same for every delivery of it, so that it counts once."""

    key: str
    openid: str  # Under the app that pushed it.
    at: datetime


class SubscribeReceipt(Event, frozen=True, kw_only=True):
    """What became of a subscribe message (subscribe_msg_sent_event)."""

    template_id: str
    receipt: Receipt


class TemplateReceipt(Event, frozen=True, kw_only=True):
    """What became of a template message (TEMPLATESENDJOBFINISH)."""

    receipt: Receipt


class SubscribeConsent(Event, frozen=True, kw_only=True):
    """A person's answer for one template (订阅授权)."""

    template_id: str
    accepted: bool
    source: ConsentSource


class Followed(Event, frozen=True, kw_only=True):
    """A person follows the service account now (关注)."""


class Unfollowed(Event, frozen=True, kw_only=True):
    """A person no longer follows the service account (取消关注)."""


WechatEvent = SubscribeReceipt | TemplateReceipt | SubscribeConsent | Followed | Unfollowed
