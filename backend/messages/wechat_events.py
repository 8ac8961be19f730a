"""Pushed events of one WeChat app (事件推送): verify, decrypt, and tell what they mean.

With an AES key set only encrypted events are taken: the signature of a plain one does not cover its
body. A repeated event has the same key, so that taking it twice changes nothing.
"""

import binascii
import hmac
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.parsers.expat import ExpatError

import msgspec
import xmltodict
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatException
from wechatpy.utils import WeChatSigner

from backend.messages.events import (
    ConsentSource,
    Followed,
    SubscribeConsent,
    SubscribeReceipt,
    TemplateReceipt,
    Unfollowed,
    WechatEvent,
)
from backend.messages.port import ChannelName, EventReason, EventRefused, Receipt
from backend.settings import WechatAppSettings
from common.clock import Clock

EVENT_LIMIT_BYTES = 64 * 1024
FRESH_S = 300
_ECHO_CHARS = 128
_DELIVERED = "0"

_Fields = dict[str, Any]


class EventOpener:
    """Opens what WeChat pushes for one app; keys are read once."""

    def __init__(self, settings: WechatAppSettings, clock: Clock) -> None:
        self._token = settings.token
        self._clock = clock
        self._crypto = (
            WeChatCrypto(settings.token, settings.aes_key, settings.appid) if settings.aes_key else None
        )

    def echo(self, query: Mapping[str, str]) -> str:
        """Return the text that proves our address (接入验证). Errors: EventRefused."""
        self._verify(query, "signature")
        echo = query.get("echostr", "")
        if not 0 < len(echo) <= _ECHO_CHARS or not echo.isalnum() or not echo.isascii():
            raise EventRefused(EventReason.UNREADABLE)
        return echo

    def open(self, query: Mapping[str, str], body: bytes) -> list[WechatEvent]:
        """Return what an event means for us; empty for one that means nothing. Errors: EventRefused."""
        if len(body) > EVENT_LIMIT_BYTES:
            raise EventRefused(EventReason.TOO_LARGE)
        if self._crypto is None:
            self._verify(query, "signature")
            return read_event(_fields(body))
        if not query.get("msg_signature"):
            # Says why only to a caller who knows the token.
            self._verify(query, "signature")
            raise EventRefused(EventReason.NOT_ENCRYPTED)
        sealed = _fields(body).get("Encrypt")
        if not isinstance(sealed, str):
            raise EventRefused(EventReason.NOT_ENCRYPTED)
        self._verify(query, "msg_signature", sealed)
        return read_event(_fields(self._decrypted(query, sealed)))

    def _verify(self, query: Mapping[str, str], name: str, *parts: str) -> None:
        timestamp, nonce, given = query.get("timestamp", ""), query.get("nonce", ""), query.get(name, "")
        if not all(text.isascii() for text in (timestamp, nonce, given, *parts)):
            raise EventRefused(EventReason.BAD_SIGNATURE)
        signer = WeChatSigner()
        signer.add_data(self._token, timestamp, nonce, *parts)
        if not hmac.compare_digest(signer.signature, given):
            raise EventRefused(EventReason.BAD_SIGNATURE)
        if not timestamp.isdigit() or len(timestamp) > 12:
            raise EventRefused(EventReason.STALE)
        if abs(self._clock.now().timestamp() - int(timestamp)) > FRESH_S:
            raise EventRefused(EventReason.STALE)

    def _decrypted(self, query: Mapping[str, str], sealed: str) -> bytes:
        assert self._crypto is not None
        try:
            text: str = self._crypto.decrypt_message(
                {"Encrypt": sealed}, query["msg_signature"], query["timestamp"], query["nonce"]
            )
        except (WeChatException, binascii.Error, struct.error, ValueError, IndexError, TypeError):
            raise EventRefused(EventReason.BAD_CIPHER) from None
        return text.encode()


def read_event(fields: _Fields) -> list[WechatEvent]:
    """Read an opened event, XML or JSON alike. Raises EventRefused when it has no form at all."""
    if fields.get("MsgType") != "event":
        return []
    event, openid = _text(fields, "Event"), _text(fields, "FromUserName")
    at = _instant(fields.get("CreateTime"))
    key = f"{openid}:{int(at.timestamp())}:{event}"
    match event:
        case "subscribe_msg_popup_event":
            items = _items(fields, "SubscribeMsgPopupEvent")
            return [_consent(item, key, openid, at, ConsentSource.POPUP) for item in items]
        case "subscribe_msg_change_event":
            items = _items(fields, "SubscribeMsgChangeEvent")
            return [_consent(item, key, openid, at, ConsentSource.CHANGE) for item in items]
        case "subscribe_msg_sent_event":
            items = _items(fields, "SubscribeMsgSentEvent")
            return [_subscribe_receipt(item, key, openid, at) for item in items]
        case "TEMPLATESENDJOBFINISH":
            return [_template_receipt(fields, key, openid, at)]
        case "subscribe":
            return [Followed(key=key, openid=openid, at=at)]
        case "unsubscribe":
            return [Unfollowed(key=key, openid=openid, at=at)]
    return []


def _consent(item: _Fields, key: str, openid: str, at: datetime, source: ConsentSource) -> SubscribeConsent:
    template_id = _text(item, "TemplateId")
    answer = _text(item, "SubscribeStatusString")
    return SubscribeConsent(
        key=f"{key}:{template_id}",
        openid=openid,
        at=at,
        template_id=template_id,
        accepted=answer in {"accept", "acceptWithAudio", "acceptWithAlert"},
        source=source,
    )


def _subscribe_receipt(item: _Fields, key: str, openid: str, at: datetime) -> SubscribeReceipt:
    template_id, message_id, code = _text(item, "TemplateId"), _text(item, "MsgID"), _text(item, "ErrorCode")
    return SubscribeReceipt(
        key=f"{key}:{message_id}",
        openid=openid,
        at=at,
        template_id=template_id,
        receipt=Receipt(
            channel=ChannelName.SUBSCRIBE,
            provider_id=message_id,
            address=openid,
            delivered=code == _DELIVERED,
            code=code,
            at=at,
        ),
    )


def _template_receipt(fields: _Fields, key: str, openid: str, at: datetime) -> TemplateReceipt:
    message_id, status = _text(fields, "MsgID"), _text(fields, "Status")
    receipt = Receipt(
        channel=ChannelName.TEMPLATE,
        provider_id=message_id,
        address=openid,
        delivered=status == "success",
        code=status,
        at=at,
    )
    return TemplateReceipt(key=f"{key}:{message_id}", openid=openid, at=at, receipt=receipt)


def _fields(body: bytes) -> _Fields:
    """Read an XML or a JSON object. Entities are refused: nothing that WeChat sends has any."""
    try:
        if body.lstrip()[:1] == b"{":
            fields = msgspec.json.decode(body)
        else:
            fields = xmltodict.parse(body, disable_entities=True)["xml"]
    except (ExpatError, ValueError, KeyError, TypeError, RecursionError, msgspec.DecodeError):
        raise EventRefused(EventReason.UNREADABLE) from None
    if not isinstance(fields, dict):
        raise EventRefused(EventReason.UNREADABLE)
    return fields


def _items(fields: _Fields, name: str) -> list[_Fields]:
    """Return the List of an event: inside its own element in XML, beside the rest in JSON."""
    holder = fields.get(name, fields)
    found = holder.get("List") if isinstance(holder, dict) else None
    listed = found if isinstance(found, list) else [found]
    items = [item for item in listed if isinstance(item, dict)]
    if len(items) != len(listed):
        raise EventRefused(EventReason.UNREADABLE)
    return items


def _text(fields: _Fields, name: str) -> str:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise EventRefused(EventReason.UNREADABLE)
    return str(value)


def _instant(value: Any) -> datetime:
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise EventRefused(EventReason.UNREADABLE)
    return datetime.fromtimestamp(int(text), UTC)
