"""What kind of day a local date is (日历): workday, weekend, holiday, make-up workday, or not yet known.

The calendar is data that is handed in: official notices and what a site has entered itself. The notice for a
year comes out in the November before it; until then its weekdays may turn out to be holidays, and nobody
may act as if they were not.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from msgspec import Struct

SATURDAY = 5
# A notice has moved days of the last week of December before: 2018-12-31 was a holiday of 2019.
_LAST_WEEK = (12, 28)


class DayKind(StrEnum):
    WORKDAY = "workday"  # 工作日
    WEEKEND = "weekend"  # 周末
    HOLIDAY = "holiday"  # 法定节假日，含调休放假
    MAKE_UP = "make_up"  # 调休上班的周末
    UNKNOWN = "unknown"  # A weekday of a year whose holidays are not announced.


class Calendar(Struct, frozen=True):
    """known_years: whose holidays are all in `days`. days: what differs from the plain week.

    True: nobody works (放假); False: people work (上班). Entries of other years count, too.
    """

    known_years: frozenset[int] = frozenset()
    days: Mapping[date, bool] = {}


NO_CALENDAR = Calendar()


def kind_of(calendar: Calendar, on: date) -> DayKind:
    """Tell what kind of day a local date is; UNKNOWN where only a notice to come can tell."""
    is_off = calendar.days.get(on)
    is_weekend = on.weekday() >= SATURDAY
    if is_off is not None:
        if is_off:
            return DayKind.HOLIDAY
        return DayKind.MAKE_UP if is_weekend else DayKind.WORKDAY
    if is_weekend:
        return DayKind.WEEKEND
    return DayKind.WORKDAY if is_known(calendar, on) else DayKind.UNKNOWN


def is_known(calendar: Calendar, on: date) -> bool:
    """Tell whether the notices that may speak of a date are all there."""
    if on in calendar.days:
        return True
    is_next_needed = (on.month, on.day) >= _LAST_WEEK
    return on.year in calendar.known_years and (not is_next_needed or on.year + 1 in calendar.known_years)
