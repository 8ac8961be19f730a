"""The WeChat world's control API on loopback: faults in, truth out (控制接口).

    GET  /truth          paid orders, callbacks tried, messages, texts, and what was refused
    GET  /switches       every fault that is on
    POST /switches       {"pay" | "wechat" | "sms": {"clear": true | [fault…], "set": [{"fault"…}…]}}
    GET  /people         everyone; POST /people {"name", "phone"?, "follows"?, "consents"?: {template: n}}
    POST /follow         {"name" | "openid", "follows": bool}: with the event to the product
    POST /check-events   ask the product to prove its event addresses
    GET  /inbox?name=…   what a person's phone shows, as a page

Not part of the product: it exists so that tests and demonstrations can break things.
"""

import html
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from common.clock import local
from simulator.web import Response, html_response, json_object, json_response
from simulator.wechat_names import LEVELS, MINI_PROGRAM, SERVICE_ACCOUNT, SMS_LEVELS
from simulator.wechat_people import Person
from simulator.wechat_world import WechatWorld


class WorldControl:
    """A `simulator.web.Server` around a world."""

    def __init__(self, world: WechatWorld) -> None:
        self._world = world

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        path, _, query = target.partition("?")
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        try:
            match method, path:
                case "GET", "/truth":
                    return json_response(200, self._truth())
                case "GET", "/switches":
                    return json_response(200, self._world.switches())
                case "POST", "/switches":
                    self._world.apply(json_object(body))
                    return json_response(200, self._world.switches())
                case "GET", "/people":
                    return json_response(200, [asdict(each) for each in self._world.people.everyone()])
                case "POST", "/people":
                    return json_response(200, asdict(self._meet(json_object(body))))
                case "POST", "/follow":
                    return json_response(200, asdict(await self._follow(json_object(body))))
                case "POST", "/check-events":
                    return json_response(200, await self._world.check_event_addresses())
                case "GET", "/inbox":
                    return html_response(200, self._inbox(self._person(given)))
        except LookupError as error:
            return json_response(404, {"message": f"no such person or field: {error}"})
        except (ValueError, TypeError, AttributeError) as error:
            return json_response(422, {"message": str(error)})
        return json_response(404, {"message": f"no such operation: {method} {path}"})

    def _truth(self) -> dict[str, Any]:
        world = self._world
        pay, api, sms = world.pay, world.api, world.sms
        return {
            "at": world.clock.now().isoformat(),
            "paid": [_plain(asdict(each)) for each in pay.paid_orders()],
            "deliveries": [_plain(asdict(each)) for each in pay.callbacks.deliveries],
            "given_up": pay.callbacks.given_up,
            "messages": [_plain(asdict(each)) for each in api.messages.sent],
            "pushes": [_plain(asdict(each)) for each in api.events.pushes],
            "sms": [_plain(asdict(each)) for each in sms.sent],
            "refused": {
                "pay": pay.refused,
                "wechat": {str(code): count for code, count in api.errors.items()},
                "sms": sms.errors,
            },
            "tokens_granted": api.tokens.granted,
        }

    def _person(self, given: Mapping[str, Any]) -> Person:
        name, openid = str(given.get("name", "")), str(given.get("openid", ""))
        person = self._world.people.named(name) or self._world.people.find(openid)
        if person is None:
            raise LookupError(name or openid)
        return person

    def _meet(self, given: dict[str, Any]) -> Person:
        name, follows = given["name"], given.get("follows")
        if not isinstance(name, str) or not name or not isinstance(follows, bool | None):
            raise ValueError("name is text, follows is true or false")
        person = self._world.people.meet(name, phone=str(given.get("phone", "")), follows=follows)
        for template_id, count in dict(given.get("consents", {})).items():
            person.consents[template_id] = int(count)
        return person

    async def _follow(self, given: dict[str, Any]) -> Person:
        person = self._person(given)
        await self._world.api.follow(person, follows=given.get("follows", True) is True)
        return person

    def _inbox(self, person: Person) -> str:
        shown: list[tuple[datetime, str, str, list[str]]] = []
        names = self._world.keys.names
        for message in self._world.api.messages.sent:
            if message.openid in (person.openid, person.service_openid) and message.arrived_at:
                app = MINI_PROGRAM if message.channel == "subscribe" else SERVICE_ACCOUNT
                level = names.app(app).level_of(message.template_id)
                kind = "服务通知" if app == MINI_PROGRAM else "公众号"
                lines = list(message.values.values())
                shown.append((message.arrived_at, kind, LEVELS.get(level or "", ""), lines))
        for sms in self._world.sms.sent:
            if sms.phone and sms.phone == person.phone and sms.arrived_at:
                level = names.sms.level_of(sms.template_id)
                shown.append((sms.arrived_at, "短信", SMS_LEVELS.get(level or "", ""), list(sms.values)))
        return _page(person, sorted(shown, key=lambda item: item[0], reverse=True))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()
    }


def _page(person: Person, shown: list[tuple[datetime, str, str, list[str]]]) -> str:
    items = "".join(
        f"<li><small>{html.escape(kind)} · {local(at):%m月%d日 %H:%M:%S}</small><h2>{html.escape(title)}</h2>"
        + "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        + "</li>"
        for at, kind, title, lines in shown
    )
    content = f"<ul>{items}</ul>" if items else "<p>还没有消息</p>"
    return f"""<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>收到的消息</title><style>
body{{margin:0 auto;max-width:430px;padding:16px;background:#ededed;color:#111;
font-family:-apple-system,"PingFang SC","Noto Sans CJK SC",sans-serif}}h1{{font-size:17px}}
ul{{list-style:none;margin:0;padding:0}}
li{{background:#fff;border-radius:8px;padding:12px 16px;margin:0 0 12px}}
h2{{font-size:16px;margin:4px 0}}p{{margin:2px 0;font-size:15px}}small{{color:#666}}
</style></head><body><main><h1>{html.escape(person.name)} 收到的消息</h1>{content}</main></body></html>"""
