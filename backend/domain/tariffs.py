"""Tariffs (电价): dated components, each floating by time of day or not, and the day cut into periods.

A version is data: it is stored as JSON with every charge that used it and never changes afterwards.
Prices are integer microyuan per kWh and floats are permille, so a price is exact or the version is refused.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from backend.domain.calendars import NO_CALENDAR, Calendar
from backend.domain.tariff_days import (
    MAX_SLOTS,
    MINUTES_PER_DAY,
    BadSlots,
    DayPlan,
    Period,
    Slot,
    TariffError,
    check_plan,
    check_slots,
    slots_in,
    slots_of,
)
from backend.domain.tiers import Tiers, check_tiers
from common.clock import LOCAL_ZONE

__all__ = [
    "MAX_SLOTS",
    "MINUTES_PER_DAY",
    "BadComponents",
    "BadSlots",
    "Component",
    "ComponentKind",
    "InexactPrice",
    "NoTariff",
    "Period",
    "PriceParts",
    "Slot",
    "Span",
    "TariffError",
    "TariffVersion",
    "calendar_of",
    "cut",
    "in_order",
    "next_change_at",
    "period_at",
    "price_microyuan_per_kwh",
    "price_parts",
    "slots_on",
    "version_at",
    "with_calendar",
]

MAX_INTERVAL = timedelta(days=3_700)  # Nothing longer is ever priced: it bounds the cutting.
PERMILLE = 1_000


class ComponentKind(StrEnum):
    """What a part of the kWh price pays for (电价构成)."""

    ENERGY = "ENERGY"  # 上网电价
    LINE_LOSS = "LINE_LOSS"  # 线损
    TRANSMISSION = "TRANSMISSION"  # 输配电价
    SYSTEM = "SYSTEM"  # 系统运行费
    FUNDS = "FUNDS"  # 政府性基金及附加
    TIER = "TIER"  # 阶梯加价: made by the tiers, never listed among the components.
    SERVICE_FEE = "SERVICE_FEE"  # 服务费: off unless a version lists it; a line of its own, never a markup.


class BadComponents(TariffError):
    """The price parts are missing, doubled or impossible."""


class InexactPrice(TariffError):
    """A floated price is no whole number of microyuan per kWh."""


class NoTariff(TariffError):
    """No version is in force at an instant that must be priced."""


class Component(Struct, frozen=True):
    """One part of the price (电价构成项). `floats`: it follows the period; otherwise it is flat."""

    kind: ComponentKind
    name: str
    price_microyuan_per_kwh: int  # At the flat period; may be negative (a rebate).
    floats: bool


PriceParts = tuple[tuple[ComponentKind, int], ...]


class TariffVersion(Struct, frozen=True, kw_only=True, dict=True):
    """A tariff as it stands from one instant on (电价版本).

    float_permille: how far the floating components move in a period, +600 is 60 % more, -600 is 60 % less;
    a period not named does not move. Raises a TariffError when made or decoded with bad content.
    """

    version_id: str
    valid_from: datetime
    components: tuple[Component, ...]
    slots: tuple[Slot, ...]
    float_permille: dict[Period, int] = {}
    # Left out of the JSON where a tariff has none: what older versions hash to stays the same.
    plan: DayPlan | UnsetType = UNSET  # Seasons and special days.
    tiers: Tiers | UnsetType = UNSET
    calendar: Calendar | UnsetType = UNSET  # Handed in when a version is loaded, never stored.

    def __post_init__(self) -> None:
        if not self.version_id:
            raise TariffError("a tariff version needs an id")
        if self.valid_from.tzinfo is None:
            raise TariffError(f"{self.version_id}: valid_from must be an aware time")
        check_slots(self.version_id, self.slots)
        check_plan(self.version_id, self.day_plan)
        if self.tiers is not UNSET:
            check_tiers(self.version_id, self.tiers)
        _check_components(self.version_id, self.components)
        for period in self.periods | set(self.float_permille):
            _check_prices(self, period)

    @cached_property
    def day_plan(self) -> DayPlan:
        return _PLAIN if self.plan is UNSET else self.plan

    @cached_property
    def periods(self) -> frozenset[Period]:
        """Every period that some day has."""
        found = (self.slots, *slots_in(self.day_plan))
        return frozenset(slot.period for slots in found for slot in slots)

    @cached_property
    def prices(self) -> Mapping[Period, PriceParts]:
        """Price parts of every period, floats applied."""
        return {period: _price_parts(self, period) for period in Period}

    @cached_property
    def starts(self) -> tuple[int, ...]:
        return tuple(slot.start_minute for slot in self.slots)


_PLAIN = DayPlan()


class Span(Struct, frozen=True):
    """A stretch of time with one version and one period in force."""

    from_at: datetime
    to_at: datetime
    version: TariffVersion
    period: Period


def price_parts(version: TariffVersion, period: Period) -> PriceParts:
    """List what 1 kWh costs in a period, part by part, in microyuan (电价构成). Tiers come on top."""
    return version.prices[period]


def price_microyuan_per_kwh(version: TariffVersion, period: Period) -> int:
    """Sum the parts: what 1 kWh costs in a period."""
    return sum(price for _, price in version.prices[period])


def slots_on(version: TariffVersion, on: date) -> tuple[Slot, ...]:
    """Return the slots of one local day (日时段表)."""
    if version.plan is UNSET:
        return version.slots
    return slots_of(version.plan, version.slots, calendar_of(version), on)


def calendar_of(version: TariffVersion) -> Calendar:
    return NO_CALENDAR if version.calendar is UNSET else version.calendar


def with_calendar(version: TariffVersion, calendar: Calendar) -> TariffVersion:
    """Hand a version the calendar that its holidays and weekends are looked up in."""
    return version if not version.day_plan.needs_calendar else replace(version, calendar=calendar)


def period_at(version: TariffVersion, at: datetime) -> Period:
    """Tell which period is in force at an instant (Asia/Shanghai)."""
    here = at.astimezone(LOCAL_ZONE)
    slots = slots_on(version, here.date())
    return slots[_slot_index(version, slots, here.hour * 60 + here.minute)].period


def in_order(versions: Iterable[TariffVersion]) -> tuple[TariffVersion, ...]:
    """Sort versions by their start. Two that start together, or share an id, are a TariffError."""
    ordered = tuple(sorted(versions, key=lambda version: version.valid_from))
    if len({version.valid_from for version in ordered}) != len(ordered):
        raise TariffError("two versions of a tariff start at the same instant")
    if len({version.version_id for version in ordered}) != len(ordered):
        raise TariffError("two versions of a tariff share an id")
    return ordered


def version_at(versions: Sequence[TariffVersion], at: datetime) -> TariffVersion:
    """Find the version in force at an instant; `versions` in order of their start.

    Raises NoTariff before the first: such energy waits for a person, it is not charged by a guess.
    """
    return versions[_version_index(versions, at)]


def next_change_at(versions: Sequence[TariffVersion], at: datetime) -> tuple[TariffVersion, Period, datetime]:
    """Return version and period in force at `at`, and the instant of the next boundary after it.

    A boundary may turn out to lie between two equal periods (midnight): `cut` joins them again.
    """
    index = _version_index(versions, at)
    version = versions[index]
    here = at.astimezone(LOCAL_ZONE)
    minute = here.hour * 60 + here.minute
    slots = slots_on(version, here.date())
    number = _slot_index(version, slots, minute)
    end = slots[number + 1].start_minute if number + 1 < len(slots) else MINUTES_PER_DAY
    wait = timedelta(minutes=end - minute, seconds=-here.second, microseconds=-here.microsecond)
    change_at = at + wait
    if index + 1 < len(versions) and versions[index + 1].valid_from < change_at:
        change_at = versions[index + 1].valid_from
    return version, slots[number].period, change_at


def cut(versions: Sequence[TariffVersion], from_at: datetime, to_at: datetime) -> list[Span]:
    """Cut an interval wherever its period or its version changes (按时段切分).

    The spans touch, cover the interval exactly, and no two neighbours are alike. An interval that only
    touches a boundary with an end lies inside one span. An empty interval gives one empty span.
    """
    if to_at < from_at or to_at - from_at > MAX_INTERVAL:
        raise ValueError(f"cannot cut an interval from {from_at} to {to_at}")
    version, period, change_at = next_change_at(versions, from_at)
    if to_at <= change_at:
        return [Span(from_at, to_at, version, period)]
    spans: list[Span] = []
    begin_at = from_at
    while change_at < to_at:
        next_version, next_period, following_at = next_change_at(versions, change_at)
        if next_version is not version or next_period is not period:
            spans.append(Span(begin_at, change_at, version, period))
            version, period, begin_at = next_version, next_period, change_at
        change_at = following_at
    spans.append(Span(begin_at, to_at, version, period))
    return spans


def _version_index(versions: Sequence[TariffVersion], at: datetime) -> int:
    for index in range(len(versions) - 1, -1, -1):  # The newest is nearly always the one.
        if versions[index].valid_from <= at:
            return index
    raise NoTariff(f"no tariff is in force at {at.isoformat()}")


def _slot_index(version: TariffVersion, slots: tuple[Slot, ...], minute: int) -> int:
    starts = version.starts if slots is version.slots else tuple(slot.start_minute for slot in slots)
    return bisect_right(starts, minute) - 1


def _check_components(version_id: str, components: tuple[Component, ...]) -> None:
    if not components:
        raise BadComponents(f"{version_id}: a tariff has at least one component")
    kinds = [component.kind for component in components]
    if len(set(kinds)) != len(kinds):
        raise BadComponents(f"{version_id}: each kind of component stands once")
    if ComponentKind.TIER in kinds:
        raise BadComponents(f"{version_id}: tiers are no component")


def _check_prices(version: TariffVersion, period: Period) -> None:
    factor = PERMILLE + version.float_permille.get(period, 0)
    if factor < 0:
        raise BadComponents(f"{version.version_id}: {period} floats below -100 %")
    for component in version.components:
        if component.floats and component.price_microyuan_per_kwh * factor % PERMILLE:
            raise InexactPrice(
                f"{version.version_id}: {component.name} at {period} is no whole number of microyuan/kWh"
            )
    if sum(price for _, price in _price_parts(version, period)) < 0:
        raise BadComponents(f"{version.version_id}: the price at {period} is below zero")


def _price_parts(version: TariffVersion, period: Period) -> PriceParts:
    factor = PERMILLE + version.float_permille.get(period, 0)
    return tuple(
        (
            component.kind,
            component.price_microyuan_per_kwh * factor // PERMILLE
            if component.floats
            else component.price_microyuan_per_kwh,
        )
        for component in version.components
    )
