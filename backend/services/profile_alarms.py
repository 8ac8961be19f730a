"""Meters whose profile cannot be used (表型档案不可用): nobody reads them until the file is put right."""

from collections.abc import Sequence

import msgspec

from backend.context import Context
from backend.models.meters import Meter
from backend.models.operations import Alarm, Collector
from backend.services.alarm_book import end_alarm, raise_alarm
from backend.services.alarm_places import place_of
from backend.services.own_meters import own_meters
from backend.services.work import wake
from backend.store import unit_of_work
from common.wire import Health, LineHealth

PROFILE_UNUSABLE = "profile_unusable"


async def note_profiles(ctx: Context, collector: Collector, health: Health) -> None:
    """Keep what models the collector can read, and tell of meters that it cannot; writes only what is new."""
    models = msgspec.json.encode(health.profiles, order="deterministic").decode()
    are_new = bool(health.profiles) and models != collector.profiles
    told = await Alarm.filter(site_id=collector.site_id, kind=PROFILE_UNUSABLE, cleared_at=None)
    unusable = await _unusable(collector, health.lines) if any(one.unusable for one in health.lines) else {}
    news = unusable.keys() - {alarm.meter_id for alarm in told}
    heard = {line.line_id for line in health.lines}
    over = [alarm for alarm in told if alarm.meter_id not in unusable and await _is_heard(alarm, heard)]
    if not (are_new or news or over):
        return

    async def work() -> None:
        if are_new:
            collector.profiles = models
            await collector.save(update_fields=["profiles"])
        for meter_id in sorted(news):
            meter, reason = unusable[meter_id]
            text = f"{await place_of(meter)}的型号 {meter.profile} 档案不可用：{reason}"
            await raise_alarm(
                ctx,
                collector.site_id,
                PROFILE_UNUSABLE,
                str(meter_id),
                text,
                meter_id=meter_id,
                account_id=meter.account_id,
            )
        for alarm in over:
            await end_alarm(ctx, alarm)
        wake(ctx, f"live:{collector.site_id}")

    await unit_of_work(work, "note_profiles")


async def _unusable(collector: Collector, lines: Sequence[LineHealth]) -> dict[int, tuple[Meter, str]]:
    said = {meter_id: reason for line in lines for meter_id, reason in line.unusable.items()}
    meters = await own_meters(collector, said)
    return {meter.id: (meter, said[key]) for key, meter in meters.items()}


async def _is_heard(alarm: Alarm, line_ids: set[str]) -> bool:
    """Say whether this report speaks of the alarm's meter: another collector's says nothing about it."""
    meter = await Meter.get_or_none(id=alarm.meter_id)
    return meter is None or str(meter.line_id) in line_ids
