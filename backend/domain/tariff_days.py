"""How a tariff cuts a day into periods, and which days it cuts in another way (时段、季节、特殊日).

A day is looked up as: a single date, then a holiday, then a weekend, then its season, then every other day.
"""

import itertools
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from msgspec import Struct

from backend.domain.calendars import Calendar, DayKind, is_known, kind_of

MINUTES_PER_DAY = 1_440
MAX_SLOTS = 14  # What Acrel meters hold, and so the most a tariff may ask for.
_LEAP_YEAR = 2_000


class Period(StrEnum):
    """Time of use (分时): 尖, 峰, 平, 谷, 深谷."""

    SHARP = "SHARP"
    PEAK = "PEAK"
    FLAT = "FLAT"
    VALLEY = "VALLEY"
    DEEP_VALLEY = "DEEP_VALLEY"


class TariffError(ValueError):
    """A tariff that cannot be charged by."""


class BadSlots(TariffError):
    """The periods do not cover a day exactly once."""


class BadDays(TariffError):
    """Seasons or special days that contradict one another."""


class Slot(Struct, frozen=True):
    """From this local minute of the day on, this period is in force, until the next slot."""

    start_minute: int
    period: Period


Slots = tuple[Slot, ...]


class Season(Struct, frozen=True):
    """A part of every year with slots of its own (季节).

    first, last: month × 100 + day, both included; a season may run over New Year (1101 to 228).
    """

    name: str
    first: int
    last: int
    slots: Slots


class SpecialDays(StrEnum):
    """Which days an override is for."""

    WEEKEND = "weekend"  # Saturdays and Sundays that are neither holidays nor make-up workdays.
    HOLIDAY = "holiday"
    DATES = "dates"


class DayOverride(Struct, frozen=True):
    """Slots for special days (特殊日时段). `dates` for DATES alone."""

    days: SpecialDays
    slots: Slots
    dates: tuple[date, ...] = ()


class DayPlan(Struct, frozen=True):
    """Where a tariff's days differ from its ordinary one."""

    seasons: tuple[Season, ...] = ()
    overrides: tuple[DayOverride, ...] = ()

    @property
    def needs_calendar(self) -> bool:
        return any(item.days is not SpecialDays.DATES for item in self.overrides)


def slots_of(plan: DayPlan, ordinary: Slots, calendar: Calendar, on: date) -> Slots:
    """Return the slots of one local day. A day that the calendar does not know is no special day."""
    for item in plan.overrides:
        if item.days is SpecialDays.DATES and on in item.dates:
            return item.slots
    if plan.needs_calendar:
        kind = kind_of(calendar, on)
        for item in plan.overrides:
            if (item.days is SpecialDays.HOLIDAY and kind is DayKind.HOLIDAY) or (
                item.days is SpecialDays.WEEKEND and kind is DayKind.WEEKEND
            ):
                return item.slots
    mark = on.month * 100 + on.day
    for season in plan.seasons:
        if _holds(season, mark):
            return season.slots
    return ordinary


def slots_in(plan: DayPlan) -> list[Slots]:
    """Return the slots of every season and every special day."""
    return [*(season.slots for season in plan.seasons), *(item.slots for item in plan.overrides)]


def is_sure(plan: DayPlan, calendar: Calendar, on: date) -> bool:
    """Tell whether the day's slots can no longer change when the year's holidays are announced."""
    if not plan.needs_calendar:
        return True
    dated = (item.dates for item in plan.overrides if item.days is SpecialDays.DATES)
    return is_known(calendar, on) or any(on in dates for dates in dated)


def check_slots(version_id: str, slots: Sequence[Slot]) -> None:
    """Raise BadSlots unless the slots cover a day once, in order, without two alike in a row."""
    if not 1 <= len(slots) <= MAX_SLOTS:
        raise BadSlots(f"{version_id}: a day has 1 to {MAX_SLOTS} slots, not {len(slots)}")
    if slots[0].start_minute != 0:
        raise BadSlots(f"{version_id}: the first slot starts at minute 0, not {slots[0].start_minute}")
    for before, after in itertools.pairwise(slots):
        if after.start_minute <= before.start_minute:
            raise BadSlots(f"{version_id}: slot at minute {after.start_minute} is out of order")
        if after.period == before.period:
            raise BadSlots(f"{version_id}: slot at minute {after.start_minute} repeats {after.period}")
    if slots[-1].start_minute >= MINUTES_PER_DAY:
        raise BadSlots(f"{version_id}: slot at minute {slots[-1].start_minute} is past the end of the day")


def check_plan(version_id: str, plan: DayPlan) -> None:
    """Raise BadSlots or BadDays unless every day has exactly one answer."""
    for slots in slots_in(plan):
        check_slots(version_id, slots)
    taken: set[int] = set()
    for season in plan.seasons:
        marks = set(_marks(version_id, season))
        if taken & marks:
            raise BadDays(f"{version_id}: season {season.name} overlaps another one")
        taken |= marks
    for days in (SpecialDays.WEEKEND, SpecialDays.HOLIDAY):
        if sum(item.days is days for item in plan.overrides) > 1:
            raise BadDays(f"{version_id}: {days} stands twice")
    dates = [on for item in plan.overrides for on in item.dates]
    if len(set(dates)) != len(dates):
        raise BadDays(f"{version_id}: a date stands twice")
    for item in plan.overrides:
        if bool(item.dates) != (item.days is SpecialDays.DATES):
            raise BadDays(f"{version_id}: dates belong to an override for dates, and to no other")


def _holds(season: Season, mark: int) -> bool:
    if season.first <= season.last:
        return season.first <= mark <= season.last
    return mark >= season.first or mark <= season.last


def _marks(version_id: str, season: Season) -> list[int]:
    for mark in (season.first, season.last):
        try:
            date(_LEAP_YEAR, mark // 100, mark % 100)
        except ValueError:
            raise BadDays(f"{version_id}: season {season.name} has no day {mark}") from None
    first_on = date(_LEAP_YEAR, 1, 1).toordinal()
    year = (date.fromordinal(first_on + number) for number in range(366))
    return [mark for mark in (on.month * 100 + on.day for on in year) if _holds(season, mark)]
