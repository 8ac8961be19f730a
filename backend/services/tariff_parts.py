"""A tariff version as people write it (电价版本的填写内容), and as it is shown; refusals name their field."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct

from backend.domain.tariff_days import (
    MAX_SLOTS,
    MINUTES_PER_DAY,
    BadDays,
    DayOverride,
    DayPlan,
    Season,
    Slot,
    Slots,
    SpecialDays,
)
from backend.domain.tariffs import (
    PERMILLE,
    Component,
    ComponentKind,
    Period,
    TariffError,
    TariffVersion,
    price_microyuan_per_kwh,
)
from backend.domain.tiers import MAX_STEPS, Cycle, Step, Tiers
from backend.errors import Invalid
from common.clock import LOCAL_ZONE, local_midnight

Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
MonthDay = Annotated[str, Meta(pattern=r"^\d\d-\d\d$")]
Name = Annotated[str, Meta(min_length=1, max_length=32)]
Price = Annotated[int, Meta(ge=-10_000_000, le=10_000_000)]
Listed = Literal["ENERGY", "LINE_LOSS", "TRANSMISSION", "SYSTEM", "FUNDS", "SERVICE_FEE"]


class BandPart(Struct, frozen=True, forbid_unknown_fields=True):
    """One band of the day's bar, local time; the last one ends at 24:00."""

    start: Clock
    end: Clock
    period: Period


Bands = Annotated[list[BandPart], Meta(min_length=1, max_length=2 * MAX_SLOTS)]


class PricePart(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Listed
    name: Name
    price_microyuan_per_kwh: Price
    floats: bool = False


class SeasonPart(Struct, frozen=True, forbid_unknown_fields=True):
    """first, last: "MM-DD", both included; may run over New Year."""

    name: Name
    first: MonthDay
    last: MonthDay
    bands: Bands


class SpecialPart(Struct, frozen=True, forbid_unknown_fields=True):
    days: SpecialDays
    bands: Bands
    dates: Annotated[list[date], Meta(max_length=400)] = []


class StepPart(Struct, frozen=True, forbid_unknown_fields=True):
    above_wh: Annotated[int, Meta(gt=0, le=10**13)]
    surcharge_microyuan_per_kwh: Annotated[int, Meta(ge=0, le=10_000_000)]


class TierPart(Struct, frozen=True, forbid_unknown_fields=True):
    cycle: Cycle
    steps: Annotated[list[StepPart], Meta(min_length=1, max_length=MAX_STEPS)]


class VersionContent(Struct, frozen=True, forbid_unknown_fields=True):
    """float_permille: +600 is 60 % more than at 平; a period that is not named does not move."""

    valid_from: date  # From this local midnight on.
    components: Annotated[list[PricePart], Meta(min_length=1, max_length=6)]
    float_permille: dict[Period, Annotated[int, Meta(ge=-PERMILLE, le=9_000)]]
    bands: Bands
    seasons: Annotated[list[SeasonPart], Meta(max_length=8)] = []
    special_days: Annotated[list[SpecialPart], Meta(max_length=12)] = []
    tiers: TierPart | None = None


class PeriodPrice(Struct, frozen=True):
    period: Period
    price_microyuan_per_kwh: int


def version_of(content: VersionContent, version_id: str) -> TariffVersion:
    """Turn what was written into a version. Raises Invalid with the fields that cannot be charged by."""
    fields: dict[str, str] = {}
    slots = _slots(content.bands, "bands", fields)
    seasons = [
        Season(
            part.name,
            _mark(part.first, f"seasons.{number}.first", fields),
            _mark(part.last, f"seasons.{number}.last", fields),
            _slots(part.bands, f"seasons.{number}.bands", fields),
        )
        for number, part in enumerate(content.seasons)
    ]
    special = [
        DayOverride(part.days, _slots(part.bands, f"special_days.{number}.bands", fields), tuple(part.dates))
        for number, part in enumerate(content.special_days)
    ]
    _check_prices(content, fields)
    if fields:
        raise Invalid(fields=fields)
    steps = () if content.tiers is None else content.tiers.steps
    try:
        return TariffVersion(
            version_id=version_id,
            valid_from=local_midnight(content.valid_from),
            components=tuple(
                Component(ComponentKind(part.kind), part.name, part.price_microyuan_per_kwh, part.floats)
                for part in content.components
            ),
            slots=slots,
            float_permille={
                period: permille for period, permille in content.float_permille.items() if permille
            },
            plan=DayPlan(tuple(seasons), tuple(special)) if seasons or special else UNSET,
            tiers=UNSET
            if content.tiers is None
            else Tiers(
                content.tiers.cycle,
                tuple(Step(step.above_wh, step.surcharge_microyuan_per_kwh) for step in steps),
            ),
        )
    except TariffError as error:
        raise Invalid(fields=_field_of(content, error)) from None


def content_of(version: TariffVersion) -> VersionContent:
    """Return a version as it would be written."""
    tiers = version.tiers
    return VersionContent(
        valid_from=version.valid_from.astimezone(LOCAL_ZONE).date(),
        components=[
            PricePart(part.kind.value, part.name, part.price_microyuan_per_kwh, part.floats)  # type: ignore[arg-type]
            for part in version.components
        ],
        float_permille=dict(version.float_permille),
        bands=_bands(version.slots),
        seasons=[
            SeasonPart(season.name, _month_day(season.first), _month_day(season.last), _bands(season.slots))
            for season in version.day_plan.seasons
        ],
        special_days=[
            SpecialPart(item.days, _bands(item.slots), list(item.dates))
            for item in version.day_plan.overrides
        ],
        tiers=None
        if tiers is UNSET
        else TierPart(
            tiers.cycle, [StepPart(step.above_wh, step.surcharge_microyuan_per_kwh) for step in tiers.steps]
        ),
    )


def prices_of(version: TariffVersion) -> list[PeriodPrice]:
    """Return what 1 kWh costs in every period that the version has, tiers not counted."""
    return [
        PeriodPrice(period, price_microyuan_per_kwh(version, period))
        for period in Period
        if period in version.periods
    ]


def _slots(bands: Sequence[BandPart], path: str, fields: dict[str, str]) -> Slots:
    """Join bands to slots; neighbours alike become one. A gap or an overlap is said at the band after it."""
    slots: list[Slot] = []
    at = 0
    for number, band in enumerate(bands):
        start, end = _minute(band.start), _minute(band.end)
        if start > at:
            fields[f"{path}.{number}"] = f"{_clock(at)} 至 {band.start} 没有时段"
        elif start < at:
            fields[f"{path}.{number}"] = f"{band.start} 至 {_clock(min(at, end))} 与前一时段重叠"
        elif end <= start:
            fields[f"{path}.{number}"] = "结束时间须晚于开始时间"
        if not slots or slots[-1].period is not band.period:
            slots.append(Slot(start, band.period))
        at = max(at, end)
    if at < MINUTES_PER_DAY:
        fields[f"{path}.{len(bands) - 1}"] = f"{_clock(at)} 至 24:00 没有时段"
    if len(slots) > MAX_SLOTS:
        fields[path] = f"一天最多 {MAX_SLOTS} 个时段"
    return tuple(slots)


def _check_prices(content: VersionContent, fields: dict[str, str]) -> None:
    kinds = [part.kind for part in content.components]
    for number, part in enumerate(content.components):
        where = f"components.{number}"
        if part.kind in kinds[:number]:
            fields[f"{where}.kind"] = "每种电价构成只能有一项"
        if part.kind == ComponentKind.SERVICE_FEE and part.floats:
            fields[f"{where}.floats"] = "服务费不随时段浮动"
        for permille in content.float_permille.values():
            if part.floats and part.price_microyuan_per_kwh * permille % PERMILLE:
                fields[f"{where}.price_microyuan_per_kwh"] = "浮动后不足一微元，请调整单价或浮动比例"
    for period, permille in content.float_permille.items():
        whole = sum(
            part.price_microyuan_per_kwh * (PERMILLE + (permille if part.floats else 0))
            for part in content.components
        )
        if whole < 0:
            fields[f"float_permille.{period.value}"] = "这个时段的电价低于零"
    if sum(part.price_microyuan_per_kwh for part in content.components) < 0:
        fields["components"] = "电价合计低于零"


def _field_of(content: VersionContent, error: TariffError) -> dict[str, str]:
    """Name the field of what only the whole shows to be wrong."""
    if isinstance(error, BadDays):
        if len(content.seasons) > 1 and "overlaps" in str(error):
            return {"seasons": "两个季节的日期重叠"}
        return {"special_days": "特殊日重复，或单独日期没有填写"}
    if content.tiers is not None and "step" in str(error):
        return {"tiers": "阶梯须从低到高，且不重复"}
    return {"bands": "时段或电价不能计费，请检查"}


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _mark(text: str, path: str, fields: dict[str, str]) -> int:
    month, day = int(text[:2]), int(text[3:])
    try:
        date(2_000, month, day)
    except ValueError:
        fields[path] = "没有这一天"
    return month * 100 + day


def _month_day(mark: int) -> str:
    return f"{mark // 100:02d}-{mark % 100:02d}"


def _bands(slots: Slots) -> list[BandPart]:
    ends: Mapping[int, int] = dict(enumerate([slot.start_minute for slot in slots[1:]] + [MINUTES_PER_DAY]))
    return [
        BandPart(_clock(slot.start_minute), _clock(ends[number]), slot.period)
        for number, slot in enumerate(slots)
    ]
