"""What kind of day it is, and what cannot be known yet (日历)."""

from datetime import date

import pytest

from backend.domain.calendars import NO_CALENDAR, Calendar, DayKind, kind_of

YEAR_2026 = Calendar(frozenset({2026}), {date(2026, 2, 16): True, date(2026, 2, 28): False})


@pytest.mark.parametrize(
    ("on", "kind"),
    [
        (date(2026, 2, 16), DayKind.HOLIDAY),
        (date(2026, 2, 28), DayKind.MAKE_UP),
        (date(2026, 3, 1), DayKind.WEEKEND),
        (date(2026, 3, 2), DayKind.WORKDAY),
        (date(2026, 12, 25), DayKind.WORKDAY),
        (date(2027, 3, 1), DayKind.UNKNOWN),
        (date(2027, 3, 6), DayKind.WEEKEND),
    ],
)
def test_a_day_is_what_the_notices_say_it_is(on: date, kind: DayKind) -> None:
    assert kind_of(YEAR_2026, on) is kind


def test_the_last_days_of_a_year_wait_for_the_next_years_notice() -> None:
    both = Calendar(frozenset({2026, 2027}))

    assert kind_of(YEAR_2026, date(2026, 12, 31)) is DayKind.UNKNOWN
    assert kind_of(both, date(2026, 12, 31)) is DayKind.WORKDAY


def test_a_day_that_is_entered_is_known_in_an_unknown_year() -> None:
    calendar = Calendar(days={date(2027, 1, 1): True, date(2027, 1, 4): False})

    assert kind_of(calendar, date(2027, 1, 1)) is DayKind.HOLIDAY
    assert kind_of(calendar, date(2027, 1, 4)) is DayKind.WORKDAY


def test_without_a_calendar_every_weekday_is_unknown() -> None:
    assert kind_of(NO_CALENDAR, date(2026, 3, 2)) is DayKind.UNKNOWN
