"""How well meters, lines and gateways could be reached (在线率).

An hour is received when at least one reading of it came; every full hour between a meter's first reading
and now is due. An outage (中断) is a stretch of more than an hour without any reading.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

from msgspec import Struct, structs

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
    Unit,
    page_of,
)
from backend.reports.scope import MeterPlace, Scope, in_list, scope_of
from backend.reports.spans import DAY_MS, HOUR_MS, begin_ms, days_of, end_ms, until
from backend.reports.words import whole
from backend.store import rows

MOST_DAYS = 7  # Every reading of the time is looked at.
_READ_KINDS = ("poll", "request", "verify", "peek")
_NOTES = [
    "在线率 = 收到抄表的整点小时数 ÷ 应收小时数；每小时收到至少一次抄表即为收到。",
    "应收小时数从电表首次抄到起算，到统计期末或当前整点止；从未抄到的电表全部计为未收到。",
    "中断：超过 1 小时没有任何抄表；总线、通讯管理机的中断指其下所有电表同时没有抄表。",
]
_HEADS = {
    "meter": [
        Column("serial", "表号"),
        Column("place", "商铺 / 位置"),
        Column("shaft", "强电井"),
        Column("line", "总线"),
    ],
    "line": [Column("line", "总线"), Column("gateway", "通讯管理机"), Column("meters", "表数", Unit.COUNT)],
    "gateway": [
        Column("gateway", "通讯管理机"),
        Column("shaft", "强电井"),
        Column("meters", "表数", Unit.COUNT),
    ],
}


class Slot(Struct, frozen=True):
    """The readings of one hour."""

    hour: int  # Hours since 1970.
    first_ms: int
    last_ms: int


class Reach(Struct):
    """How a set of meters was reached. longest_ms: None where nothing was due."""

    due: int = 0
    received: int = 0
    outages: int = 0
    longest_ms: int = 0

    def cells(self) -> Row:
        rate = self.received * 1000 // self.due if self.due else None
        return [self.due, self.received, rate, self.outages, self.longest_ms // 1000]


async def _show(asked: Asked) -> Sheet:
    asked, notice = _clipped(asked)
    group = asked.group or "meter"
    scope = await scope_of(asked)
    slots, firsts = await _slots(asked, scope), await _firsts(scope)
    listed = _rows(asked, scope, group, slots, firsts)
    all_meters = [one for one in scope.meters.values() if not one.is_retired]
    total = _reach(asked, all_meters, slots, firsts, together=False)
    head = _HEADS[group]
    named: Row = ["合计", *[None] * (len(head) - 1)]
    named[1 if group == "meter" else 2] = f"{len(all_meters)} 只表" if group == "meter" else len(all_meters)
    return Sheet(
        from_on=asked.from_on,
        to_on=asked.to_on,
        columns=_columns(group),
        rows=page_of(asked, listed),
        totals=[*named, *total.cells()],
        row_count=len(listed),
        figure=_figure(asked, all_meters, slots, firsts),
        data_until_at=until(asked),
        missing=sum(1 for one in all_meters if one.meter_id not in slots),
        notice=notice,
        notes=_NOTES,
    )


def _clipped(asked: Asked) -> tuple[Asked, str]:
    if (asked.to_on - asked.from_on).days < MOST_DAYS:
        return asked, ""
    asked = structs.replace(asked, from_on=asked.to_on - timedelta(days=MOST_DAYS - 1))
    return asked, f"在线率一次统计最近 {MOST_DAYS} 天（{asked.from_on} 至 {asked.to_on}）"


async def _slots(asked: Asked, scope: Scope) -> dict[int, list[Slot]]:
    """Read first and last reading of each hour by meter, in order."""
    hour = whole("read_at_ms", HOUR_MS)
    found = await rows(
        f"SELECT meter_id, {hour} AS hour, MIN(read_at_ms) AS first_ms, MAX(read_at_ms) AS last_ms"
        f" FROM reading WHERE meter_id IN {in_list(list(scope.meters))}"
        " AND read_at_ms >= ? AND read_at_ms < ?"
        f" AND kind IN {in_list(_READ_KINDS)} GROUP BY meter_id, {hour} ORDER BY meter_id, hour",
        [*scope.meters, begin_ms(asked), end_ms(asked), *_READ_KINDS],
    )
    slots: dict[int, list[Slot]] = {}
    for row in found:
        slot = Slot(int(row["hour"]), int(row["first_ms"]), int(row["last_ms"]))
        slots.setdefault(int(row["meter_id"]), []).append(slot)
    return slots


async def _firsts(scope: Scope) -> dict[int, int]:
    """Return when each meter was read for the first time ever."""
    found = await rows(
        "SELECT meter_id, MIN(read_at_ms) AS first_ms FROM reading"
        f" WHERE meter_id IN {in_list(list(scope.meters))} GROUP BY meter_id",
        list(scope.meters),
    )
    return {int(row["meter_id"]): int(row["first_ms"]) for row in found}


def _reach(
    asked: Asked,
    meters: Iterable[MeterPlace],
    slots: dict[int, list[Slot]],
    firsts: dict[int, int],
    *,
    together: bool,
) -> Reach:
    """Work out how meters were reached. together: an outage is one of all of them at once."""
    reach, listed = Reach(), list(meters)
    for one in listed:
        begin, end = _due(asked, one, firsts)
        reach.due += end - begin
        reach.received += sum(1 for slot in slots.get(one.meter_id, ()) if begin <= slot.hour < end)
    sets = [listed] if together else [[one] for one in listed]
    for members in sets:
        gaps = _gaps(asked, members, slots, firsts)
        reach.outages += len(gaps)
        reach.longest_ms = max([reach.longest_ms, *gaps])
    return reach


def _due(asked: Asked, meter: MeterPlace, firsts: dict[int, int]) -> tuple[int, int]:
    """Return the first hour that is due and the one after the last."""
    begin = max(begin_ms(asked), firsts.get(meter.meter_id, 0)) // HOUR_MS
    end = int(until(asked).timestamp() * 1000) // HOUR_MS
    return begin, max(begin, end)


def _gaps(
    asked: Asked, meters: list[MeterPlace], slots: dict[int, list[Slot]], firsts: dict[int, int]
) -> list[int]:
    """Return the stretches of more than an hour without a reading of any of some meters, in milliseconds."""
    known = [firsts[one.meter_id] for one in meters if one.meter_id in firsts]
    begin = max(begin_ms(asked), min(known, default=0))
    end = int(until(asked).timestamp() * 1000)
    merged: dict[int, tuple[int, int]] = {}
    for one in meters:
        for slot in slots.get(one.meter_id, ()):
            first, last = merged.get(slot.hour, (slot.first_ms, slot.last_ms))
            merged[slot.hour] = min(first, slot.first_ms), max(last, slot.last_ms)
    gaps, at = [], begin
    for hour in sorted(merged):
        first, last = merged[hour]
        gaps.append(first - at)
        at = last
    return [gap for gap in [*gaps, end - at] if gap > HOUR_MS]


def _rows(
    asked: Asked, scope: Scope, group: str, slots: dict[int, list[Slot]], firsts: dict[int, int]
) -> list[Row]:
    meters = [one for one in scope.meters.values() if not one.is_retired]
    if group == "meter":
        listed = [
            [
                *(one.serial, scope.name_of(one), one.shaft_name, one.line_code),
                *_reach(asked, [one], slots, firsts, together=False).cells(),
            ]
            for one in meters
        ]
        return sorted(listed, key=lambda row: row[6] if isinstance(row[6], int) else 1001)
    sets: dict[int, list[MeterPlace]] = {}
    for one in meters:
        sets.setdefault(one.line_id if group == "line" else one.gateway_id, []).append(one)
    rows_: list[Row] = []
    for members in sets.values():
        one = members[0]
        head: Row = (
            [one.line_code, one.gateway_name, len(members)]
            if group == "line"
            else [one.gateway_name, one.shaft_name, len(members)]
        )
        rows_.append([*head, *_reach(asked, members, slots, firsts, together=True).cells()])
    return rows_


def _columns(group: str) -> list[Column]:
    return [
        *_HEADS[group],
        Column("due", "应收小时", Unit.COUNT),
        Column("received", "收到小时", Unit.COUNT),
        Column("rate", "在线率", Unit.MILLI),
        Column("outages", "中断次数", Unit.COUNT),
        Column("longest_s", "最长中断", Unit.SECONDS),
    ]


def _figure(
    asked: Asked, meters: list[MeterPlace], slots: dict[int, list[Slot]], firsts: dict[int, int]
) -> Figure:
    days = days_of(asked.from_on, asked.to_on)
    first = begin_ms(asked)
    values: list[int | None] = []
    for number in range(len(days)):
        low, high = (first + number * DAY_MS) // HOUR_MS, (first + (number + 1) * DAY_MS) // HOUR_MS
        due = received = 0
        for one in meters:
            begin, end = _due(asked, one, firsts)
            due += max(0, min(end, high) - max(begin, low))
            received += sum(
                1 for slot in slots.get(one.meter_id, ()) if max(begin, low) <= slot.hour < min(end, high)
            )
        values.append(received * 1000 // due if due else None)
    return Figure(
        "每日在线率（%）",
        [day.isoformat() for day in days],
        [Series("在线率", Unit.MILLI, values, line=True)],
    )


async def _detail(asked: Asked) -> Detail:
    sheet = await _show(structs.replace(asked, page=0))

    async def chunks() -> AsyncIterator[list[Row]]:
        yield sheet.rows

    return Detail(sheet.columns, sheet.row_count, sheet.totals, chunks())


REPORT = Report(
    kind="availability",
    title="在线率",
    permission="staff.report.energy",
    groups=(Group("meter", "按电表"), Group("line", "按总线"), Group("gateway", "按通讯管理机")),
    show=_show,
    detail=_detail,
)
