"""The gateway as a whole: what is set up, and the same over real sockets."""

import random

import msgspec
import pytest
import requests

from backend.errors import ConfigError, NotFound
from backend.messages.gateway import build_messages
from backend.messages.port import Message, NoticeLevel, SendResult, SendState, WechatUnsure
from backend.messages.templates import NoticeFacts, compose
from backend.settings import Settings
from common.clock import SystemClock
from common.units import Fen
from simulator.keys import WorldKeys
from simulator.loopback import LoopbackServer
from simulator.sms_server import SmsServer
from simulator.wechat_people import People
from simulator.wechat_server import WechatServer
from tests.messages.conftest import PHONE, Product


async def test_a_mall_without_service_account_and_sms_has_the_mini_program_alone(settings: Settings) -> None:
    small = msgspec.structs.replace(settings, service_account=None, sms=None)
    gateway = build_messages(small, SystemClock())

    assert [gateway.channel(name) is not None for name in ("subscribe", "template", "sms")] == [
        True,
        False,
        False,
    ]
    with pytest.raises(NotFound):
        gateway.open_sms_receipts("token", b"[]")
    with pytest.raises(NotFound):
        await gateway.follower("o1")
    with pytest.raises(NotFound):
        gateway.open_event("service-account", {}, b"")
    await gateway.close()
    await gateway.close()


def test_a_wrong_template_stops_the_start(settings: Settings) -> None:
    app = msgspec.structs.replace(settings.mini_program, templates={"LOW": "ID|shop=first"})

    with pytest.raises(ConfigError, match="PREWATT_WECHAT_TEMPLATES"):
        build_messages(msgspec.structs.replace(settings, mini_program=app), SystemClock())


def message(address: str) -> Message:
    clock = SystemClock()
    facts = NoticeFacts(shop="奶茶店", estimated_fen=Fen(100), at=clock.now())
    return Message(
        notice_id=1,
        delivery_id=2,
        level=NoticeLevel.LOW,
        address=address,
        values=compose(NoticeLevel.LOW, facts),
    )


async def test_all_channels_work_over_sockets(settings: Settings, keys: WorldKeys) -> None:
    clock = SystemClock()
    people, product = People(keys.names), Product(clock)
    person = people.meet("李四", phone=PHONE, follows=True)
    person.consents = dict.fromkeys(keys.names.mini_program.templates.values(), 1)
    wechat = WechatServer(keys, clock, product, people, "http://127.0.0.1:1", random_=random.Random(1))
    sms = SmsServer(keys, clock, product, "http://127.0.0.1:1", random_=random.Random(2))
    api_socket, sms_socket = await LoopbackServer.start(wechat), await LoopbackServer.start(sms)
    gateway = build_messages(_at(settings, api_socket.url, sms_socket.url), clock)
    addresses = {"subscribe": person.openid, "template": person.service_openid, "sms": PHONE}

    for name, address in addresses.items():
        channel = gateway.channel(name)
        assert channel is not None
        assert (await channel.send(message(address))).state is SendState.ACCEPTED
    identity = await gateway.code_to_session(wechat.login_code(person))

    assert identity.openid == person.openid
    await gateway.close()
    await wechat.background.close()
    await sms.background.close()
    await api_socket.close()
    await sms_socket.close()


async def test_a_provider_that_is_not_there_got_nothing(settings: Settings) -> None:
    unused = "http://127.0.0.1:9"  # The discard port: nobody listens there.
    gateway = build_messages(_at(settings, unused, unused), SystemClock())
    channel = gateway.channel("sms")
    assert channel is not None

    result = await channel.send(message(PHONE))

    assert result == SendResult(state=SendState.FAILED, code="not_reached", retryable=True)
    with pytest.raises(WechatUnsure):
        await gateway.code_to_session("code")
    await gateway.close()


def _at(settings: Settings, api_url: str, sms_url: str) -> Settings:
    assert settings.service_account is not None
    assert settings.sms is not None
    replace = msgspec.structs.replace
    return replace(
        settings,
        mini_program=replace(settings.mini_program, api_base_url=api_url),
        service_account=replace(settings.service_account, api_base_url=api_url),
        sms=replace(settings.sms, endpoint=sms_url.partition("://")[2]),
    )


class _Answers(requests.adapters.BaseAdapter):
    """The other end of a network that answers what no provider should."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__()
        self._status, self._body = status, body

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        response = requests.Response()
        response.url, response.request = request.url or "", request
        is_token = "stable_token" in response.url
        response.status_code = 200 if is_token else self._status
        response.headers["Content-Type"] = "application/json"
        response._content = b'{"access_token":"t","expires_in":7200}' if is_token else self._body
        return response

    def close(self) -> None:
        return


@pytest.mark.parametrize("name", ["subscribe", "template", "sms"])
@pytest.mark.parametrize(
    ("status", "body"), [(502, b"bad gateway"), (200, b"<html>"), (200, b"[]"), (200, b'{"Response":{}}')]
)
async def test_an_answer_without_sense_leaves_the_outcome_unknown(
    settings: Settings, name: str, status: int, body: bytes
) -> None:
    gateway = build_messages(settings, SystemClock(), adapter=_Answers(status, body))
    channel = gateway.channel(name)
    assert channel is not None

    result = await channel.send(message(PHONE))

    assert (result.state, result.spends_consent) == (SendState.UNKNOWN, False)
    await gateway.close()
