"""The demonstration's start address (演示首页): doors to every role and phone, and switches of the world.

    GET  /          the page; /start.js and /start.css belong to it
    GET  /state     roles, shops and gateways with their addresses
    POST /drain     {"shop"}           use the shop's balance up to just above its next level
    POST /overload  {"shop", "on"}     more power than allowed, or as before
    POST /gateway   {"code", "gone"}   cut a gateway off, or bring it back
    POST /pay       {"shop", "fen"}    the shop's person pays, by the phone's real way
    POST /scan      {"shop"}           the shop's person scans the code on the till's customer screen

Every POST answers {"sentence"}: what happened, or why not, in Chinese.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from msgspec import Struct

from simulator.phone import PhoneError
from simulator.web import Response, json_response

_FOLDER = Path(__file__).with_name("demo_pages")
_FILES = {
    "/": ("start.html", "text/html; charset=utf-8"),
    "/start.js": ("start.js", "text/javascript; charset=utf-8"),
    "/start.css": ("start.css", "text/css; charset=utf-8"),
}
# As the product's own answers have them, with this page's scripts and styles allowed.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ROLES = (
    ("manager", "经理", "断送电、审批保电、裁定"),
    ("electrician", "电工", "断送电、紧急断电、抄表"),
    ("cashier", "收银员", "发绑定码、申请保电"),
    ("finance", "财务", "看账目，不能断送电"),
    ("administrator", "系统管理员", "管人和权限，不碰钱和电"),
)
T = TypeVar("T")


class DemoShop(Struct, frozen=True, kw_only=True):
    """A shop that can be chosen. person: the name of its phone's owner, "商户001"."""

    code: str
    name: str
    person: str
    account_id: str


class DemoGateway(Struct, frozen=True, kw_only=True):
    code: str
    name: str


class DemoRefused(Exception):
    """What was asked cannot be done now; the text says why, in Chinese."""


class DemoActions(Protocol):
    """What the buttons do. Each returns a Chinese sentence on what happened.

    Raises DemoRefused, PhoneError, or OSError and httpx.HTTPError when a process does not answer.
    """

    async def shops(self) -> list[DemoShop]: ...

    async def gateways(self) -> list[DemoGateway]: ...

    async def drain(self, shop: str) -> str: ...

    async def overload(self, shop: str, on: bool) -> str: ...

    async def gateway(self, code: str, gone: bool) -> str: ...

    async def pay(self, shop: str, fen: int) -> str: ...

    async def scan(self, shop: str) -> str: ...


class _Shop(Struct, frozen=True, forbid_unknown_fields=True):
    shop: str


class _Overload(Struct, frozen=True, forbid_unknown_fields=True):
    shop: str
    on: bool


class _Gateway(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    gone: bool


class _Pay(Struct, frozen=True, forbid_unknown_fields=True):
    shop: str
    fen: int


class StartPage:
    """A `simulator.web.Server` for the start address.

    private_port, public_port: the product's listeners, for staff and for phones.
    """

    def __init__(self, actions: DemoActions, *, private_port: int, public_port: int) -> None:
        self._actions = actions
        self._private_port = private_port
        self._public_port = public_port
        self._posts: Mapping[str, Callable[[bytes], Awaitable[str]]] = {
            "/drain": lambda body: actions.drain(_read(_Shop, body).shop),
            "/overload": self._overload,
            "/gateway": self._gateway,
            "/pay": self._pay,
            "/scan": lambda body: actions.scan(_read(_Shop, body).shop),
        }

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        path = urlsplit(target).path
        given = {name.lower(): value for name, value in headers.items()}
        if not _is_here(given.get("host", "")):
            return _answer(403, "演示只在本机打开")
        if method == "GET" and path in _FILES:
            name, content_type = _FILES[path]
            return Response(200, {"Content-Type": content_type, **_HEADERS}, _file(name))
        if (method, path) == ("GET", "/state"):
            return await self._state()
        if method == "POST" and path in self._posts:
            # Another site's page can post a form here, but JSON only with our leave, which it has not.
            if not given.get("content-type", "").startswith("application/json"):
                return _answer(415, "请求内容必须是 JSON")
            return await self._act(self._posts[path], body)
        return _answer(404, "没有这个页面")

    async def _state(self) -> Response:
        shops: Sequence[DemoShop] = await self._actions.shops()
        return json_response(
            200,
            {
                "roles": [
                    {"name": name, "can": can, "address": self.staff_address(role)}
                    for role, name, can in ROLES
                ],
                "shops": [
                    {**msgspec.structs.asdict(shop), "phone": self.phone_address(shop.person)}
                    for shop in shops
                ],
                "gateways": [msgspec.structs.asdict(one) for one in await self._actions.gateways()],
            },
            _HEADERS,
        )

    def staff_address(self, role: str) -> str:
        """Return a role's own address: its cookies stay apart from the other roles'."""
        return f"http://{role}.localhost:{self._private_port}/?role={role}"

    def phone_address(self, person: str) -> str:
        return f"http://localhost:{self._public_port}/demo/phone?{urlencode({'name': person})}"

    async def _overload(self, body: bytes) -> str:
        asked = _read(_Overload, body)
        return await self._actions.overload(asked.shop, asked.on)

    async def _gateway(self, body: bytes) -> str:
        asked = _read(_Gateway, body)
        return await self._actions.gateway(asked.code, asked.gone)

    async def _pay(self, body: bytes) -> str:
        asked = _read(_Pay, body)
        return await self._actions.pay(asked.shop, asked.fen)

    async def _act(self, act: Callable[[bytes], Awaitable[str]], body: bytes) -> Response:
        try:
            return _answer(200, await act(body))
        except msgspec.DecodeError:
            return _answer(422, "请求内容有误")
        except DemoRefused as error:
            return _answer(409, str(error))
        except PhoneError as error:
            return _answer(409, error.message)
        except LookupError:
            return _answer(404, "没有这家商铺或这台通讯管理机")
        except (OSError, httpx.HTTPError):
            return _answer(502, "演示的一个进程没有应答，请稍后再试")


def _read(kind: type[T], body: bytes) -> T:
    return msgspec.json.decode(body, type=kind)


def _is_here(host: str) -> bool:
    """Say whether a Host names this machine: a name that was turned to 127.0.0.1 elsewhere does not."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _answer(status: int, sentence: str) -> Response:
    return json_response(status, {"sentence": sentence}, _HEADERS)


@cache
def _file(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
