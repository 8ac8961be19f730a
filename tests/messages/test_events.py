"""Pushed events: each means exactly one thing."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from backend.messages.events import (
    ConsentSource,
    Followed,
    SubscribeConsent,
    SubscribeReceipt,
    TemplateReceipt,
    Unfollowed,
)
from backend.messages.wechat_events import EventOpener, read_event
from backend.settings import Settings
from simulator.wechat_faults import MessageFault
from simulator.wechat_names import MINI_PROGRAM, SERVICE_ACCOUNT
from tests.messages.conftest import Scene, World

Play = Callable[[Scene], None]
Query = dict[str, str]


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
