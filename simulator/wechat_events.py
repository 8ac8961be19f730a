"""Events pushed to the product: receipts, consents, follows (事件推送)."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import httpx

from common.clock import Clock
from simulator import wechat_crypto
from simulator.web import Caller
from simulator.wechat_crypto import XmlValue
from simulator.wechat_faults import MessageFault, MessageSwitches
from simulator.wechat_names import AppNames, WorldNames

EVENTS_PATH = "/api/v1/callbacks/wechat-events/"
REPLY_WITHIN_S = 5.0
RETRY_AFTER_S = (0.0, 5.0, 5.0)  # Three tries in all, then WeChat gives up.
_TEXT = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Push:
    """One try to push one event. status 0: no answer in time."""

    app: str
    event: str
    openid: str
    attempt: int
    sent_at: datetime
    status: int

    @property
    def taken(self) -> bool:
        return self.status == 200


class EventSender:
    """Pushes events of both apps. encrypted: "safe mode" (安全模式), else plain text (明文模式)."""

    def __init__(
        self,
        names: WorldNames,
        clock: Clock,
        call: Caller,
        switches: MessageSwitches,
        random_: random.Random,
        public_url: str,
        *,
        encrypted: bool = True,
    ) -> None:
        self._names = names
        self._clock = clock
        self._call = call
        self._switches = switches
        self._random = random_
        self._public_url = public_url
        self.encrypted = encrypted
        self.pushes: list[Push] = []

    async def push(self, app: str, openid: str, event: str, fields: Mapping[str, XmlValue]) -> bool:
        """Deliver one event, three tries at most; True when it was taken."""
        content = self._content(app, openid, event, fields)
        if self._switches.strikes(MessageFault.RECEIPT_FORGED, openid, app):
            forged_url, forged_body = self._request(app, openid, content, token="not-the-token")
            await self._send(app, openid, event, 0, forged_url, forged_body)
        for attempt, wait_s in enumerate(RETRY_AFTER_S):
            if wait_s:
                await self._clock.sleep(wait_s)
            url, body = self._request(app, openid, content, self._names.app(app).token)
            if await self._send(app, openid, event, attempt, url, body):
                return True
        return False

    async def check_address(self, app: str) -> bool:
        """Ask the product to prove that the address is its own (接入验证): it must echo a text."""
        timestamp, nonce, text = self._stamp(app), self.text(10), self.text(19)
        query = {
            "signature": wechat_crypto.signature(self._names.app(app).token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "echostr": text,
        }
        url = f"{self._public_url}{EVENTS_PATH}{app}?{urlencode(query)}"
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                answer = await self._call("GET", url, {"User-Agent": "Mozilla/4.0"}, b"")
        except (OSError, httpx.HTTPError, TimeoutError):
            return False
        return answer.status == 200 and answer.body == text.encode()

    def text(self, count: int) -> str:
        return "".join(self._random.choice(_TEXT) for _ in range(count))

    def _stamp(self, app: str) -> str:
        skew = self._switches.strikes(MessageFault.EVENT_SKEW, app)
        return str(int(self._clock.now().timestamp() + (skew.value if skew else 0)))

    def _content(self, app: str, openid: str, event: str, fields: Mapping[str, XmlValue]) -> bytes:
        return wechat_crypto.xml(
            {
                "ToUserName": self._names.app(app).original_id,
                "FromUserName": openid,
                "CreateTime": int(self._clock.now().timestamp()),
                "MsgType": "event",
                "Event": event,
                **fields,
            }
        )

    def _request(self, app: str, openid: str, content: bytes, token: str) -> tuple[str, bytes]:
        query, body = compose_push(
            self._names.app(app),
            openid,
            content,
            timestamp=self._stamp(app),
            nonce=self.text(10),
            token=token,
            prefix=self.text(wechat_crypto.RANDOM_BYTES).encode() if self.encrypted else None,
        )
        return f"{self._public_url}{EVENTS_PATH}{app}?{urlencode(query)}", body

    async def _send(self, app: str, openid: str, event: str, attempt: int, url: str, body: bytes) -> bool:
        sent_at, status = self._clock.now(), 0
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                headers = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Accept": "*/*"}
                answer = await self._call("POST", url, headers, body)
            status, sent_at = answer.status, answer.sent_at
        except (OSError, httpx.HTTPError, TimeoutError):
            status = 0
        self.pushes.append(Push(app, event, openid, attempt, sent_at, status))
        return self.pushes[-1].taken


def compose_push(
    app: AppNames,
    openid: str,
    content: bytes,
    *,
    timestamp: str,
    nonce: str,
    token: str,
    prefix: bytes | None,
) -> tuple[dict[str, str], bytes]:
    """Sign an event and, with a prefix of 16 random bytes, encrypt it; return query and body."""
    query = {
        "signature": wechat_crypto.signature(token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "openid": openid,
    }
    if prefix is None:
        return query, content
    sealed = wechat_crypto.encrypt(app.aes_key, app.appid, content, prefix)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = wechat_crypto.signature(token, timestamp, nonce, sealed)
    return query, wechat_crypto.xml({"ToUserName": app.original_id, "Encrypt": sealed})
