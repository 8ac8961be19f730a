"""No-trip windows (不断电时段): hours, weekends and holidays in which nobody is cut off for arrears."""

from datetime import date, datetime, timedelta

from msgspec import Struct

from backend.domain.calendars import NO_CALENDAR, Calendar, DayKind, kind_of
from common.clock import LOCAL_ZONE

MINUTES_PER_DAY = 1_440
_LOOK_AHEAD = 400  # Boundaries; more than a month of windows and holidays.


class Windows(Struct, frozen=True):
    """hours: (start, end) in local minutes of the day; start > end crosses midnight.

    weekends: all but those on which people work by the calendar (调休上班).
    """

    hours: tuple[tuple[int, int], ...] = ()
    weekends: bool = False
    holidays: frozenset[date] = frozenset()
    official: bool = False  # Nobody is cut off on holidays of `calendar`, nor on days that may become one.
    calendar: Calendar = NO_CALENDAR


def windows_from(texts: list[str], weekends: bool, holidays: list[str]) -> Windows:
    """Read "HH:MM-HH:MM" and ISO dates. Raises ValueError for anything else."""
    hours = []
    for text in texts:
        start, _, end = text.partition("-")
        hours.append((_minute(start), _minute(end)))
    return Windows(tuple(hours), weekends, frozenset(date.fromisoformat(item) for item in holidays))


def in_window(windows: Windows, at: datetime) -> bool:
    """Tell whether nobody may be cut off for arrears at an instant."""
    here = at.astimezone(LOCAL_ZONE)
    if here.date() in windows.holidays:
        return True
    if windows.weekends or windows.official:
        kind = kind_of(windows.calendar, here.date())
        if windows.weekends and kind is DayKind.WEEKEND:
            return True
        if windows.official and kind in {DayKind.HOLIDAY, DayKind.UNKNOWN}:
            return True
    minute = here.hour * 60 + here.minute
    return any(
        start <= minute < end if start < end else minute >= start or minute < end
        for start, end in windows.hours
    )


def free_from(windows: Windows, at: datetime) -> datetime | None:
    """Return the first instant from `at` on that is in no window; None when there is none in sight."""
    for _ in range(_LOOK_AHEAD):
        if not in_window(windows, at):
            return at
        at = _next_boundary(windows, at)
    return None


def free_since(windows: Windows, at: datetime, back: timedelta) -> datetime | None:
    """Return when the present time without a window began; None when longer than `back` ago.

    `at` itself must be in no window.
    """
    begin: datetime | None = None
    boundary = _next_boundary(windows, at - back - timedelta(microseconds=1))
    while boundary <= at:
        if in_window(windows, boundary - timedelta(microseconds=1)) and not in_window(windows, boundary):
            begin = boundary
        boundary = _next_boundary(windows, boundary)
    return begin


def _next_boundary(windows: Windows, at: datetime) -> datetime:
    here = at.astimezone(LOCAL_ZONE)
    minute = here.hour * 60 + here.minute
    edges = sorted({edge for pair in windows.hours for edge in pair} | {MINUTES_PER_DAY})
    following = next(edge for edge in edges if edge > minute)
    return at + timedelta(minutes=following - minute, seconds=-here.second, microseconds=-here.microsecond)


def _minute(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    value = int(hour) * 60 + int(minute)
    if int(minute) >= 60 or not 0 <= value <= MINUTES_PER_DAY:
        raise ValueError(f"not a time of day: {text!r}")
    return value % MINUTES_PER_DAY
