"""The package's days against the official notices, typed from them (国办发明电 2024、2025 年放假通知)."""

from datetime import date, timedelta

import pytest

from backend.domain.calendars import DayKind, kind_of
from backend.services.site_calendar import calendar_of_policy, official_days, official_years
from backend.services.site_policy import OwnDay, SitePolicy

# First and last day off, and the days on which people work instead.
NOTICES = {
    2025: (
        [
            ("01-01", "01-01"),
            ("01-28", "02-04"),
            ("04-04", "04-06"),
            ("05-01", "05-05"),
            ("05-31", "06-02"),
            ("10-01", "10-08"),
        ],
        ["01-26", "02-08", "04-27", "09-28", "10-11"],
    ),
    2026: (
        [
            ("01-01", "01-03"),
            ("02-15", "02-23"),
            ("04-04", "04-06"),
            ("05-01", "05-05"),
            ("06-19", "06-21"),
            ("09-25", "09-27"),
            ("10-01", "10-07"),
        ],
        ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
    ),
}


@pytest.mark.parametrize("year", NOTICES)
def test_every_day_of_a_year_is_as_its_notice_says(year: int) -> None:
    off, work = NOTICES[year]
    wanted = {}
    for first, last in off:
        on = date.fromisoformat(f"{year}-{first}")
        while on <= date.fromisoformat(f"{year}-{last}"):
            wanted[on] = DayKind.HOLIDAY
            on += timedelta(days=1)
    wanted |= {date.fromisoformat(f"{year}-{day}"): DayKind.MAKE_UP for day in work}
    calendar = calendar_of_policy(SitePolicy(own_years=[2027]))

    on = date(year, 1, 1)
    while on.year == year:
        by_week = DayKind.WEEKEND if on.weekday() >= 5 else DayKind.WORKDAY
        assert kind_of(calendar, on) is wanted.get(on, by_week), on
        on += timedelta(days=1)


def test_a_year_without_a_notice_is_not_made_up() -> None:
    latest = max(official_years())

    assert official_days(latest) is not None
    assert official_days(latest + 1) is None
    assert kind_of(calendar_of_policy(SitePolicy()), date(latest + 1, 6, 1)) in {
        DayKind.UNKNOWN,
        DayKind.WEEKEND,
    }


def test_what_the_site_enters_goes_before_the_notice() -> None:
    own = [OwnDay(date(2026, 10, 1), "照常营业", False), OwnDay(date(2026, 4, 20), "三月三", True)]
    calendar = calendar_of_policy(SitePolicy(own_days=own))

    assert kind_of(calendar, date(2026, 10, 1)) is DayKind.WORKDAY
    assert kind_of(calendar, date(2026, 4, 20)) is DayKind.HOLIDAY
    assert calendar is calendar_of_policy(SitePolicy(own_days=list(own)))
