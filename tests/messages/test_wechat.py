"""Sending through WeChat, and learning who holds the phone."""

from collections.abc import Callable

import pytest

from backend.errors import AppError, NotFound, TooMany
from backend.messages.events import SubscribeReceipt, TemplateReceipt
from backend.messages.port import (
    LoginBlocked,
    LoginCodeRefused,
    NoticeLevel,
    SendResult,
    SendState,
    WechatRefused,
    WechatUnsure,
)
from simulator.wechat_faults import MessageFault
from tests.messages.conftest import Scene, World

Play = Callable[[Scene], None]
CHANNELS = ["subscribe", "template"]


def address(world: World, channel: str) -> str:
    person = world.tenant()
    return person.openid if channel == "subscribe" else person.service_openid


@pytest.mark.parametrize("level", [one for one in NoticeLevel if one is not NoticeLevel.CODE])
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_level_is_taken_by_wechat(play: Play, channel: str, level: NoticeLevel) -> None:
    async def scene(world: World) -> None:
        result = await world.send(channel, address(world, channel), level)

        sent = world.wechat.messages.sent[0]
        assert result.state is SendState.ACCEPTED
        assert result.provider_id == str(sent.message_id)
        assert sent.opens == "pages/home/index?account=1"

    play(scene)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_receipt_proves_the_delivery_of_its_message(play: Play, channel: str) -> None:
    async def scene(world: World) -> None:
        to = address(world, channel)
        result = await world.send(channel, to)
        await world.settle()

        (event,) = world.product.events
        assert isinstance(event, SubscribeReceipt | TemplateReceipt)
        receipt = event.receipt
        assert (receipt.channel, receipt.provider_id, receipt.address, receipt.delivered) == (
            channel,
            result.provider_id,
            to,
            True,
        )

    play(scene)


def test_a_subscribe_message_spends_a_consent_and_a_template_message_does_not(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(consents=1)
        first = await world.send("subscribe", person.openid)
        second = await world.send("subscribe", person.openid)
        template = await world.send("template", person.service_openid)

        assert (first.spends_consent, second.spends_consent, template.spends_consent) == (True, False, False)
        assert second == SendResult(state=SendState.FAILED, code="43101", consent_gone=True)

    play(scene)


def test_a_template_message_repeated_within_ten_minutes_arrives_once(play: Play) -> None:
    async def scene(world: World) -> None:
        to = address(world, "template")
        results = [await world.send("template", to), await world.send("template", to)]

        assert results[0].provider_id == results[1].provider_id
        assert len(world.wechat.messages.sent) == 1

    play(scene)


def test_who_does_not_follow_gets_no_template_message(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(follows=False)

        result = await world.send("template", person.service_openid)

        assert result == SendResult(state=SendState.FAILED, code="43004")

    play(scene)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_stranger_is_refused(play: Play, channel: str) -> None:
    async def scene(world: World) -> None:
        assert await world.send(channel, "oStranger") == SendResult(state=SendState.FAILED, code="40003")

    play(scene)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("code", "retryable"), [(40037, False), (47003, False), (45009, True), (48001, False), (40165, False)]
)
def test_an_error_code_is_a_definite_failure(play: Play, channel: str, code: int, retryable: bool) -> None:
    async def scene(world: World) -> None:
        to = address(world, channel)
        world.wechat.switches.set(MessageFault.CODE, value=code, subject=channel)

        result = await world.send(channel, to)

        assert result == SendResult(state=SendState.FAILED, code=str(code), retryable=retryable)

    play(scene)


def test_a_refusal_on_the_service_account_leaves_the_consents_alone(play: Play) -> None:
    async def scene(world: World) -> None:
        to = address(world, "template")
        world.wechat.switches.set(MessageFault.REFUSED, subject="template")

        assert await world.send("template", to) == SendResult(state=SendState.FAILED, code="43101")

    play(scene)


@pytest.mark.parametrize(
    ("fault", "value", "expected"),
    [
        (MessageFault.BUSY, 0, SendResult(state=SendState.FAILED, code="-1", retryable=True)),
        (MessageFault.DOWN, 0, SendResult(state=SendState.UNKNOWN, code="cut_off")),
        (MessageFault.DOWN_AFTER_TAKING, 0, SendResult(state=SendState.UNKNOWN, code="cut_off")),
        (MessageFault.SLOW, 30, SendResult(state=SendState.UNKNOWN, code="timeout")),
    ],
)
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_bad_day_of_wechat_is_told_apart(
    play: Play, channel: str, fault: MessageFault, value: float, expected: SendResult
) -> None:
    async def scene(world: World) -> None:
        to = address(world, channel)
        world.wechat.switches.set(fault, value=value, subject=channel)

        assert await world.send(channel, to) == expected

    play(scene)


def test_a_message_without_a_token_was_never_sent(play: Play) -> None:
    async def scene(world: World) -> None:
        to = address(world, "subscribe")
        world.wechat.switches.set(MessageFault.DOWN, subject="token")

        result = await world.send("subscribe", to)

        assert result == SendResult(state=SendState.FAILED, code="no_token", retryable=True)

    play(scene)


def test_a_value_that_fits_no_template_is_not_sent(play: Play) -> None:
    async def scene(world: World) -> None:
        channel = world.gateway.channel("subscribe")
        assert channel is not None
        message = world.message(world.tenant().openid)
        message.values["balance"] = "很多"

        result = await channel.send(message)

        assert result == SendResult(state=SendState.FAILED, code="bad_value")
        assert world.wechat.messages.sent == []

    play(scene)


def test_login_names_the_person_behind_the_phone(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant()

        identity = await world.gateway.code_to_session(world.wechat.login_code(person))

        assert (identity.openid, identity.unionid) == (person.openid, person.unionid)
        assert world.wechat.tokens.granted == 0  # Login needs no access token.

    play(scene)


def test_a_login_code_is_good_once(play: Play) -> None:
    async def scene(world: World) -> None:
        code = world.wechat.login_code(world.tenant())
        await world.gateway.code_to_session(code)

        with pytest.raises(LoginCodeRefused):
            await world.gateway.code_to_session(code)

    play(scene)


@pytest.mark.parametrize("code", ["made-up", "", "x" * 129, "编造"])
def test_a_made_up_login_code_is_refused(play: Play, code: str) -> None:
    async def scene(world: World) -> None:
        with pytest.raises(LoginCodeRefused):
            await world.gateway.code_to_session(code)

    play(scene)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (40029, LoginCodeRefused),
        (40163, LoginCodeRefused),
        (40226, LoginBlocked),
        (45011, TooMany),
        (-1, WechatUnsure),
        (40125, WechatRefused),
    ],
)
def test_a_failed_login_says_what_can_be_done(play: Play, code: int, error: type[AppError]) -> None:
    async def scene(world: World) -> None:
        world.wechat.switches.set(MessageFault.CODE, value=code, subject="login")

        with pytest.raises(error) as raised:
            await world.gateway.code_to_session(world.wechat.login_code(world.tenant()))

        assert raised.value.text()

    play(scene)


@pytest.mark.parametrize("fault", [MessageFault.DOWN, MessageFault.BUSY])
def test_login_is_unsure_while_wechat_is_silent(play: Play, fault: MessageFault) -> None:
    async def scene(world: World) -> None:
        world.wechat.switches.set(fault, subject="login")

        with pytest.raises(WechatUnsure) as raised:
            await world.gateway.code_to_session(world.wechat.login_code(world.tenant()))

        # The address that failed holds the secret; nothing may carry it into a log.
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__

    play(scene)


def test_a_follower_is_known_by_unionid(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(follows=True)

        identity = await world.gateway.follower(person.service_openid)

        assert (identity.openid, identity.unionid, identity.follows) == (
            person.service_openid,
            person.unionid,
            True,
        )

    play(scene)


def test_a_stranger_is_no_follower(play: Play) -> None:
    async def scene(world: World) -> None:
        with pytest.raises(NotFound):
            await world.gateway.follower("oStranger")

    play(scene)
