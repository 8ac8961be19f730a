"""Who was switched off and on, why, and how fast it was proved (断送电记录)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

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
    window,
)
from backend.reports.scope import Scope, in_list, scope_of
from backend.reports.spans import DAY, begin_of, days_of, end_of, until
from backend.reports.words import REASONS, STAGES, local_day
from backend.store import rows, some_utc, sql_time, utc
from common.clock import local_midnight

_NOTES = [
    "一行为一条指令；“回读用时”从下令到电表触点回读确认，未确认的不计。",
    "电表自身的负荷跳闸不是平台指令，见告警历史。",
]
_COLUMNS = [
    Column("ordered_at", "下令时间", Unit.TIME),
    Column("action", "动作"),
    Column("place", "商铺"),
    Column("serial", "表号"),
    Column("shaft", "强电井"),
    Column("reason", "原因"),
    Column("by", "下令人"),
    Column("verified_s", "回读用时", Unit.SECONDS),
    Column("result", "结果"),
    Column("order_id", "指令号"),
]
_ACTIONS = {"OFF": "断电", "ON": "送电", "PERMITTED": "合闸允许"}
_SELECT = (
    "SELECT o.id, o.meter_id, o.relay, o.order_class, o.reasons, o.cause, o.ordered_by, o.ordered_at,"
    " o.verified_at, o.ended_at, o.end_stage, o.trouble, s.name AS staff_name FROM supply_order o"
    " LEFT JOIN staff s ON s.id = o.ordered_by"
)
_CAUSES = {"top_up": "交费复电", "episode": "欠费过程", "staff": "人工操作", "power": "功率限值"}


def _where(scope: Scope) -> str:
    return (
        f" WHERE o.site_id = ? AND o.ordered_at >= ? AND o.ordered_at < ?"
        f" AND o.meter_id IN {in_list(list(scope.meters))}"
    )


def _values(asked: Asked, scope: Scope) -> list[Any]:
    return [asked.site_id, sql_time(begin_of(asked)), sql_time(end_of(asked)), *scope.meters]


async def _show(asked: Asked) -> Sheet:
    scope = await scope_of(asked)
    limit, offset = window(asked)
    found = await rows(
        f"{_SELECT}{_where(scope)} ORDER BY o.ordered_at DESC, o.id DESC LIMIT ? OFFSET ?",
        [*_values(asked, scope), limit, offset],
    )
    counts = await _counts(asked, scope)
    return Sheet(
        from_on=asked.from_on,
        to_on=asked.to_on,
        columns=_COLUMNS,
        rows=[_row(row, scope) for row in found],
        totals=_totals(counts),
        row_count=sum(one["n"] for one in counts),
        figure=_figure(asked, counts),
        data_until_at=until(asked),
        notes=_NOTES,
    )


async def _counts(asked: Asked, scope: Scope) -> list[dict[str, Any]]:
    day = local_day("o.ordered_at")
    found = await rows(
        f"SELECT {day} AS day, o.relay AS relay, o.end_stage AS end_stage, COUNT(*) AS n"
        f" FROM supply_order o{_where(scope)} GROUP BY {day}, o.relay, o.end_stage",
        _values(asked, scope),
    )
    return [{**row, "day": str(row["day"]), "n": int(row["n"])} for row in found]


def _totals(counts: list[dict[str, Any]]) -> Row:
    def number(relay: str, stage: str | None = "") -> int:
        return sum(one["n"] for one in counts if one["relay"] == relay and stage in ("", one["end_stage"]))

    told = f"断电 {number('OFF')}，送电 {number('ON')}"
    proved = number("OFF", "verified") + number("ON", "verified")
    return ["合计", told, *[None] * 6, f"回读一致 {proved} / {sum(one['n'] for one in counts)}", None]


def _figure(asked: Asked, counts: list[dict[str, Any]]) -> Figure:
    days = [day.isoformat() for day in days_of(asked.from_on, asked.to_on)]

    def series(relay: str) -> list[int | None]:
        return [
            sum(one["n"] for one in counts if one["day"] == day and one["relay"] == relay) for day in days
        ]

    return Figure(
        "每日指令数",
        days,
        [Series("断电", Unit.COUNT, series("OFF")), Series("送电", Unit.COUNT, series("ON"))],
    )


def _row(row: dict[str, Any], scope: Scope) -> Row:
    meter = scope.meters[int(row["meter_id"])]
    ordered_at, verified_at = some_utc(row["ordered_at"]), utc(row["verified_at"])
    return [
        int(ordered_at.timestamp() * 1000),
        _ACTIONS.get(row["relay"], row["relay"]),
        scope.name_of(meter),
        meter.serial,
        meter.shaft_name,
        _reason(row),
        row["staff_name"] or "系统自动",
        _seconds(ordered_at, verified_at),
        _result(row),
        str(row["id"]),
    ]


def _seconds(ordered_at: datetime, verified_at: datetime | None) -> int | None:
    """Return whole seconds; the collector's clock may be a little behind ours."""
    return None if verified_at is None else max(0, round((verified_at - ordered_at).total_seconds()))


def _reason(row: dict[str, Any]) -> str:
    reasons = [REASONS.get(one, one) for one in msgspec.json.decode(row["reasons"] or "[]", type=list[str])]
    return "、".join(reasons) or _CAUSES.get(str(row["cause"]).partition(":")[0], "恢复供电")


def _result(row: dict[str, Any]) -> str:
    if row["end_stage"]:
        return STAGES.get(row["end_stage"], str(row["end_stage"]))
    return f"进行中：{STAGES.get(row['trouble'], row['trouble'])}" if row["trouble"] else "进行中"


async def _detail(asked: Asked) -> Detail:
    scope = await scope_of(asked)
    counts = await _counts(asked, scope)
    return Detail(_COLUMNS, sum(one["n"] for one in counts), _totals(counts), _chunks(asked, scope))


async def _chunks(asked: Asked, scope: Scope) -> AsyncIterator[list[Row]]:
    """Give a day's orders at a time."""
    for day in days_of(asked.from_on, asked.to_on):
        values = [sql_time(local_midnight(day)), sql_time(local_midnight(day + DAY))]
        found = await rows(
            f"{_SELECT}{_where(scope)} ORDER BY o.ordered_at, o.id",
            [asked.site_id, *values, *scope.meters],
        )
        if found:
            yield [_row(row, scope) for row in found]


REPORT = Report(
    kind="switching",
    title="断送电记录",
    permission="staff.report.energy",
    groups=(Group("order", "逐条"),),
    show=_show,
    detail=_detail,
    by_meter=True,
)
