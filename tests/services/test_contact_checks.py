"""A phone is proved by a code: ten minutes, five tries, and not too many texts."""

import asyncio

import pytest

from backend.errors import Invalid, NotFound, TooMany
from backend.messages.port import NoticeLevel, SendResult, SendState
from backend.models.openings import ContactCheck
from backend.services.contact_checks import (
    CodeTried,
    ContactCheckView,
    is_proved,
    mobile,
    send_code,
    try_code,
)
from backend.services.open_account import open_account
from tests.services.mall import SmallMall
from tests.services.openings import clerk, opened, opened_account, vacate, wizard

pytestmark = pytest.mark.mariadb
PHONE = "13912345678"


async def sent(mall: SmallMall, phone: str = PHONE) -> tuple[ContactCheckView, str]:
    check = await send_code(clerk(mall), phone)
    return check, mall.gateway.ways["sms"].sent[-1].values["code"]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_the_right_code_proves_the_phone(mall: SmallMall) -> None:
    check, code = await sent(mall)

    answer = await try_code(clerk(mall), int(check.check_id), f" {code[:3]} {code[3:]} ")

    assert answer.verified_at == mall.clock.now()
    assert await is_proved(clerk(mall), int(check.check_id), PHONE)
    assert not await is_proved(clerk(mall), int(check.check_id), "13900000000")


async def test_the_text_says_code_and_minutes_and_the_code_is_not_kept(mall: SmallMall) -> None:
    _, code = await sent(mall)

    (message,) = mall.gateway.ways["sms"].sent
    assert (message.level, message.values, message.address) == (
        NoticeLevel.CODE,
        {"code": code, "minutes": "10"},
        PHONE,
    )
    assert code not in str([dict(row) for row in await ContactCheck.all().values()])


async def test_five_wrong_tries_end_a_code(mall: SmallMall) -> None:
    check, code = await sent(mall)
    for left in (4, 3, 2, 1):
        with pytest.raises(Invalid) as caught:
            await try_code(clerk(mall), int(check.check_id), wrong(code))
        assert caught.value.fields == {"code": f"验证码不正确，还可再试 {left} 次"}
    with pytest.raises(CodeTried):
        await try_code(clerk(mall), int(check.check_id), wrong(code))

    with pytest.raises(CodeTried):
        await try_code(clerk(mall), int(check.check_id), code)


async def test_tries_at_the_same_moment_are_all_counted(mall: SmallMall) -> None:
    check, code = await sent(mall)

    await asyncio.gather(
        *(try_code(clerk(mall), int(check.check_id), wrong(code)) for _ in range(5)), return_exceptions=True
    )

    assert (await ContactCheck.get()).tries == 5


async def test_a_code_ends_after_ten_minutes(mall: SmallMall) -> None:
    check, code = await sent(mall)
    mall.clock.advance(600)

    with pytest.raises(CodeTried):
        await try_code(clerk(mall), int(check.check_id), code)


async def test_a_proof_is_good_for_a_day(mall: SmallMall) -> None:
    check, code = await sent(mall)
    await try_code(clerk(mall), int(check.check_id), code)
    mall.clock.advance(86_400)

    assert not await is_proved(clerk(mall), int(check.check_id), PHONE)


async def test_a_phone_gets_one_text_a_minute_and_five_an_hour(mall: SmallMall) -> None:
    await sent(mall)
    with pytest.raises(TooMany):
        await sent(mall)
    for _ in range(4):
        mall.clock.advance(61)
        await sent(mall)
    mall.clock.advance(61)

    with pytest.raises(TooMany):
        await sent(mall)
    assert len(mall.gateway.ways["sms"].sent) == 5


async def test_two_wishes_at_once_send_one_text(mall: SmallMall) -> None:
    await asyncio.gather(*(send_code(clerk(mall), PHONE) for _ in range(3)), return_exceptions=True)

    assert len(mall.gateway.ways["sms"].sent) == 1


async def test_one_person_sends_thirty_an_hour(mall: SmallMall) -> None:
    for number in range(30):
        await sent(mall, f"139000000{number:02d}")

    with pytest.raises(TooMany):
        await sent(mall, "13800000000")


async def test_a_text_that_the_provider_refuses_is_said_so(mall: SmallMall) -> None:
    mall.gateway.ways["sms"].answers.append(SendResult(state=SendState.FAILED, code="blacklist"))

    check, _ = await sent(mall)

    assert check.sent == "failed"


async def test_without_a_provider_nothing_is_sent(mall: SmallMall) -> None:
    del mall.gateway.ways["sms"]

    assert (await send_code(clerk(mall), PHONE)).sent == "failed"


async def test_another_malls_check_is_not_found(mall: SmallMall) -> None:
    check, code = await sent(mall)
    await ContactCheck.all().update(site_id=1)

    with pytest.raises(NotFound):
        await try_code(clerk(mall), int(check.check_id), code)


@pytest.mark.parametrize(
    "text", ["139 1234 5678", "+86 13912345678", "86-139-1234-5678", "１３９１２３４５６７８", "13912345678"]
)
def test_a_number_is_read_however_it_was_typed(text: str) -> None:
    assert mobile(text) == PHONE


@pytest.mark.parametrize("text", ["", "1391234567", "139123456789", "0854-8222222", "12345678901", "abc"])
def test_what_is_no_mobile_number_is_none(text: str) -> None:
    assert mobile(text) is None


async def test_a_proved_contact_arms_the_account(mall: SmallMall) -> None:
    meter = await vacate(mall)
    register = {"meter_id": str(meter.id), "register_wh": 5, "reason": "现场抄见"}
    check, code = await sent(mall)
    contact = {"name": "李四", "phone": PHONE, "check_id": check.check_id}
    with pytest.raises(Invalid) as caught:
        await opened(mall, register, contacts=[contact])
    assert caught.value.fields is not None and "还没有核实" in caught.value.fields["contacts.0.phone"]

    await try_code(clerk(mall), int(check.check_id), code)
    result = await open_account(clerk(mall), await wizard(mall, register, contacts=[contact]))

    assert (await opened_account(mall, result)).armed
