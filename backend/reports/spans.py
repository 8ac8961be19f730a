"""Days, months and the period before, in the mall's zone (统计期间)."""

import calendar
from datetime import date, datetime, timedelta

from backend.reports.port import Asked
from common.clock import local_midnight

DAY = timedelta(days=1)
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
SHANGHAI_MS = 8 * HOUR_MS  # No summer time since 1991: a local day is always as long.


def begin_of(asked: Asked) -> datetime:
    return local_midnight(asked.from_on)


def end_of(asked: Asked) -> datetime:
    """Return the instant at which the last day ends."""
    return local_midnight(asked.to_on + DAY)


def begin_ms(asked: Asked) -> int:
    return int(begin_of(asked).timestamp() * 1000)


def end_ms(asked: Asked) -> int:
    return int(end_of(asked).timestamp() * 1000)


def days_of(from_on: date, to_on: date) -> list[date]:
    return [from_on + DAY * number for number in range((to_on - from_on).days + 1)]


def months_of(from_on: date, to_on: date) -> list[str]:
    """Return "2026-11" for each month that the days touch."""
    found, year, month = [], from_on.year, from_on.month
    while (year, month) <= (to_on.year, to_on.month):
        found.append(f"{year}-{month:02d}")
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


def before(from_on: date, to_on: date) -> tuple[date, date]:
    """Return the period before (上期): as many months before whole months, the same days of the month before
    a month that has only begun, else as many days before."""
    last_day = calendar.monthrange(to_on.year, to_on.month)[1]
    if from_on.day == 1:
        months = (to_on.year - from_on.year) * 12 + to_on.month - from_on.month + 1
        number = from_on.year * 12 + from_on.month - 1 - months
        first_on = date(number // 12, number % 12 + 1, 1)
        if to_on.day == last_day:
            return first_on, from_on - DAY
        if months == 1:
            return first_on, min(first_on + (to_on - from_on), from_on - DAY)
    return from_on - (to_on - from_on) - DAY, from_on - DAY


def until(asked: Asked) -> datetime:
    """Return the end of what is asked, or now where that is earlier."""
    return min(asked.now, end_of(asked))
