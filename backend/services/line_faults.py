"""Communication faults as a collector sees them (通信故障): lost lines, silent meters.

A fault is told and shown; it never takes a paid shop's power. A line that is lost is one alarm, not one
for each of its meters; a meter that misses a poll or two is not told of yet.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from backend.context import Context
from backend.models.meters import Meter, MeterState
from backend.models.operations import Alarm, Collector
from backend.models.site import Line
from backend.services.collector_link import owns_line
from backend.services.row_ids import id_of
from backend.services.tasks import clear_alarm, raise_alarm
from backend.services.work import wake
from backend.store import rows, unit_of_work
from common.wire import LineHealth

LINE_DOWN, METER_SILENT = "line_down", "meter_silent"
SILENT_FOR = timedelta(minutes=2)


async def note_faults(ctx: Context, collector: Collector, lines: Sequence[LineHealth]) -> None:
    """Raise and end alarms of the collector's own lines and meters; writes only what is new.

    Asked every few seconds: while all is well it looks at what stands, and no further.
    """
    is_well = all(one.connected and not one.silent_meters for one in lines)
    if is_well and not await _anything_stands(collector.site_id):
        return
    known = {row.id: row for row in await Line.filter(site_id=collector.site_id)}
    troubled = await _troubled_lines(collector.site_id)
    for health in lines:
        line = known.get(id_of(health.line_id) or 0)
        # Nearly always all is well, and was: then nothing more is read.
        is_well = health.connected and not health.silent_meters
        if line is not None and owns_line(collector, line.code) and not (is_well and line.id not in troubled):
            await _note_line(ctx, line, health)


async def _troubled_lines(site_id: int) -> set[int]:
    """Return the lines of which something is marked or told."""
    found = await rows(
        "SELECT m.line_id FROM meter_state s JOIN meter m ON m.id = s.meter_id"
        " WHERE s.site_id = ? AND s.silent_since_at IS NOT NULL",
        [site_id],
    )
    troubled = {int(row["line_id"]) for row in found}
    for row in await rows(
        "SELECT a.standing_key, m.line_id FROM alarm a LEFT JOIN meter m ON m.id = a.meter_id"
        " WHERE a.site_id = ? AND a.kind IN (?, ?) AND a.standing_key IS NOT NULL",
        [site_id, LINE_DOWN, METER_SILENT],
    ):
        troubled.add(int(row["line_id"] or row["standing_key"].partition(":")[2]))
    return troubled


async def _anything_stands(site_id: int) -> bool:
    if await MeterState.exists(site_id=site_id, silent_since_at__isnull=False):
        return True
    return await Alarm.exists(site_id=site_id, cleared_at=None, kind__in=[LINE_DOWN, METER_SILENT])


async def _note_line(ctx: Context, line: Line, health: LineHealth) -> None:
    meters = {row.id: row for row in await Meter.filter(line_id=line.id, retired_at=None)}
    silent = {number for key in health.silent_meters if (number := id_of(key) or 0) in meters}
    states = await MeterState.filter(meter_id__in=sorted(meters))
    was_silent = {row.meter_id: row.silent_since_at for row in states if row.silent_since_at is not None}
    keys = [f"{LINE_DOWN}:{line.id}", *(f"{METER_SILENT}:{meter_id}" for meter_id in sorted(meters))]
    told = {row.standing_key for row in await Alarm.filter(standing_key__in=keys)}
    now = ctx.clock.now()
    late = [
        meter_id
        for meter_id in sorted(silent)
        if health.connected and now - was_silent.get(meter_id, now) >= SILENT_FOR
    ]
    news = [meter_id for meter_id in late if f"{METER_SILENT}:{meter_id}" not in told]
    over = [meter_id for meter_id in sorted(meters) if meter_id not in silent]
    over_told = [meter_id for meter_id in over if f"{METER_SILENT}:{meter_id}" in told]
    is_line_news = health.connected is (f"{LINE_DOWN}:{line.id}" in told)
    changed = silent != was_silent.keys()
    if not (news or over_told or is_line_news or changed):
        return

    async def work() -> None:
        await _mark(sorted(silent - was_silent.keys()), now)
        await _mark([meter_id for meter_id in over if meter_id in was_silent], None)
        for meter_id in news:
            await _tell_silent(ctx, meters[meter_id])
        for meter_id in over_told:
            await clear_alarm(ctx, METER_SILENT, str(meter_id))
        if health.connected:
            await clear_alarm(ctx, LINE_DOWN, str(line.id))
        else:
            text = f"总线 {line.code} 与通讯管理机断开，{len(meters)} 块表无法抄读；已付款商铺不受影响"
            await raise_alarm(ctx, line.site_id, LINE_DOWN, str(line.id), text, severity="urgent")
        wake(ctx, f"live:{line.site_id}")

    await unit_of_work(work, "note_faults")


async def _mark(meter_ids: Sequence[int], at: datetime | None) -> None:
    for meter_id in meter_ids:  # One by one in order of their ids, as readings lock them.
        await MeterState.filter(meter_id=meter_id).update(silent_since_at=at)


async def _tell_silent(ctx: Context, meter: Meter) -> None:
    minutes = int(SILENT_FOR.total_seconds()) // 60
    await raise_alarm(
        ctx,
        meter.site_id,
        METER_SILENT,
        str(meter.id),
        f"表 {meter.serial} 超过 {minutes} 分钟没有应答，请检查电表与接线",
        meter_id=meter.id,
        account_id=meter.account_id,
    )
