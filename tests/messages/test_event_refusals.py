"""Pushes that are refused: only WeChat's own, fresh, whole and for this app are opened."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from backend.errors import NotFound
from backend.messages.port import EventReason, EventRefused
from backend.messages.wechat_events import EVENT_LIMIT_BYTES, EventOpener
from backend.settings import Settings
from common.clock import ManualClock
from simulator import wechat_crypto
from simulator.wechat_events import compose_push
from simulator.wechat_names import AppNames
from tests.messages.conftest import STARTED_AT, Scene, World

Play = Callable[[Scene], None]
Query = dict[str, str]
TEXT = b"<xml><MsgType>text</MsgType><Content>hello</Content></xml>"
NOW = str(int(STARTED_AT.timestamp()))


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
