"""Communication faults as collectors report them (通信故障): marks on lines and meters, then alarms.

A fault is told and shown; it never takes a paid shop's power. Which alarm a fault becomes, and what it
explains, is the rule of domain/fault_tree.py.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from backend.context import Context
from backend.domain.fault_tree import AWAY_AFTER
from backend.models.meters import Meter, MeterState
from backend.models.operations import Collector, LineState
from backend.models.site import Line
from backend.services.alarm_book import COMMUNICATION, clear_alarm, raise_alarm
from backend.services.collector_link import owns_line
from backend.services.fault_alarms import reconcile
from backend.services.fault_facts import is_unheard
from backend.services.row_ids import id_of
from backend.services.work import wake
from backend.store import rows, unit_of_work
from common.wire import LineHealth

COLLECTOR_CLOCK = "collector_clock"
CLOCK_MAY_BE_OFF_MS = 5_000
LONGEST_LOOK = timedelta(seconds=60)

_KINDS = (*COMMUNICATION, COLLECTOR_CLOCK)
_ANYTHING_SQL = f"""
SELECT 1 AS found FROM site WHERE id = ? AND (
EXISTS (SELECT 1 FROM meter_state WHERE site_id = ? AND silent_since_at IS NOT NULL)
OR EXISTS (SELECT 1 FROM line_state
           WHERE site_id = ? AND (down_since_at IS NOT NULL OR silent_since_at IS NOT NULL))
OR EXISTS (SELECT 1 FROM alarm WHERE standing_key > '' AND site_id = ?
           AND kind IN ({",".join("?" * len(_KINDS))})))"""


async def note_faults(ctx: Context, collector: Collector, lines: Sequence[LineHealth]) -> None:
    """Take in how the collector's own lines are; writes only what is new.

    Asked every few seconds: while all is well it looks once at what stands, and no further.
    """
    is_well = not _is_clock_off(collector) and all(
        one.connected and not one.fault and not one.silent_meters for one in lines
    )
    if is_well and not await _anything_stands(collector.site_id):
        return

    async def work() -> None:
        await _note_clock(ctx, collector)
        if await _note_lines(ctx, collector, lines):
            wake(ctx, f"live:{collector.site_id}")
        await reconcile(ctx, collector.site_id)

    await unit_of_work(work, "note_faults")


async def note_collectors(ctx: Context) -> datetime:
    """Find collectors that are not heard any more, and those that are again; return when to look again."""
    now = ctx.clock.now()
    look_at = now + LONGEST_LOOK
    for collector in await Collector.filter(seen_at__isnull=False).order_by("id"):
        if is_unheard(collector, now) or collector.away_since_at is not None:
            await unit_of_work(lambda one=collector: _note_away(ctx, one), "note_collectors")  # type: ignore[misc]
        elif collector.seen_at is not None:
            look_at = min(look_at, max(collector.seen_at + AWAY_AFTER, now) + timedelta(seconds=1))
    return look_at


async def _note_away(ctx: Context, collector: Collector) -> None:
    now = ctx.clock.now()
    away_since_at = (collector.away_since_at or now) if is_unheard(collector, now) else None
    if away_since_at != collector.away_since_at:
        await Collector.filter(id=collector.id).update(away_since_at=away_since_at)
    await reconcile(ctx, collector.site_id)


async def _anything_stands(site_id: int) -> bool:
    return bool(await rows(_ANYTHING_SQL, [site_id] * 4 + list(_KINDS)))


def _is_clock_off(collector: Collector) -> bool:
    return abs(collector.clock_offset_ms or 0) > CLOCK_MAY_BE_OFF_MS


async def _note_clock(ctx: Context, collector: Collector) -> None:
    """Tell of a wrong clock. An unknown offset is no alarm; neither gets arrears trips."""
    if not _is_clock_off(collector):
        await clear_alarm(ctx, COLLECTOR_CLOCK, str(collector.id))
        return
    offset_s = round((collector.clock_offset_ms or 0) / 1000)
    word = "快" if offset_s > 0 else "慢"
    text = (
        f"采集服务 {collector.name} 的时钟比平台{word} {abs(offset_s)} 秒，欠费断电已暂停。"
        "请检查采集主机的时间同步（NTP）；抄表、交费和送电不受影响"
    )
    await raise_alarm(ctx, collector.site_id, COLLECTOR_CLOCK, str(collector.id), text)


async def _note_lines(ctx: Context, collector: Collector, lines: Sequence[LineHealth]) -> bool:
    """Mark what is new of lines and meters; say whether anything was."""
    known = {row.id: row for row in await Line.filter(site_id=collector.site_id)}
    own = {
        line.id: health
        for health in lines
        if (line := known.get(id_of(health.line_id) or 0)) is not None and owns_line(collector, line.code)
    }
    now = ctx.clock.now()
    states = {row.line_id: row for row in await LineState.filter(line_id__in=sorted(own))}
    is_changed = await _note_silence(own, now)
    for line_id, health in sorted(own.items()):
        is_changed |= await _note_line(collector.site_id, states.get(line_id), line_id, health, now)
    return is_changed


async def _note_silence(own: Mapping[int, LineHealth], now: datetime) -> bool:
    meters = {row.id for row in await Meter.filter(line_id__in=sorted(own), retired_at=None)}
    named = {id_of(key) or 0 for health in own.values() for key in health.silent_meters}
    marked = await MeterState.filter(meter_id__in=sorted(meters), silent_since_at__isnull=False)
    silent, was_silent = named & meters, {row.meter_id for row in marked}
    for meter_id in sorted(silent ^ was_silent):  # One by one in order of their ids, as readings lock them.
        at = now if meter_id in silent else None
        await MeterState.filter(meter_id=meter_id).update(silent_since_at=at)
    return silent != was_silent


async def _note_line(
    site_id: int, state: LineState | None, line_id: int, health: LineHealth, now: datetime
) -> bool:
    down_at = state.down_since_at if state is not None else None
    silent_at = state.silent_since_at if state is not None else None
    is_down, is_silent = not health.connected, health.connected and health.fault
    if (is_down, is_silent) == (down_at is not None, silent_at is not None):
        return False
    values: dict[str, Any] = {
        "down_since_at": (down_at or now) if is_down else None,
        "silent_since_at": (silent_at or now) if is_silent else None,
    }
    if not is_down and not is_silent:
        values["back_at"] = now
    if state is None:
        await LineState.create(line_id=line_id, site_id=site_id, **values)
    else:
        await LineState.filter(line_id=line_id).update(**values)
    return True
