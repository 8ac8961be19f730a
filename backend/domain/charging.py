"""Exact charging (计费): energy between two registers becomes nanoyuan, and those become whole fen.

1 Wh × 1 microyuan/kWh is exactly 1 nanoyuan. Each interval between two accepted readings is priced once;
grouping intervals into charges never changes the sum. The total register is what is charged; the
registers by period only split it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import replace

from backend.domain.tariff_days import is_sure
from backend.domain.tariffs import (
    ComponentKind,
    Period,
    Span,
    TariffVersion,
    calendar_of,
    cut,
    price_microyuan_per_kwh,
)
from backend.domain.tiers import Tiers, Used, cycle_key, surcharge
from common.clock import LOCAL_ZONE
from common.units import NANOYUAN_PER_FEN, Fen, Nanoyuan, Wh

K = TypeVar("K")
HOUR = timedelta(hours=1)


class Piece(Struct, frozen=True):
    """Energy and its price within one local hour, by time (for rollups)."""

    hour_at: datetime  # Begin of the hour, UTC.
    on: date  # Local day of the hour.
    period: Period
    energy_wh: Wh
    cost_nano: Nanoyuan


class Hour(Struct, frozen=True):
    """The part of a span that lies in one local hour."""

    hour_at: datetime  # Begin of the hour, UTC.
    on: date
    micros: int


class Course(Struct, frozen=True):
    """How an interval runs through periods, versions and hours: the same for all meters of a tariff."""

    spans: tuple[Span, ...]
    micros: tuple[int, ...]  # Of each span.
    hours: tuple[tuple[Hour, ...], ...]  # Of each span.
    version_ids: tuple[str, ...]
    is_sure: bool = True  # False: a holiday to be announced may still change the periods.


class PricedInterval(Struct, frozen=True):
    """One interval, priced. The parts sum to the total exactly; so do the pieces."""

    energy_wh: Wh
    total_nano: Nanoyuan
    energy_by_period: dict[Period, Wh]
    cost_by_component: dict[ComponentKind, Nanoyuan]
    version_ids: tuple[str, ...]
    estimated: bool
    pieces: tuple[Piece, ...]


def price_interval(
    versions: Sequence[TariffVersion],
    from_at: datetime,
    to_at: datetime,
    energy_wh: Wh,
    rates_wh: Mapping[Period, Wh] | None = None,
    used: Used | None = None,
) -> PricedInterval:
    """Price the energy used between two readings.

    versions: of one tariff, in order of their start.
    rates_wh: energy by period from the meter's own registers, given only when they can be trusted.
    An interval inside one period is priced from the total alone and is not estimated. One that crosses
    a boundary is split by `rates_wh`, otherwise by time and marked estimated. Registers that counted in a
    period which the interval never touches contradict the tariff's table: then time decides, too.
    used: what the account used in each cycle before (阶梯), by tiers.cycle_key; a cycle not named: nothing.
    Raises NoTariff where no version is in force.
    """
    return price_course(course_of(versions, from_at, to_at), energy_wh, rates_wh, used)


def course_of(versions: Sequence[TariffVersion], from_at: datetime, to_at: datetime) -> Course:
    """Cut an interval at periods, versions and hours. Raises NoTariff where no version is in force."""
    spans = tuple(cut(versions, from_at, to_at))
    return Course(
        spans=spans,
        micros=tuple(_micros(span.from_at, span.to_at) for span in spans),
        hours=tuple(_hours(span) for span in spans),
        version_ids=tuple(dict.fromkeys(span.version.version_id for span in spans)),
        is_sure=all(_is_sure(span) for span in spans),
    )


def price_course(
    course: Course,
    energy_wh: Wh,
    rates_wh: Mapping[Period, Wh] | None = None,
    used: Used | None = None,
) -> PricedInterval:
    """Price energy along a course that was cut before, see `price_interval`."""
    shares, estimated = _split(course, energy_wh, rates_wh)
    by_period: dict[Period, int] = {}
    by_component: dict[ComponentKind, int] = {}
    pieces: list[Piece] = []
    cycles = dict(used or {})
    total = 0
    for span, hours, span_wh in zip(course.spans, course.hours, shares, strict=True):
        by_period[span.period] = by_period.get(span.period, 0) + span_wh
        for kind, part in span.version.prices[span.period]:
            by_component[kind] = by_component.get(kind, 0) + span_wh * part
        price = price_microyuan_per_kwh(span.version, span.period)
        found = _pieces(span, hours, span_wh, price)
        if span.version.tiers is not UNSET:
            found, extra = _with_tiers(span.version.tiers, found, cycles)
            by_component[ComponentKind.TIER] = by_component.get(ComponentKind.TIER, 0) + extra
            total += extra
        total += span_wh * price
        pieces.extend(found)
    return PricedInterval(
        energy_wh=energy_wh,
        total_nano=Nanoyuan(total),
        energy_by_period={period: Wh(wh) for period, wh in by_period.items()},
        cost_by_component={kind: Nanoyuan(nano) for kind, nano in by_component.items()},
        version_ids=course.version_ids,
        estimated=estimated or not course.is_sure,
        pieces=tuple(pieces),
    )


def charge(total_nano: Nanoyuan, carried_nano: Nanoyuan) -> tuple[Fen, Nanoyuan]:
    """Return the whole fen to debit now and the remainder to carry, 0 <= remainder < 1 fen (扣费)."""
    fen, rest = divmod(total_nano + carried_nano, NANOYUAN_PER_FEN)
    return Fen(fen), Nanoyuan(rest)


def charge_day_of(to_at: datetime) -> date:
    """Return the local day whose charge holds an interval with this end (日结归属).

    An interval that ends exactly at 00:00 belongs to the day that ends there; one that crosses 00:00
    belongs to the next day.
    """
    return (to_at.astimezone(LOCAL_ZONE) - timedelta(microseconds=1)).date()


def largest_remainder(weights: Sequence[tuple[K, int]], total: int) -> list[tuple[K, int]]:
    """Share out a whole number by weights, exactly (最大余数法). Ties go to the first.

    Weights of any sign; when they sum to zero everything goes to the first. Nothing among nobody is nothing.
    """
    whole = sum(weight for _, weight in weights)
    if not weights:
        return []
    if whole == 0:
        return [(key, total if index == 0 else 0) for index, (key, _) in enumerate(weights)]
    shares = [divmod(weight * total, whole) for _, weight in weights]
    left = total - sum(share for share, _ in shares)
    # A remainder has the sign of `whole`: the largest fraction is the one farthest from zero.
    order = sorted(range(len(weights)), key=lambda index: (-abs(shares[index][1]), index))
    extra = set(order[:left])
    return [(key, shares[index][0] + (index in extra)) for index, (key, _) in enumerate(weights)]


def _split(course: Course, energy_wh: int, rates_wh: Mapping[Period, Wh] | None) -> tuple[list[int], bool]:
    spans = course.spans
    if len(spans) == 1 or energy_wh == 0:
        return [energy_wh, *[0] * (len(spans) - 1)], False
    wanted = list(dict.fromkeys(span.period for span in spans))
    weights = [(period, int(rates_wh.get(period, Wh(0)))) for period in wanted] if rates_wh else []
    is_elsewhere = rates_wh is not None and any(wh for period, wh in rates_wh.items() if period not in wanted)
    # One period under two versions cannot be told apart by registers, either.
    if len(wanted) == 1 or is_elsewhere or sum(weight for _, weight in weights) <= 0:
        return [share for _, share in largest_remainder(list(enumerate(course.micros)), energy_wh)], True
    by_period = dict(largest_remainder(weights, energy_wh))
    shares = [0] * len(spans)
    estimated = False
    for period in wanted:
        mine = [index for index, span in enumerate(spans) if span.period is period]
        if len(mine) > 1 and len({spans[index].version.version_id for index in mine}) > 1:
            estimated = True  # The price changed within the period: time has to decide.
        for index, share in largest_remainder(
            [(index, course.micros[index]) for index in mine], by_period[period]
        ):
            shares[index] = share
    return shares, estimated


def _hours(span: Span) -> tuple[Hour, ...]:
    """Cut a span at full hours. The zone has whole-hour offsets, so UTC hours are local hours."""
    starts = [span.from_at]
    next_at = span.from_at.replace(minute=0, second=0, microsecond=0) + HOUR
    while next_at < span.to_at:
        starts.append(next_at)
        next_at += HOUR
    return tuple(
        Hour(
            start.replace(minute=0, second=0, microsecond=0),
            start.astimezone(LOCAL_ZONE).date(),
            _micros(start, end),
        )
        for start, end in zip(starts, [*starts[1:], span.to_at], strict=True)
    )


def _pieces(span: Span, hours: Sequence[Hour], energy_wh: int, price: int) -> list[Piece]:
    """Share out a span's energy among its hours, by time."""
    if len(hours) == 1:
        if not energy_wh and span.to_at <= span.from_at:
            return []
        shares = [(hours[0], energy_wh)]
    else:
        shares = largest_remainder([(hour, hour.micros) for hour in hours], energy_wh)
    return [
        Piece(
            hour_at=hour.hour_at,
            on=hour.on,
            period=span.period,
            energy_wh=Wh(share),
            cost_nano=Nanoyuan(share * price),
        )
        for hour, share in shares
    ]


def _with_tiers(tiers: Tiers, pieces: Sequence[Piece], cycles: Used) -> tuple[list[Piece], Nanoyuan]:
    """Put the surcharge on each piece by what its cycle has used before it; `cycles` goes on."""
    found, total = [], 0
    for piece in pieces:
        key = cycle_key(tiers.cycle, piece.on)
        before = cycles.get(key, Wh(0))
        extra = surcharge(tiers, before, piece.energy_wh)
        cycles[key] = Wh(before + piece.energy_wh)
        total += extra
        found.append(replace(piece, cost_nano=Nanoyuan(piece.cost_nano + extra)))
    return found, Nanoyuan(total)


def _is_sure(span: Span) -> bool:
    plan = span.version.day_plan
    if not plan.needs_calendar:
        return True
    calendar = calendar_of(span.version)
    first, last = span.from_at.astimezone(LOCAL_ZONE).date(), charge_day_of(span.to_at)
    return all(
        is_sure(plan, calendar, date.fromordinal(day))
        for day in range(first.toordinal(), max(first, last).toordinal() + 1)
    )


def _micros(from_at: datetime, to_at: datetime) -> int:
    return (to_at - from_at) // timedelta(microseconds=1)
