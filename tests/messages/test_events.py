"""Pushed events: only WeChat's are taken, only fresh ones, and each means exactly one thing."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from backend.errors import NotFound
from backend.messages.events import (
    ConsentSource,
    Followed,
    SubscribeConsent,
    SubscribeReceipt,
    TemplateReceipt,
    Unfollowed,
)
from backend.messages.port import EventReason, EventRefused
from backend.messages.wechat_events import EVENT_LIMIT_BYTES, EventOpener, read_event
from backend.settings import Settings
from common.clock import ManualClock
from simulator import wechat_crypto
from simulator.wechat_events import compose_push
from simulator.wechat_faults import MessageFault
from simulator.wechat_names import MINI_PROGRAM, SERVICE_ACCOUNT, AppNames
from tests.messages.conftest import STARTED_AT, Scene, World

Play = Callable[[Scene], None]
Query = dict[str, str]
TEXT = b"<xml><MsgType>text</MsgType><Content>hello</Content></xml>"
NOW = str(int(STARTED_AT.timestamp()))


def test_the_address_proves_itself(play: Play) -> None:
    async def scene(world: World) -> None:
        assert await world.wechat.events.check_address(MINI_PROGRAM)
        assert await world.wechat.events.check_address(SERVICE_ACCOUNT)

    play(scene)


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_consent_is_told_with_its_template(play: Play, encrypted: bool) -> None:
    async def scene(world: World) -> None:
        openers = _openers(world.settings, world.clock, encrypted)
        world.product.gateway = _Only(openers)  # type: ignore[assignment]
        world.wechat.events.encrypted = encrypted
        person = world.tenant()
        low, last = (world.settings.mini_program.templates[level] for level in ("LOW", "LAST"))

        await world.wechat.answer_consent(person, {low: "accept", last: "reject"})

        events = world.product.events
        assert all(isinstance(event, SubscribeConsent) for event in events)
        told = [
            (event.openid, event.template_id, event.accepted, event.source)
            for event in events
            if isinstance(event, SubscribeConsent)
        ]
        assert told == [
            (person.openid, low, True, ConsentSource.POPUP),
            (person.openid, last, False, ConsentSource.POPUP),
        ]
        assert len({event.key for event in events}) == 2

    play(scene)


def test_switching_a_template_off_is_told_as_a_change(play: Play) -> None:
    async def scene(world: World) -> None:
        low = world.settings.mini_program.templates["LOW"]

        await world.wechat.switch_off(world.tenant(), low)

        (event,) = world.product.events
        assert isinstance(event, SubscribeConsent)
        assert (event.template_id, event.accepted, event.source) == (low, False, ConsentSource.CHANGE)

    play(scene)


def test_following_and_leaving_are_told(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant()
        await world.wechat.follow(person)
        await world.wechat.follow(person, follows=False)

        assert [(type(event), event.openid) for event in world.product.events] == [
            (Followed, person.service_openid),
            (Unfollowed, person.service_openid),
        ]

    play(scene)


def test_a_receipt_of_failure_proves_nothing(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant()
        world.wechat.switches.set(MessageFault.RECEIPT_FAILED)
        await world.send("subscribe", person.openid)
        await world.send("template", person.service_openid)
        await world.settle()

        receipts = [event.receipt for event in world.product.events if hasattr(event, "receipt")]
        assert [(receipt.delivered, receipt.code) for receipt in receipts] == [
            (False, "43101"),
            (False, "failed: system failed"),
        ]

    play(scene)


def test_a_doubled_receipt_has_the_same_key(play: Play) -> None:
    async def scene(world: World) -> None:
        world.wechat.switches.set(MessageFault.RECEIPT_DOUBLED)
        await world.send("subscribe", world.tenant().openid)
        await world.settle()

        assert len(world.product.events) == 2
        keys = {event.receipt.provider_id for event in world.product.events if hasattr(event, "receipt")}
        assert len(keys) == 1

    play(scene)


class _Only:
    """The part of a gateway that takes events."""

    def __init__(self, openers: dict[str, EventOpener]) -> None:
        self._openers = openers

    def open_event(self, app: str, query: Query, body: bytes) -> list[Any]:
        return list(self._openers[app].open(query, body))


def _openers(settings: Settings, clock: Any, encrypted: bool) -> dict[str, EventOpener]:
    app = settings.mini_program
    return {MINI_PROGRAM: EventOpener(app if encrypted else msgspec.structs.replace(app, aes_key=""), clock)}


@pytest.fixture
def safe(settings: Settings) -> EventOpener:
    return EventOpener(settings.mini_program, ManualClock(STARTED_AT))


@pytest.fixture
def plain(settings: Settings) -> EventOpener:
    return EventOpener(msgspec.structs.replace(settings.mini_program, aes_key=""), ManualClock(STARTED_AT))


def push(settings: Settings, content: bytes = TEXT, **changes: Any) -> tuple[Query, bytes]:
    """A genuine push, or one that is wrong in a single way."""
    app = settings.mini_program
    given: dict[str, Any] = {
        "timestamp": NOW,
        "nonce": "n1",
        "token": app.token,
        "prefix": b"0123456789abcdef",
    } | changes
    names = _names(settings, given.pop("aes_key", app.aes_key), given.pop("appid", app.appid))
    return compose_push(names, "oUser", content, **given)


def _names(settings: Settings, aes_key: str, appid: str) -> Any:
    app = settings.mini_program
    return AppNames(appid, app.secret, app.token, aes_key, "gh_1", {})


def reason(opener: EventOpener, query: Query, body: bytes) -> EventReason:
    with pytest.raises(EventRefused) as refused:
        opener.open(query, body)
    assert refused.value.status == 403
    return refused.value.reason


def test_a_genuine_message_that_is_no_event_means_nothing(safe: EventOpener, settings: Settings) -> None:
    assert safe.open(*push(settings)) == []


def test_a_huge_push_is_refused(safe: EventOpener, settings: Settings) -> None:
    query, _ = push(settings)

    assert reason(safe, query, b"x" * (EVENT_LIMIT_BYTES + 1)) is EventReason.TOO_LARGE


@pytest.mark.parametrize("skew_s", [-301, 301])
def test_a_replayed_push_is_stale(safe: EventOpener, settings: Settings, skew_s: int) -> None:
    stale = push(settings, timestamp=str(int(NOW) + skew_s))

    assert reason(safe, *stale) is EventReason.STALE


def test_a_timestamp_that_is_no_number_is_stale(safe: EventOpener, settings: Settings) -> None:
    assert reason(safe, *push(settings, timestamp="soon")) is EventReason.STALE


def test_a_push_with_another_token_is_refused(safe: EventOpener, settings: Settings) -> None:
    assert reason(safe, *push(settings, token="guessed")) is EventReason.BAD_SIGNATURE


def test_a_push_changed_on_the_way_is_refused(safe: EventOpener, settings: Settings) -> None:
    query, _ = push(settings)
    _, other = push(settings, b"<xml><MsgType>event</MsgType></xml>")

    assert reason(safe, query, other) is EventReason.BAD_SIGNATURE


def test_a_signature_that_is_no_ascii_is_refused(safe: EventOpener, settings: Settings) -> None:
    query, body = push(settings)

    assert reason(safe, query | {"msg_signature": "签名"}, body) is EventReason.BAD_SIGNATURE


def test_a_plain_push_is_refused_where_a_key_is_set(safe: EventOpener, settings: Settings) -> None:
    assert reason(safe, *push(settings, prefix=None)) is EventReason.NOT_ENCRYPTED


def test_an_encrypted_query_without_an_encrypted_body_is_refused(
    safe: EventOpener, settings: Settings
) -> None:
    query, _ = push(settings)

    assert reason(safe, query, TEXT) is EventReason.NOT_ENCRYPTED


def test_a_push_sealed_with_another_key_is_refused(safe: EventOpener, settings: Settings) -> None:
    other_key = settings.service_account.aes_key if settings.service_account else ""

    assert reason(safe, *push(settings, aes_key=other_key)) is EventReason.BAD_CIPHER


def test_a_push_for_another_app_is_refused(safe: EventOpener, settings: Settings) -> None:
    assert reason(safe, *push(settings, appid="wx0000000000000000")) is EventReason.BAD_CIPHER


@pytest.mark.parametrize("sealed", ["AAAA", "not base64!", "QUJD" * 20])
def test_a_signed_cipher_without_sense_is_refused(safe: EventOpener, settings: Settings, sealed: str) -> None:
    token = settings.mini_program.token
    query = {
        "timestamp": NOW,
        "nonce": "n1",
        "msg_signature": wechat_crypto.signature(token, NOW, "n1", sealed),
    }

    assert reason(safe, query, wechat_crypto.xml({"Encrypt": sealed})) is EventReason.BAD_CIPHER


ENTITY = b'<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>'
EVENT = b"<xml><MsgType>event</MsgType><FromUserName>o1</FromUserName><CreateTime>%b</CreateTime>%b</xml>"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml>",
        b"\xff\xfe",
        b"<html><a/></html>",
        b"<xml>text</xml>",
        b"{",
        b"[]",
        ENTITY,
        EVENT % (b"soon", b"<Event>subscribe</Event>"),
        EVENT % (b"1", b"<Event></Event>"),
        EVENT % (b"1", b"<Event>TEMPLATESENDJOBFINISH</Event>"),
        EVENT % (b"1", b"<Event>subscribe_msg_sent_event</Event>"),
        EVENT % (b"1", b"<Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent/>"),
        b'{"MsgType":"event","Event":"subscribe","FromUserName":true,"CreateTime":1}',
    ],
)
def test_a_signed_push_without_form_is_refused(plain: EventOpener, settings: Settings, body: bytes) -> None:
    query, _ = push(settings, prefix=None)

    assert reason(plain, query, body) is EventReason.UNREADABLE


def test_events_in_json_mean_the_same_as_in_xml() -> None:
    item = {"TemplateId": "t1", "MsgID": "9", "ErrorCode": 0, "ErrorStatus": "success"}
    fields = {
        "ToUserName": "gh_1",
        "FromUserName": "o1",
        "CreateTime": "1772416800",
        "MsgType": "event",
        "Event": "subscribe_msg_sent_event",
        "List": item,
    }

    (event,) = read_event(json.loads(json.dumps(fields)))

    assert isinstance(event, SubscribeReceipt)
    assert (event.receipt.provider_id, event.receipt.delivered, event.template_id) == ("9", True, "t1")


def test_who_blocked_the_account_is_said_by_the_receipt() -> None:
    (event,) = read_event(
        {
            "MsgType": "event",
            "Event": "TEMPLATESENDJOBFINISH",
            "FromUserName": "o1",
            "CreateTime": "1772416800",
            "MsgID": "5",
            "Status": "failed:user block",
        }
    )

    assert isinstance(event, TemplateReceipt)
    assert (event.receipt.delivered, event.receipt.code) == (False, "failed:user block")


def test_an_event_that_is_not_for_us_means_nothing() -> None:
    fields = {"MsgType": "event", "Event": "CLICK", "FromUserName": "o1", "CreateTime": 1}

    assert read_event(fields) == []


def test_an_unknown_app_is_not_found(play: Play) -> None:
    async def scene(world: World) -> None:
        with pytest.raises(NotFound):
            world.gateway.open_event("other", {}, b"")
        with pytest.raises(NotFound):
            world.gateway.echo("other", {})

    play(scene)


@pytest.mark.parametrize("echo", ["", "<script>", "签" * 3, "a" * 129])
def test_an_echo_is_plain_text_or_refused(safe: EventOpener, settings: Settings, echo: str) -> None:
    query, _ = push(settings, prefix=None)

    with pytest.raises(EventRefused):
        safe.echo(query | {"echostr": echo})


def test_an_echo_with_a_wrong_signature_is_refused(safe: EventOpener) -> None:
    with pytest.raises(EventRefused):
        safe.echo({"timestamp": NOW, "nonce": "n", "signature": "0" * 40, "echostr": "1"})


@given_settings(max_examples=100, deadline=None)
@given(
    query=st.dictionaries(
        st.sampled_from(["timestamp", "nonce", "signature", "msg_signature", "encrypt_type"]), st.text()
    ),
    body=st.binary(max_size=200),
)
def test_no_forged_push_is_ever_taken(settings: Settings, query: Query, body: bytes) -> None:
    opener = EventOpener(settings.mini_program, ManualClock(STARTED_AT))
    with pytest.raises(EventRefused):
        opener.open(query, body)
