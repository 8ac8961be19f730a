"""What the mall itself uses (公区用电): public meters by meter, shaft or day, by period."""

from collections.abc import AsyncIterator, Callable, Sequence

from backend.reports.energy_sums import (
    PERIOD_WORDS,
    PERIODS,
    Use,
    hours_wh,
    periods_of,
    total_wh,
    uses,
    without_data,
)
from backend.reports.port import (
    Asked,
    Column,
    Detail,
    Figure,
    Group,
    Report,
    Row,
    Series,
    Sheet,
    Tie,
    Unit,
    page_of,
)
from backend.reports.scope import Scope, scope_of
from backend.reports.spans import before, days_of, until
from backend.services.show_usage import day_number, day_of

_NOTES = [
    "按用电日期统计；跨零点的抄表间隔按时间分摊到两天。",
    "分时电量按电表时段示数拆分；时段表不一致或时钟超差时按时间拆分，标为估算。",
]
_HEADS = {
    "meter": [Column("serial", "表号"), Column("place", "位置"), Column("shaft", "强电井")],
    "shaft": [Column("shaft", "强电井"), Column("meters", "表数", Unit.COUNT)],
    "day": [Column("day", "日期"), Column("meters", "有数表数", Unit.COUNT)],
}


async def _show(asked: Asked) -> Sheet:
    group = asked.group or "meter"
    scope = await scope_of(asked)
    meter_ids = scope.meters_of(public=True)
    found = await uses(meter_ids, asked.from_on, asked.to_on)
    past = await uses(meter_ids, *before(asked.from_on, asked.to_on))
    listed = _rows(asked, scope, group, found, past)
    hours = await hours_wh(asked, {(one.meter_id, one.day) for one in found})
    head = _HEADS[group]
    named: Row = ["合计", *[None] * (len(head) - 1)]
    if group != "day":
        named[1] = len(meter_ids) if group == "shaft" else f"{len(meter_ids)} 只表"
    estimated = sum(one.estimated for one in found)
    return Sheet(
        from_on=asked.from_on,
        to_on=asked.to_on,
        columns=_columns(group),
        rows=page_of(asked, listed),
        totals=[*named, hours, *periods_of(found), estimated, total_wh(past)],
        row_count=len(listed),
        figure=_figure(group, listed, len(head)),
        data_until_at=until(asked),
        missing=await without_data(
            [one for one in meter_ids if not scope.meters[one].is_retired], found, asked.from_on, asked.to_on
        ),
        ties=[
            Tie("用电量", Unit.WH, total_wh(found), hours, "分时用电"),
            Tie("分时合计", Unit.WH, sum(periods_of(found)), hours, "分时用电"),
        ],
        notes=_NOTES,
    )


def _rows(
    asked: Asked,
    scope: Scope,
    group: str,
    found: Sequence[Use],
    past: Sequence[Use],
) -> list[Row]:
    listed: list[Row] = []

    def add(head: Row, mine: Sequence[Use], gone: Sequence[Use]) -> None:
        estimated = sum(one.estimated for one in mine)
        listed.append([*head, total_wh(mine), *periods_of(mine), estimated, total_wh(gone)])

    if group == "day":
        then = before(asked.from_on, asked.to_on)
        earlier = days_of(*then)
        for number, day in enumerate(days_of(asked.from_on, asked.to_on)):
            mine = [one for one in found if one.day == day_number(day)]
            day_then = day_number(earlier[number]) if number < len(earlier) else 0
            add([day.isoformat(), len(mine)], mine, [one for one in past if one.day == day_then])
        return listed
    meters = [scope.meters[one] for one in scope.meters_of(public=True)]
    if group == "shaft":
        for shaft_id, name in {one.shaft_id: one.shaft_name for one in meters}.items():
            own = {one.meter_id for one in meters if one.shaft_id == shaft_id}
            add([name, len(own)], _of(found, own.__contains__), _of(past, own.__contains__))
        return listed
    for meter in meters:
        mine = _of(found, meter.meter_id.__eq__)
        gone = _of(past, meter.meter_id.__eq__)
        if mine or gone or not meter.is_retired:
            add([meter.serial, meter.place, meter.shaft_name], mine, gone)
    return listed


def _of(found: Sequence[Use], wanted: Callable[[int], bool]) -> list[Use]:
    return [one for one in found if wanted(one.meter_id) is True]


def _columns(group: str) -> list[Column]:
    return [
        *_HEADS[group],
        Column("energy_wh", "用电量", Unit.WH, "用电量（度）"),
        *(
            Column(key, word, Unit.WH, "用电量（度）")
            for key, word in zip(PERIODS, PERIOD_WORDS, strict=True)
        ),
        Column("estimated", "含估算天数", Unit.COUNT),
        Column("past_wh", "上期用电", Unit.WH),
    ]


def _figure(group: str, listed: Sequence[Row], head: int) -> Figure:
    shown = list(listed)
    if group != "day":
        shown = sorted(shown, key=lambda row: -_number(row[head]))[:20]
    names = [f"{row[1] or row[0]}" if group == "meter" else str(row[0]) for row in shown]
    series = [
        Series(word, Unit.WH, [_number(row[head + 1 + number]) for row in shown], stack="periods")
        for number, word in enumerate(PERIOD_WORDS)
    ]
    past = Series("上期用电", Unit.WH, [_number(row[-1]) for row in shown], line=True)
    return Figure("公区用电量（度）", names, [*series, past])


def _number(cell: str | int | None) -> int:
    return cell if isinstance(cell, int) else 0


async def _detail(asked: Asked) -> Detail:
    """Give one row for a meter and day."""
    scope = await scope_of(asked)
    found = await uses(scope.meters_of(public=True), asked.from_on, asked.to_on)
    hours = await hours_wh(asked, {(one.meter_id, one.day) for one in found})
    columns = [
        *(
            Column("day", "日期"),
            Column("serial", "表号"),
            Column("place", "位置"),
            Column("shaft", "强电井"),
        ),
        Column("energy_wh", "用电量", Unit.WH),
        *(Column(key, word, Unit.WH) for key, word in zip(PERIODS, PERIOD_WORDS, strict=True)),
        Column("estimated", "估算"),
    ]

    async def chunks() -> AsyncIterator[list[Row]]:
        yield [
            [
                day_of(one.day).isoformat(),
                *(
                    scope.meters[one.meter_id].serial,
                    scope.meters[one.meter_id].place,
                    scope.meters[one.meter_id].shaft_name,
                ),
                one.energy_wh,
                *one.periods_wh,
                "估算" if one.estimated else "",
            ]
            for one in found
        ]

    return Detail(columns, len(found), ["合计", None, None, None, hours, *periods_of(found), None], chunks())


REPORT = Report(
    kind="public-areas",
    title="公区用电",
    permission="staff.report.energy",
    groups=(Group("meter", "按电表"), Group("shaft", "按强电井"), Group("day", "按日")),
    show=_show,
    detail=_detail,
)
