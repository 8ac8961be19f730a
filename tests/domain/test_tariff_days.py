"""Seasons, weekends, holidays and single dates with slots of their own (季节与特殊日)."""

import itertools
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.calendars import Calendar
from backend.domain.charging import price_interval
from backend.domain.tariff_days import (
    BadDays,
    BadSlots,
    DayOverride,
    DayPlan,
    Period,
    Season,
    Slot,
    SpecialDays,
)
from backend.domain.tariffs import TariffVersion, cut, period_at, price_microyuan_per_kwh, with_calendar
from common.units import Wh

from .samples import DEMO_FLOATS, at, demo_tariff

SUMMER = Season("夏季", 701, 831, (Slot(0, Period.FLAT), Slot(840, Period.SHARP), Slot(1_020, Period.FLAT)))
WINTER = Season(
    "冬季", 1201, 131, (Slot(0, Period.FLAT), Slot(1_080, Period.SHARP), Slot(1_200, Period.FLAT))
)
HOLIDAY = DayOverride(
    SpecialDays.HOLIDAY, (Slot(0, Period.FLAT), Slot(600, Period.DEEP_VALLEY), Slot(840, Period.FLAT))
)
WEEKEND = DayOverride(SpecialDays.WEEKEND, (Slot(0, Period.VALLEY),))
HOT_DAY = DayOverride(SpecialDays.DATES, (Slot(0, Period.SHARP),), (date(2026, 7, 14), date(2026, 7, 18)))
FLOATS = {**DEMO_FLOATS, Period.SHARP: 800, Period.DEEP_VALLEY: -800}
NOTICES = Calendar(
    frozenset({2026}), {date(2026, 10, 1): True, date(2026, 10, 3): True, date(2026, 10, 10): False}
)


def planned(*parts: Season | DayOverride, calendar: Calendar = NOTICES) -> TariffVersion:
    plan = DayPlan(
        tuple(part for part in parts if isinstance(part, Season)),
        tuple(part for part in parts if isinstance(part, DayOverride)),
    )
    version = msgspec.structs.replace(demo_tariff(floats=FLOATS), plan=plan)
    return with_calendar(version, calendar)


ALL = planned(SUMMER, WINTER, HOLIDAY, WEEKEND, HOT_DAY)


@pytest.mark.parametrize(
    ("time", "period"),
    [
        ("2026-06-30 15:00", Period.FLAT),
        ("2026-07-01 15:00", Period.SHARP),
        ("2026-08-31 23:59", Period.FLAT),
        ("2026-12-01 18:30", Period.SHARP),
        ("2026-01-30 18:30", Period.SHARP),
        ("2026-02-02 18:30", Period.PEAK),
        ("2026-10-01 12:00", Period.DEEP_VALLEY),
        ("2026-10-03 12:00", Period.DEEP_VALLEY),  # A Saturday inside of a holiday.
        ("2026-10-10 12:00", Period.PEAK),  # A Saturday on which people work.
        ("2026-10-11 12:00", Period.VALLEY),
        ("2026-07-14 03:00", Period.SHARP),
        ("2026-07-18 03:00", Period.SHARP),  # A Saturday; the single date goes first.
    ],
)
def test_the_narrower_rule_for_a_day_goes_first(time: str, period: Period) -> None:
    assert period_at(ALL, at(time)) is period


def test_a_deep_valley_kwh_has_a_price_of_its_own() -> None:
    assert price_microyuan_per_kwh(ALL, Period.DEEP_VALLEY) == 364_000
    assert price_microyuan_per_kwh(ALL, Period.FLAT) == 700_000


def test_a_holiday_not_yet_announced_is_priced_as_an_ordinary_day_and_called_estimated() -> None:
    ordinary = price_interval((ALL,), at("2026-03-02 12:00"), at("2026-03-02 12:10"), Wh(1_000))
    unknown = price_interval((ALL,), at("2027-03-02 12:00"), at("2027-03-02 12:10"), Wh(1_000))

    assert (ordinary.estimated, unknown.estimated) == (False, True)
    assert ordinary.total_nano == unknown.total_nano


def test_an_interval_is_cut_at_midnight_where_a_special_day_begins() -> None:
    spans = cut((ALL,), at("2026-09-30 23:00"), at("2026-10-01 11:00"))

    assert [(span.period, span.to_at) for span in spans] == [
        (Period.FLAT, at("2026-10-01 10:00")),
        (Period.DEEP_VALLEY, at("2026-10-01 11:00")),
    ]


def test_a_version_without_special_days_is_written_as_it_always_was() -> None:
    """Its digest tells versions apart: a field more in the JSON would make every known version a new one."""
    assert list(msgspec.json.decode(msgspec.json.encode(demo_tariff()))) == [
        "version_id",
        "valid_from",
        "components",
        "slots",
        "float_permille",
    ]


def test_a_version_with_special_days_comes_back_from_json_as_it_was() -> None:
    version = planned(SUMMER, HOT_DAY)

    assert msgspec.json.decode(msgspec.json.encode(version), type=TariffVersion) == version


@pytest.mark.parametrize(
    "parts",
    [
        (SUMMER, Season("伏天", 831, 901, SUMMER.slots)),
        (WINTER, Season("年末", 1231, 1231, WINTER.slots)),
        (Season("无此日", 230, 301, SUMMER.slots),),
        (WEEKEND, WEEKEND),
        (HOT_DAY, DayOverride(SpecialDays.DATES, WEEKEND.slots, (date(2026, 7, 14),))),
        (DayOverride(SpecialDays.DATES, WEEKEND.slots),),
        (DayOverride(SpecialDays.HOLIDAY, WEEKEND.slots, (date(2026, 7, 14),)),),
    ],
    ids=["overlap", "overlap-over-new-year", "no-day", "twice", "date-twice", "no-date", "date-of-holidays"],
)
def test_days_with_two_answers_are_refused(parts: tuple[Season | DayOverride, ...]) -> None:
    with pytest.raises(BadDays):
        planned(*parts)


def test_slots_of_a_season_are_held_to_the_same_rules() -> None:
    with pytest.raises(BadSlots):
        planned(Season("夏季", 701, 831, (Slot(60, Period.FLAT),)))


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(start=st.integers(0, 60 * 24 * 400), length=st.integers(0, 60 * 24 * 12))
def test_spans_of_special_days_cover_an_interval_and_say_what_each_instant_says(
    start: int, length: int
) -> None:
    from_at = at("2026-01-01 00:00") + timedelta(minutes=start)
    spans = cut((ALL,), from_at, from_at + timedelta(minutes=length))

    assert (spans[0].from_at, spans[-1].to_at) == (from_at, from_at + timedelta(minutes=length))
    for before, after in itertools.pairwise(spans):
        assert before.to_at == after.from_at
        assert before.period is not after.period
    for span in spans:
        assert period_at(ALL, span.from_at) is span.period
        if span.to_at > span.from_at:
            assert period_at(ALL, span.to_at - timedelta(microseconds=1)) is span.period
