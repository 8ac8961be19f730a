"""The site's year (节假日与免断日): what each day is, who says so, and what cannot be known yet."""

from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from backend.context import Context
from backend.domain.calendars import DayKind, kind_of
from backend.errors import Invalid
from backend.models.site import PolicyChange
from backend.services.change_policy import change_policy
from backend.services.site_calendar import calendar_of_policy, official_days, official_years
from backend.services.site_policy import OwnDay, SitePolicy, policy_of
from common.clock import LOCAL_ZONE

OPERATION = "staff.calendar.change"
_LONGEST = 31
Source = Literal["official", "own", "file", "week", "none"]


class CalendarDay(Struct, frozen=True, kw_only=True):
    """kind: domain.calendars.DayKind. source: "official" notice, the site's "own" entry, the site "file",
    the plain "week", or "none": nobody can say yet. no_trip: nobody is cut off for arrears all day."""

    on: date
    kind: DayKind
    name: str
    source: Source
    no_trip: bool


class OwnDayView(Struct, frozen=True):
    on: date
    name: str
    off: bool | None


class CalendarView(Struct, frozen=True, kw_only=True):
    """official: the notice of the year is known here; entered: the site has entered it in full itself."""

    year: int
    official: bool
    entered: bool
    next_entered: bool  # The year after it.
    official_until: int
    today: date
    no_trip_weekends: bool
    no_trip_holidays: bool
    number: int
    days: list[CalendarDay]
    own_days: list[OwnDayView]


async def show_calendar(ctx: Context, year: int) -> CalendarView:
    site_id = ctx.caller.site_id or 0
    policy = await policy_of(site_id)
    newest = await PolicyChange.filter(site_id=site_id).order_by("-number").first()
    return CalendarView(
        year=year,
        official=year in official_years(),
        entered=year in policy.own_years,
        next_entered=year + 1 in policy.own_years,
        official_until=max(official_years()),
        today=_today(ctx),
        no_trip_weekends=policy.no_trip_weekends,
        no_trip_holidays=policy.no_trip_holidays,
        number=0 if newest is None else newest.number,
        days=_days(policy, year),
        own_days=[OwnDayView(day.on, day.name, day.off) for day in policy.own_days if day.on.year == year],
    )


async def set_days(
    ctx: Context, first_on: date, last_on: date, name: str, off: bool | None, reason: str, request_id: UUID
) -> None:
    """Enter days of the site's own; what was entered for them before goes. Errors: Invalid."""
    if first_on < _today(ctx):
        raise Invalid(fields={"first_on": "只能设置今天及以后的日期，过去的日期已按当时的日历计费和判断"})
    if not first_on <= last_on < first_on + timedelta(days=_LONGEST):
        raise Invalid(fields={"last_on": f"结束日期不能早于开始日期，一次最多 {_LONGEST} 天"})
    new = [OwnDay(on, name, off) for on in _range(first_on, last_on)]

    def change(policy: SitePolicy) -> SitePolicy:
        kept = [day for day in policy.own_days if not first_on <= day.on <= last_on]
        return replace(policy, own_days=sorted([*kept, *new], key=lambda day: day.on))

    await change_policy(ctx, change, OPERATION, reason, str(request_id))


async def remove_days(ctx: Context, first_on: date, last_on: date, reason: str, request_id: UUID) -> None:
    """Take back what the site has entered for some days. Errors: Invalid."""
    if first_on < _today(ctx):
        raise Invalid(fields={"first_on": "过去的日期不能更改"})

    def change(policy: SitePolicy) -> SitePolicy:
        return replace(policy, own_days=[day for day in policy.own_days if not first_on <= day.on <= last_on])

    await change_policy(ctx, change, OPERATION, reason, str(request_id))


async def enter_year(ctx: Context, year: int, entered: bool, reason: str, request_id: UUID) -> None:
    """Say that the site has entered a year's notice in full, so that its other weekdays are workdays.

    Errors: Invalid (nothing is entered for that year).
    """

    def change(policy: SitePolicy) -> SitePolicy:
        if entered and not any(day.on.year == year and day.off is not None for day in policy.own_days):
            raise Invalid(fields={"year": f"{year} 年还没有录入任何放假日期，请先按通知录入"})
        others = [one for one in policy.own_years if one != year]
        return replace(policy, own_years=sorted([*others, year]) if entered else others)

    await change_policy(ctx, change, OPERATION, reason, str(request_id))


def _days(policy: SitePolicy, year: int) -> list[CalendarDay]:
    calendar = calendar_of_policy(policy)
    official = {day.on: day for day in official_days(year) or ()}
    own = {day.on: day for day in policy.own_days}
    named = {date.fromisoformat(text) for text in policy.holidays}
    shown = []
    for on in _range(date(year, 1, 1), date(year, 12, 31)):
        kind = kind_of(calendar, on)
        source: Source = "none" if kind is DayKind.UNKNOWN else "week"
        name = ""
        if on in own:
            source, name = "own", own[on].name
        elif on in official:
            source, name = "official", official[on].name
        elif on in named:
            source, name = "file", "站点文件设定的免断日"
        is_free = (on in own and own[on].off is None) or on in named
        by_week = policy.no_trip_weekends and kind is DayKind.WEEKEND
        by_notice = policy.no_trip_holidays and kind in {DayKind.HOLIDAY, DayKind.UNKNOWN}
        shown.append(
            CalendarDay(on=on, kind=kind, name=name, source=source, no_trip=is_free or by_week or by_notice)
        )
    return shown


def _range(first_on: date, last_on: date) -> list[date]:
    return [date.fromordinal(day) for day in range(first_on.toordinal(), last_on.toordinal() + 1)]


def _today(ctx: Context) -> date:
    return ctx.clock.now().astimezone(LOCAL_ZONE).date()
