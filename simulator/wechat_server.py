"""A local api.weixin.qq.com (微信接口): login, access tokens, subscribe and template messages, user info.

Its answers never wait for the product, so synchronous clients are served in memory too; receipts and
other events follow in the background.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from common.clock import Clock
from simulator.keys import WorldKeys
from simulator.web import Background, Caller, Response, answer_in_time, json_object, json_response
from simulator.wechat_crypto import XmlValue
from simulator.wechat_events import EventSender
from simulator.wechat_faults import MessageFault, MessageSwitches
from simulator.wechat_messages import Messages
from simulator.wechat_names import MINI_PROGRAM, SERVICE_ACCOUNT, AppNames
from simulator.wechat_people import People, Person
from simulator.wechat_tokens import ApiError, Tokens

CODE_LIFE = timedelta(minutes=5)
MAX_TEMPLATES_ASKED = 3
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Content-Type"}
_CALLS = {
    "/sns/jscode2session": "login",
    "/cgi-bin/token": "token",
    "/cgi-bin/stable_token": "token",
    "/cgi-bin/message/subscribe/send": "subscribe",
    "/cgi-bin/message/template/send": "template",
    "/cgi-bin/user/info": "user",
}
_ANSWERS = ("accept", "reject", "ban")


@dataclass
class _LoginCode:
    person: Person
    ends_at: datetime
    is_used: bool = False


class WechatServer:
    """Both apps' API. `public_url` is where events are pushed to."""

    def __init__(
        self,
        keys: WorldKeys,
        clock: Clock,
        call: Caller,
        people: People,
        public_url: str,
        *,
        random_: random.Random | None = None,
        encrypted: bool = True,
    ) -> None:
        random_ = random_ or random.SystemRandom()
        self._names = keys.names
        self._clock = clock
        self._codes: dict[str, _LoginCode] = {}
        self.people = people
        self.switches: MessageSwitches = MessageSwitches(MessageFault, random_)
        self.background = Background()
        self.events = EventSender(
            keys.names, clock, call, self.switches, random_, public_url, encrypted=encrypted
        )
        self.messages = Messages(
            keys.names, clock, people, self.switches, self.events, self.background, random_
        )
        self.tokens = Tokens(random_)
        self.errors: dict[int, int] = {}  # errcode -> how often it was answered.

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        return await answer_in_time(self.respond_now(method, target, headers, body), self._clock)

    def respond_now(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        path, _, query = target.partition("?")
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        call = _CALLS.get(path, "")
        if path.startswith("/phone/"):
            return self._phone(method, path, body)
        if self.switches.strikes(MessageFault.DOWN, call):
            return Response(503, dropped=True)
        try:
            answer = self._call(method, path, given, body)
        except ApiError as error:
            self.errors[error.code] = self.errors.get(error.code, 0) + 1
            answer = {"errcode": error.code, "errmsg": f"{error.message} rid: {self.events.text(24)}"}
        slow = self.switches.strikes(MessageFault.SLOW, call)
        is_cut = self.switches.strikes(MessageFault.DOWN_AFTER_TAKING, call) is not None
        response = json_response(200, answer)
        return replace(response, delay_s=slow.value if slow else 0.0, dropped=is_cut)

    def login_code(self, person: Person) -> str:
        """Give the phone of a person a login code (wx.login): good once, within five minutes."""
        now = self._clock.now()
        self._codes = {code: kept for code, kept in self._codes.items() if kept.ends_at + CODE_LIFE > now}
        code = "0" + self.events.text(31)
        self._codes[code] = _LoginCode(person, now + CODE_LIFE)
        return code

    async def answer_consent(self, person: Person, answers: Mapping[str, str]) -> dict[str, str]:
        """A person answers wx.requestSubscribeMessage; the product is told (订阅授权).

        answers: template id -> "accept", "reject" or "ban". Returns what the phone's call returns.
        Raises ValueError for more than three templates, unknown ones or other answers.
        """
        self._note_consent(person, answers)
        await self._tell_consent(person, answers)
        return {"errMsg": "requestSubscribeMessage:ok", **answers}

    def _note_consent(self, person: Person, answers: Mapping[str, str]) -> None:
        if not 0 < len(answers) <= MAX_TEMPLATES_ASKED:
            raise ValueError("20003: one to three templates may be asked for")
        for template_id, answer in answers.items():
            if self._names.mini_program.level_of(template_id) is None or answer not in _ANSWERS:
                raise ValueError(f"20001: no such template or answer: {template_id} {answer}")
        for template_id, answer in answers.items():
            if answer == "accept":
                person.consents[template_id] = person.consents.get(template_id, 0) + 1

    async def _tell_consent(self, person: Person, answers: Mapping[str, str]) -> None:
        items: list[Mapping[str, XmlValue]] = [
            {"TemplateId": template_id, "SubscribeStatusString": answer, "PopupScene": 0}
            for template_id, answer in answers.items()
        ]
        await self.events.push(
            MINI_PROGRAM,
            person.openid,
            "subscribe_msg_popup_event",
            {"SubscribeMsgPopupEvent": {"List": items}},
        )

    async def switch_off(self, person: Person, template_id: str) -> None:
        """A person refuses a template in WeChat's settings: every consent is gone (拒收)."""
        person.consents[template_id] = 0
        item: dict[str, XmlValue] = {"TemplateId": template_id, "SubscribeStatusString": "reject"}
        await self.events.push(
            MINI_PROGRAM,
            person.openid,
            "subscribe_msg_change_event",
            {"SubscribeMsgChangeEvent": {"List": [item]}},
        )

    async def follow(self, person: Person, *, follows: bool = True) -> None:
        """A person follows the service account, or leaves it (关注、取消关注)."""
        person.follows = follows
        event = "subscribe" if follows else "unsubscribe"
        await self.events.push(SERVICE_ACCOUNT, person.service_openid, event, {"EventKey": ""})

    def _call(self, method: str, path: str, query: dict[str, str], body: bytes) -> dict[str, Any]:
        if self.switches.strikes(MessageFault.BUSY, _CALLS.get(path, "")):
            raise ApiError(-1, "system error")
        match method, path:
            case "GET", "/sns/jscode2session":
                return self._session(query)
            case "GET", "/cgi-bin/token":
                app = self._app(query, "client_credential")
                return _grant(*self.tokens.classic(app.appid, self._clock.now()))
            case "POST", "/cgi-bin/stable_token":
                given = _object(body)
                app = self._app(given, "client_credential")
                force = given.get("force_refresh", False) is True
                return _grant(*self.tokens.stable(app.appid, self._clock.now(), force))
            case "POST", "/cgi-bin/message/subscribe/send":
                self._need(query, MINI_PROGRAM, "subscribe")
                return _done(self.messages.subscribe(_object(body)))
            case "POST", "/cgi-bin/message/template/send":
                self._need(query, SERVICE_ACCOUNT, "template")
                return _done(self.messages.template(_object(body)))
            case "GET", "/cgi-bin/user/info":
                self._need(query, SERVICE_ACCOUNT, "user")
                return self._user(query.get("openid", ""))
        raise ApiError(40066, "invalid url")

    def _session(self, query: dict[str, str]) -> dict[str, Any]:
        app = self._app(query, "authorization_code")
        if app.appid != self._names.mini_program.appid:
            raise ApiError(40013, "invalid appid")
        kept = self._codes.get(query.get("js_code", ""))
        if kept is None or kept.ends_at < self._clock.now():
            raise ApiError(40029, "invalid code")
        if kept.is_used:
            raise ApiError(40163, "code been used")
        if code := self.switches.strikes(MessageFault.CODE, kept.person.openid, "login"):
            raise ApiError(int(code.value), "switched on by a test")
        kept.is_used = True
        session_key = self.events.text(22) + "=="
        return {"openid": kept.person.openid, "session_key": session_key, "unionid": kept.person.unionid}

    def _user(self, openid: str) -> dict[str, Any]:
        person = self.people.find(openid)
        if person is None or person.service_openid != openid:
            raise ApiError(40003, "invalid openid")
        if not person.follows:
            return {"subscribe": 0, "openid": openid, "unionid": person.unionid}
        return {"subscribe": 1, "openid": openid, "language": "zh_CN", "unionid": person.unionid}

    def _app(self, given: Mapping[str, Any], grant_type: str) -> AppNames:
        name = self._names.app_name(str(given.get("appid", "")))
        if name is None:
            raise ApiError(40013, "invalid appid")
        app = self._names.app(name)
        if given.get("secret") != app.secret:
            raise ApiError(40125, "invalid appsecret")
        if given.get("grant_type") != grant_type:
            raise ApiError(40002, "invalid grant_type")
        return app

    def _need(self, query: dict[str, str], app: str, call: str) -> None:
        if self.switches.strikes(MessageFault.TOKEN_REJECTED, call):
            raise ApiError(40001, "invalid credential, access_token is invalid or not latest")
        appid = self.tokens.app_of(query.get("access_token", ""), self._clock.now())
        if appid != self._names.app(app).appid:
            raise ApiError(48001, "api unauthorized")

    def _phone(self, method: str, path: str, body: bytes) -> Response:
        """Serve wx.login and wx.requestSubscribeMessage of a phone that runs elsewhere."""
        if method == "OPTIONS":
            return Response(204, dict(CORS))
        try:
            fields = json_object(body)
            person = self.people.find(str(fields.get("openid", "")))
            person = person or self.people.named(str(fields.get("name", "")))
            if person is None:
                return json_response(404, {"errMsg": "没有这位用户"}, CORS)
            if (method, path) == ("POST", "/phone/login"):
                code = self.login_code(person)
                return json_response(200, {"errMsg": "login:ok", "code": code}, CORS)
            if (method, path) == ("POST", "/phone/consent"):
                answers = {str(key): str(value) for key, value in dict(fields["answers"]).items()}
                self._note_consent(person, answers)
                self.background.start(self._tell_consent(person, answers))
                return json_response(200, {"errMsg": "requestSubscribeMessage:ok", **answers}, CORS)
        except (ValueError, KeyError, TypeError) as error:
            return json_response(400, {"errMsg": f"请求有误：{error}"}, CORS)
        return json_response(404, {"errMsg": "页面不存在"}, CORS)


def _grant(token: str, left_s: int) -> dict[str, Any]:
    return {"access_token": token, "expires_in": left_s}


def _done(message_id: int) -> dict[str, Any]:
    return {"errcode": 0, "errmsg": "ok", "msgid": message_id}


def _object(body: bytes) -> dict[str, Any]:
    try:
        return json_object(body)
    except (ValueError, json.JSONDecodeError) as error:
        raise ApiError(47001, "data format error") from error
