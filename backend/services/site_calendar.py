"""A site's calendar (日历): the official notices as `chinesecalendar` keeps them, and the site's own days.

That package holds announced years alone and says so when asked about another one. The package `holidays` was
looked at, too: it agrees on 2025 and 2026, and makes up the years to come, which nobody may be cut off by.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import NamedTuple

from chinese_calendar import get_holiday_detail, is_holiday
from chinese_calendar.constants import Holiday

from backend.domain.calendars import SATURDAY, Calendar
from backend.domain.windows import Windows, windows_from
from backend.services.site_policy import OwnDay, SitePolicy

FIRST_YEAR = 2_020  # Nothing older is ever priced or decided about.


class Official(NamedTuple):
    """One day of a notice that differs from the plain week. off: 放假; otherwise 调休上班."""

    on: date
    off: bool
    name: str


@cache
def official_days(year: int) -> tuple[Official, ...] | None:
    """Return the days of a year's notice, in order; None: no notice for that year is known here."""
    on = date(year, 1, 1)
    found = []
    while on.year == year:
        try:
            off = is_holiday(on)
            _, name = get_holiday_detail(on)
        except NotImplementedError:
            return None
        if name is not None or off != (on.weekday() >= SATURDAY):
            found.append(Official(on, off, "" if name is None else Holiday(name).chinese))
        on += timedelta(days=1)
    return tuple(found)


@cache
def official_years() -> frozenset[int]:
    """Return the years whose notices are known here."""
    known = set()
    year = FIRST_YEAR
    while official_days(year) is not None:
        known.add(year)
        year += 1
    return frozenset(known)


def calendar_of_policy(policy: SitePolicy) -> Calendar:
    """Return the official notices with the site's own days over them; the same policy, the same object."""
    own = tuple(day for day in policy.own_days if day.off is not None)
    return _calendar(own, tuple(policy.own_years))


def windows_of(policy: SitePolicy) -> Windows:
    """Return when nobody is cut off for arrears."""
    free = [*policy.holidays, *(day.on.isoformat() for day in policy.own_days if day.off is None)]
    plain = windows_from(policy.no_trip_windows, policy.no_trip_weekends, free)
    return Windows(
        plain.hours,
        plain.weekends,
        plain.holidays,
        official=policy.no_trip_holidays,
        calendar=calendar_of_policy(policy),
    )


@lru_cache(maxsize=64)
def _calendar(own: Sequence[OwnDay], own_years: Sequence[int]) -> Calendar:
    days = {day.on: day.off for year in official_years() for day in official_days(year) or ()}
    days |= {day.on: day.off for day in own if day.off is not None}
    return Calendar(official_years() | frozenset(own_years), days)
