"""What the meters showed (抄表记录): each reading with its verdict, by meter and time."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

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
from backend.reports.scope import MeterPlace, Scope, in_list, scope_of
from backend.reports.spans import DAY_MS, HOUR_MS, SHANGHAI_MS, begin_ms, end_ms, until
from backend.reports.words import READING_KINDS, RELAYS, VERDICTS, whole
from backend.store import rows
from common.clock import local

# How much one look may read: each meter is read every minute.
MOST_DAYS, MOST_DAYS_OF_ONE = 3, 92
_NOTES = [
    "示数为电表显示值，未乘倍率；功率为乘倍率前的电表值。",
    "“估算”指该小时的用电含按时间拆分或人工判定的部分。",
]
_COLUMNS = [
    Column("read_at", "抄表时间", Unit.TIME),
    Column("serial", "表号"),
    Column("place", "商铺 / 位置"),
    Column("shaft", "强电井"),
    Column("register_wh", "总示数", Unit.WH, "示数（kWh）"),
    Column("sharp_wh", "尖", Unit.WH, "示数（kWh）"),
    Column("peak_wh", "峰", Unit.WH, "示数（kWh）"),
    Column("flat_wh", "平", Unit.WH, "示数（kWh）"),
    Column("valley_wh", "谷", Unit.WH, "示数（kWh）"),
    Column("power_w", "功率", Unit.W),
    Column("relay", "继电器"),
    Column("kind", "来源"),
    Column("verdict", "判定"),
    Column("estimated", "估算"),
    Column("delay_s", "入库延迟", Unit.SECONDS),
]


def _select() -> str:
    hour = whole("r.read_at_ms", HOUR_MS)
    return (
        "SELECT r.meter_id, r.read_at_ms, r.kind, r.received_at_ms, r.register_wh, r.sharp_wh, r.peak_wh,"
        " r.flat_wh, r.valley_wh, r.power_w, r.relay, r.verdict, h.estimated FROM reading r"
        f" LEFT JOIN usage_hour h ON h.meter_id = r.meter_id AND h.hour_at_ms = {hour} * {HOUR_MS}"
    )


def _clipped(asked: Asked) -> tuple[Asked, str]:
    """Keep to what one look may read: the newest days, and say so."""
    most = MOST_DAYS if asked.meter_id is None else MOST_DAYS_OF_ONE
    if (asked.to_on - asked.from_on).days < most:
        return asked, ""
    asked = structs.replace(asked, from_on=asked.to_on - timedelta(days=most - 1))
    more = "；选择一只电表可查 92 天" if asked.meter_id is None else ""
    return asked, f"抄表记录数量大，一次显示最近 {most} 天（{asked.from_on} 至 {asked.to_on}）{more}"


async def _show(asked: Asked) -> Sheet:
    asked, notice = _clipped(asked)
    scope = await scope_of(asked)
    counts = await _counts(asked, scope)
    total = sum(counts.values())
    limit, offset = window(asked)
    found = await rows(
        f"{_select()} WHERE {_where(scope)} ORDER BY r.meter_id, r.read_at_ms, r.kind LIMIT ? OFFSET ?",
        [*scope.meters, begin_ms(asked), end_ms(asked), limit, offset],
    )
    return Sheet(
        from_on=asked.from_on,
        to_on=asked.to_on,
        columns=_COLUMNS,
        rows=[_row(row, scope) for row in found],
        totals=_totals(counts),
        row_count=total,
        figure=_figure(asked, counts),
        data_until_at=until(asked),
        missing=len(scope.meters) - len({meter_id for meter_id, _, _ in counts}),
        notice=notice,
        notes=_NOTES,
    )


def _where(scope: Scope) -> str:
    return f"r.meter_id IN {in_list(list(scope.meters))} AND r.read_at_ms >= ? AND r.read_at_ms < ?"


def _slot_ms(asked: Asked) -> int:
    return HOUR_MS if (asked.to_on - asked.from_on).days < MOST_DAYS else DAY_MS


async def _counts(asked: Asked, scope: Scope) -> Counter[tuple[int, int, str]]:
    """Count by meter, slot of the chart and verdict."""
    length_ms = _slot_ms(asked)
    slot = whole(f"r.read_at_ms + {SHANGHAI_MS}", length_ms)
    counts: Counter[tuple[int, int, str]] = Counter()
    for row in await rows(
        f"SELECT r.meter_id, {slot} AS slot, r.verdict, COUNT(*) AS n FROM reading r WHERE {_where(scope)}"
        f" GROUP BY r.meter_id, {slot}, r.verdict",
        [*scope.meters, begin_ms(asked), end_ms(asked)],
    ):
        key = (int(row["meter_id"]), int(row["slot"]) * length_ms - SHANGHAI_MS, row["verdict"])
        counts[key] += int(row["n"])
    return counts


def _totals(counts: Counter[tuple[int, int, str]]) -> Row:
    by_verdict: Counter[str] = Counter()
    for (_, _, verdict), number in counts.items():
        by_verdict[VERDICTS.get(verdict, verdict)] += number
    told = "，".join(f"{word} {number}" for word, number in by_verdict.most_common())
    meters = len({meter_id for meter_id, _, _ in counts})
    return [
        "合计",
        f"{meters} 只表",
        f"{sum(counts.values())} 条",
        *[None] * 9,
        told or "没有抄表",
        None,
        None,
    ]


def _slot_word(slot_ms: int, length_ms: int) -> str:
    at = local(datetime.fromtimestamp(slot_ms / 1000, UTC))
    return f"{at:%m-%d %H:00}" if length_ms == HOUR_MS else f"{at:%m-%d}"


def _figure(asked: Asked, counts: Counter[tuple[int, int, str]]) -> Figure:
    length_ms = _slot_ms(asked)
    slots = sorted({slot for _, slot, _ in counts})
    good = {"accepted", "first", "duplicate"}
    fine = Counter(dict.fromkeys(slots, 0))
    other = Counter(dict.fromkeys(slots, 0))
    for (_, slot, verdict), number in counts.items():
        (fine if verdict in good else other)[slot] += number
    return Figure(
        "抄表条数",
        [_slot_word(slot, length_ms) for slot in slots],
        [
            Series("正常", Unit.COUNT, [fine[slot] for slot in slots], stack="n"),
            Series("待核或不计费", Unit.COUNT, [other[slot] for slot in slots], stack="n"),
        ],
    )


def _row(row: dict[str, Any], scope: Scope) -> Row:
    meter: MeterPlace = scope.meters[int(row["meter_id"])]
    return [
        int(row["read_at_ms"]),
        meter.serial,
        scope.name_of(meter),
        meter.shaft_name,
        *(row[name] for name in ("register_wh", "sharp_wh", "peak_wh", "flat_wh", "valley_wh", "power_w")),
        RELAYS.get(row["relay"], row["relay"]),
        READING_KINDS.get(row["kind"], row["kind"]),
        VERDICTS.get(row["verdict"], row["verdict"]),
        "估算" if row["estimated"] else "",
        max(0, (int(row["received_at_ms"]) - int(row["read_at_ms"])) // 1000),
    ]


async def _detail(asked: Asked) -> Detail:
    asked, _ = _clipped(asked)
    scope = await scope_of(asked)
    counts = await _counts(asked, scope)
    return Detail(_COLUMNS, sum(counts.values()), _totals(counts), _chunks(asked, scope, list(scope.meters)))


async def _chunks(asked: Asked, scope: Scope, meter_ids: Sequence[int]) -> AsyncIterator[list[Row]]:
    """Give a meter's readings at a time."""
    for meter_id in meter_ids:
        found = await rows(
            f"{_select()} WHERE r.meter_id = ? AND r.read_at_ms >= ? AND r.read_at_ms < ?"
            " ORDER BY r.read_at_ms, r.kind",
            [meter_id, begin_ms(asked), end_ms(asked)],
        )
        if found:
            yield [_row(row, scope) for row in found]


REPORT = Report(
    kind="readings",
    title="抄表记录",
    permission="staff.report.energy",
    groups=(Group("reading", "逐条"),),
    show=_show,
    detail=_detail,
    by_meter=True,
)
