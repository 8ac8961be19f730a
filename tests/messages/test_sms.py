"""Text messages through the provider's SDK, and its receipts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from backend.errors import NotFound, Unreadable
from backend.messages.port import NoticeLevel, SendResult, SendState
from backend.messages.sms import RECEIPTS_LIMIT, read_receipts
from backend.settings import Settings, SmsSettings
from simulator.sms_server import SmsFault
from tests.messages.conftest import PHONE, Scene, World

Play = Callable[[Scene], None]


@pytest.mark.parametrize("number", [PHONE, f"+86{PHONE}", f"86{PHONE}"])
def test_a_text_is_taken_and_its_receipt_names_it(play: Play, number: str) -> None:
    async def scene(world: World) -> None:
        result = await world.send("sms", number)
        await world.settle()

        sms, receipt = world.sms.sent[0], world.product.receipts[0]
        assert (result.state, result.provider_id, sms.session) == (SendState.ACCEPTED, sms.serial_no, "77")
        assert (receipt.provider_id, receipt.address, receipt.delivered) == (sms.serial_no, PHONE, True)
        assert receipt.at == sms.arrived_at
        assert sms.receipt_status == 200

    play(scene)


def test_a_text_says_shop_balance_state_and_what_to_do(play: Play) -> None:
    async def scene(world: World) -> None:
        await world.send("sms", PHONE)

        assert world.sms.sent[0].values == ("一楼奶茶店", "42.50", "约可用3天", "余额偏低，请及时交电费")

    play(scene)


@pytest.mark.parametrize("level", list(NoticeLevel))
def test_every_level_is_taken(play: Play, level: NoticeLevel) -> None:
    async def scene(world: World) -> None:
        assert (await world.send("sms", PHONE, level)).state is SendState.ACCEPTED

    play(scene)


@pytest.mark.parametrize("number", ["", "12345", "+1 202 555 0100", "138001380001"])
def test_a_number_that_is_no_mobile_is_not_sent_to(play: Play, number: str) -> None:
    async def scene(world: World) -> None:
        assert await world.send("sms", number) == SendResult(state=SendState.FAILED, code="bad_phone")
        assert world.sms.errors == {}

    play(scene)


BAD_DAYS = [
    (SmsFault.REFUSED, 0, SendState.FAILED, "FailedOperation.PhoneNumberInBlacklist", False),
    (SmsFault.DAILY_LIMIT, 0, SendState.FAILED, "LimitExceeded.PhoneNumberDailyLimit", False),
    (SmsFault.SYSTEM_ERROR, 0, SendState.FAILED, "InternalError.OtherError", True),
    (SmsFault.DOWN, 0, SendState.UNKNOWN, "cut_off", False),
    (SmsFault.DOWN_AFTER_TAKING, 0, SendState.UNKNOWN, "cut_off", False),
    (SmsFault.SLOW, 30, SendState.UNKNOWN, "timeout", False),
]


@pytest.mark.parametrize(("fault", "value", "state", "code", "retryable"), BAD_DAYS)
def test_a_bad_day_of_the_provider_is_told_apart(
    play: Play, fault: SmsFault, value: float, state: SendState, code: str, retryable: bool
) -> None:
    async def scene(world: World) -> None:
        world.sms.switches.set(fault, value=value)

        result = await world.send("sms", PHONE)

        assert result == SendResult(state=state, code=code, retryable=retryable)

    play(scene)


def test_a_text_that_did_not_arrive_is_said_by_its_receipt(play: Play) -> None:
    async def scene(world: World) -> None:
        world.sms.switches.set(SmsFault.RECEIPT_FAILED)
        await world.send("sms", PHONE)
        await world.settle()

        assert (world.product.receipts[0].delivered, world.product.receipts[0].code) == (False, "UNDELIV")

    play(scene)


@pytest.fixture
def sms_settings(settings: Settings) -> SmsSettings:
    assert settings.sms is not None
    return settings.sms


RECEIPT = {
    "user_receive_time": "2026-03-02 10:00:03",
    "nationcode": "86",
    "mobile": PHONE,
    "report_status": "SUCCESS",
    "errmsg": "DELIVRD",
    "description": "用户短信接收成功",
    "sid": "2640:1",
}


def test_a_receipts_time_is_local(sms_settings: SmsSettings) -> None:
    (receipt,) = read_receipts(sms_settings, sms_settings.receipt_token, json.dumps([RECEIPT]).encode())

    assert receipt.at == datetime(2026, 3, 2, 2, 0, 3, tzinfo=UTC)


@pytest.mark.parametrize("token", ["", "guessed", "令牌", "\udcff"])
def test_a_wrong_token_is_not_found(sms_settings: SmsSettings, token: str) -> None:
    with pytest.raises(NotFound):
        read_receipts(sms_settings, token, json.dumps([RECEIPT]).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 10_000,
        b'[{"sid":"1"}]',
        json.dumps([RECEIPT | {"user_receive_time": "soon"}]).encode(),
        json.dumps([RECEIPT] * (RECEIPTS_LIMIT + 1)).encode(),
        b"[" + b" " * 300_000 + b"]",
    ],
)
def test_receipts_without_form_are_unreadable(sms_settings: SmsSettings, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_receipts(sms_settings, sms_settings.receipt_token, body)
