"""Messages sent through the simulated WeChat: what was taken, what arrived, and its receipt (消息)."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.clock import Clock
from simulator.web import Background
from simulator.wechat_crypto import XmlValue
from simulator.wechat_events import EventSender
from simulator.wechat_faults import MessageFault, MessageSwitches
from simulator.wechat_names import MINI_PROGRAM, SERVICE_ACCOUNT, WorldNames
from simulator.wechat_people import People, Person
from simulator.wechat_tokens import ApiError
from simulator.wechat_values import bad_value

RECEIPT_AFTER_S = 1.0
SAME_MESSAGE_WITHIN = timedelta(minutes=10)
FAILED_STATUS = "user refuse"
_STATES = ("developer", "trial", "formal")


@dataclass
class SentMessage:
    """One message that was taken. arrived_at: when the person's phone showed it; None: never."""

    channel: str  # "subscribe" or "template".
    message_id: int
    openid: str
    template_id: str
    values: dict[str, str]
    opens: str  # Page or address that a tap opens.
    client_id: str
    sent_at: datetime
    arrived_at: datetime | None = None
    receipt: str = ""  # What the receipt said; empty: none was sent.


class Messages:
    """Takes messages and delivers them with their receipts."""

    def __init__(
        self,
        names: WorldNames,
        clock: Clock,
        people: People,
        switches: MessageSwitches,
        events: EventSender,
        background: Background,
        random_: random.Random,
    ) -> None:
        self._names = names
        self._clock = clock
        self._people = people
        self._switches = switches
        self._events = events
        self._background = background
        self._next_id = 3_000_000_000_000_000_000 + random_.randrange(1_000_000_000_000)
        self.sent: list[SentMessage] = []

    def subscribe(self, request: Mapping[str, Any]) -> int:
        """Take a mini-program subscribe message (发送订阅消息) and return its id. Raises ApiError."""
        person, template_id = self._address(request, MINI_PROGRAM)
        if request.get("miniprogram_state", "formal") not in _STATES:
            raise ApiError(47001, "data format error: miniprogram_state")
        self._strike("subscribe", person.openid, template_id)
        if self._switches.strikes(MessageFault.REFUSED, person.openid, template_id, "subscribe"):
            person.consents[template_id] = 0
        left = person.consents.get(template_id, 0)
        if left <= 0:
            raise ApiError(43101, "user refuse to accept the msg")
        person.consents[template_id] = left - 1
        message = self._take("subscribe", person.openid, template_id, request, request.get("page", ""))
        self._background.start(self._deliver(message, MINI_PROGRAM, person))
        return message.message_id

    def template(self, request: Mapping[str, Any]) -> int:
        """Take a service-account template message (发送模板消息) and return its id. Raises ApiError."""
        person, template_id = self._address(request, SERVICE_ACCOUNT)
        jump = request.get("miniprogram") or {}
        if jump and jump.get("appid") != self._names.mini_program.appid:
            raise ApiError(40165, "invalid weapp pagepath or appid not bound")
        self._strike("template", person.service_openid, template_id)
        if self._switches.strikes(MessageFault.REFUSED, person.service_openid, template_id, "template"):
            raise ApiError(43101, "user refuse to accept the msg")
        if not person.follows:
            raise ApiError(43004, "require subscribe")
        if known := self._same(person.service_openid, request.get("client_msg_id", "")):
            return known.message_id
        opens = jump.get("pagepath") or request.get("url", "")
        message = self._take("template", person.service_openid, template_id, request, opens)
        self._background.start(self._deliver(message, SERVICE_ACCOUNT, person))
        return message.message_id

    def _address(self, request: Mapping[str, Any], app: str) -> tuple[Person, str]:
        openid, template_id = request.get("touser"), request.get("template_id")
        person = self._people.find(openid) if isinstance(openid, str) else None
        owned = person and (person.openid if app == MINI_PROGRAM else person.service_openid)
        if person is None or owned != openid:
            raise ApiError(40003, "invalid openid")
        if not isinstance(template_id, str) or self._names.app(app).level_of(template_id) is None:
            raise ApiError(40037, "invalid template_id")
        data = request.get("data")
        wrong = bad_value(data) if isinstance(data, dict) else "data"
        if wrong:
            raise ApiError(47003, f"argument invalid! {wrong} invalid")
        return person, template_id

    def _strike(self, call: str, openid: str, template_id: str) -> None:
        if self._switches.strikes(MessageFault.QUOTA, openid, template_id, call):
            raise ApiError(45009, "reach max api daily quota limit")
        if code := self._switches.strikes(MessageFault.CODE, openid, template_id, call):
            raise ApiError(int(code.value), "switched on by a test")

    def _same(self, openid: str, client_id: str) -> SentMessage | None:
        now = self._clock.now()
        for message in reversed(self.sent):
            if now - message.sent_at > SAME_MESSAGE_WITHIN:
                return None
            if client_id and (message.client_id, message.openid) == (client_id, openid):
                return message
        return None

    def _take(
        self, channel: str, openid: str, template_id: str, request: Mapping[str, Any], opens: Any
    ) -> SentMessage:
        self._next_id += 1
        message = SentMessage(
            channel=channel,
            message_id=self._next_id,
            openid=openid,
            template_id=template_id,
            values={name: holder["value"] for name, holder in request["data"].items()},
            opens=str(opens),
            client_id=str(request.get("client_msg_id", "")),
            sent_at=self._clock.now(),
        )
        self.sent.append(message)
        return message

    async def _deliver(self, message: SentMessage, app: str, person: Person) -> None:
        await self._clock.sleep(RECEIPT_AFTER_S)
        failed = self._switches.strikes(MessageFault.RECEIPT_FAILED, message.openid, message.template_id, app)
        is_blocked = app == SERVICE_ACCOUNT and person.blocks
        if failed is None and not is_blocked:
            message.arrived_at = self._clock.now()
        if self._switches.strikes(MessageFault.NO_RECEIPT, message.openid, message.template_id, app):
            return
        if late := self._switches.strikes(
            MessageFault.RECEIPT_LATE, message.openid, message.template_id, app
        ):
            await self._clock.sleep(late.value)
        if app == MINI_PROGRAM:
            code = int(failed.value or 43101) if failed else 0
            message.receipt = FAILED_STATUS if failed else "success"
            event, fields = "subscribe_msg_sent_event", _subscribe_receipt(message, code)
        else:
            message.receipt = (
                "failed:user block" if is_blocked else "failed: system failed" if failed else "success"
            )
            event = "TEMPLATESENDJOBFINISH"
            fields = {"MsgID": message.message_id, "Status": message.receipt}
        await self._events.push(app, message.openid, event, fields)
        if self._switches.strikes(MessageFault.RECEIPT_DOUBLED, message.openid, message.template_id, app):
            await self._events.push(app, message.openid, event, fields)


def _subscribe_receipt(message: SentMessage, code: int) -> dict[str, XmlValue]:
    item: dict[str, XmlValue] = {
        "TemplateId": message.template_id,
        "MsgID": str(message.message_id),
        "ErrorCode": str(code),
        "ErrorStatus": message.receipt,
    }
    return {"SubscribeMsgSentEvent": {"List": [item]}}
