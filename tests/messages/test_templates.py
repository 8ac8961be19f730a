"""What messages say, and that it always fits what the providers take."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import ConfigError
from backend.messages.port import NoticeLevel
from backend.messages.templates import (
    WECHAT_FIELDS,
    BadValue,
    NoticeFacts,
    SmsTemplate,
    WechatTemplate,
    compose,
    sms_templates,
    template_id,
    wechat_templates,
)
from common.units import Fen
from simulator.wechat_values import bad_value
from tests.messages.conftest import STARTED_AT

VARIABLE = "PREWATT_WECHAT_TEMPLATES"
TEMPLATE = WechatTemplate("t1", WECHAT_FIELDS)


def facts(fen: int = 4_250, days: float | None = 3.9, shop: str = "奶茶店") -> NoticeFacts:
    return NoticeFacts(shop=shop, estimated_fen=Fen(fen), at=STARTED_AT, days=days)


def test_a_low_balance_says_how_long_it_lasts() -> None:
    assert compose(NoticeLevel.LOW, facts()) == {
        "shop": "奶茶店",
        "balance": "42.50",
        "state": "约可用3天",
        "at": "2026年3月2日 10:00",
        "hint": "余额偏低，请及时交电费",
    }


@pytest.mark.parametrize(
    ("level", "fen", "days", "state"),
    [
        (NoticeLevel.LOW, 100, None, "可用天数暂无法估算"),
        (NoticeLevel.CRITICAL, 100, 0.4, "可用不足1天"),
        (NoticeLevel.LAST, 0, 0.0, "余额已用完"),
        (NoticeLevel.LAST, -320, 0.0, "已欠费3.20元"),
        (NoticeLevel.TRIPPED, -123_456, None, "已欠费1,234.56元"),
        (NoticeLevel.RESTORED, -5, None, "已恢复送电"),
        (NoticeLevel.POWER, -5, None, "用电功率超过限值"),
    ],
)
def test_the_state_is_said_in_words(level: NoticeLevel, fen: int, days: float | None, state: str) -> None:
    assert compose(level, facts(fen, days))["state"] == state


def test_the_last_warning_says_when_the_trip_comes_at_the_earliest() -> None:
    given = NoticeFacts(
        shop="奶茶店", estimated_fen=Fen(-1), at=STARTED_AT, trip_at=STARTED_AT + timedelta(minutes=30)
    )

    assert compose(NoticeLevel.LAST, given)["hint"] == "最早3月2日10:30断电，请交费"


def test_an_amount_owed_is_never_sent_as_a_negative_amount() -> None:
    filled = TEMPLATE.fill(compose(NoticeLevel.LAST, facts(-320)))

    assert (filled["amount2"]["value"], filled["thing3"]["value"]) == ("0.00元", "已欠费3.20元")


def test_a_long_name_is_cut_and_says_so() -> None:
    filled = TEMPLATE.fill(compose(NoticeLevel.LOW, facts(shop="一二三四五六七八九十" * 3)))

    assert filled["thing1"]["value"] == "一二三四五六七八九十一二三四五六七八九…"


@settings(max_examples=150, deadline=None)
@given(
    level=st.sampled_from(NoticeLevel),
    shop=st.text(min_size=1, max_size=60),
    fen=st.integers(-99_999_999, 5_000_000_00),
    days=st.none() | st.floats(0, 10_000),
    minutes=st.none() | st.integers(0, 600_000),
)
def test_whatever_happens_wechat_takes_the_message(
    level: NoticeLevel, shop: str, fen: int, days: float | None, minutes: int | None
) -> None:
    trip_at = None if minutes is None else STARTED_AT + timedelta(minutes=minutes)
    given_facts = NoticeFacts(
        shop="A" + shop, estimated_fen=Fen(fen), at=STARTED_AT, days=days, trip_at=trip_at
    )

    assert bad_value(TEMPLATE.fill(compose(level, given_facts))) is None


@settings(max_examples=50, deadline=None)
@given(fen=st.integers(-99_999_999, 5_000_000_00), days=st.none() | st.floats(0, 10_000))
def test_no_amount_or_state_is_ever_cut(fen: int, days: float | None) -> None:
    for level in NoticeLevel:
        filled = TEMPLATE.fill(compose(level, facts(fen, days)))
        assert "…" not in filled["thing3"]["value"] + filled["amount2"]["value"] + filled["thing5"]["value"]


def test_a_site_may_say_where_each_value_goes() -> None:
    (template,) = wechat_templates({"low": "ID9|shop=thing4|balance=number7"}, VARIABLE).values()

    assert (template.template_id, template.fill(compose(NoticeLevel.LOW, facts()))) == (
        "ID9",
        {"thing4": {"value": "奶茶店"}, "number7": {"value": "42.50"}},
    )


def test_a_site_may_say_the_order_of_a_text() -> None:
    templates = sms_templates({"LOW": "123|shop|state"}, "PREWATT_SMS_TEMPLATES")

    assert templates == {NoticeLevel.LOW: SmsTemplate("123", ("shop", "state"))}


def test_the_id_can_be_told_from_the_places() -> None:
    assert (template_id("ID9|shop=thing4"), template_id("ID9")) == ("ID9", "ID9")


@pytest.mark.parametrize(
    "setting",
    [
        {"LOWER": "ID"},
        {"LOW": "|shop=thing1"},
        {"LOW": "ID|shop"},
        {"LOW": "ID|shop=first"},
        {"LOW": "ID|shop=picture1"},
        {"LOW": "ID|price=amount1"},
    ],
)
def test_a_wrong_setting_names_its_variable(setting: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=VARIABLE):
        wechat_templates(setting, VARIABLE)


def test_a_wrong_order_of_a_text_names_its_variable() -> None:
    with pytest.raises(ConfigError, match="PREWATT_SMS_TEMPLATES"):
        sms_templates({"LOW": "123|price"}, "PREWATT_SMS_TEMPLATES")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount2", "1,000.00"),
        ("amount2", "12345678901"),
        ("time4", "tomorrow"),
        ("character_string1", "中文"),
        ("thing1", ""),
        ("thing1", "\n\t"),
        ("thing1", "😀"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(field: str, value: str) -> None:
    with pytest.raises(BadValue):
        WechatTemplate("t1", {"shop": field}).fill({"shop": value})


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(BadValue):
        SmsTemplate("1", ("shop",)).fill({})
