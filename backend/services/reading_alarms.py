"""What readings say about a meter's own settings (表计状态告警): its money mode, its hold, its clock.

Called inside the batch's unit of work. While all is well a batch costs one look.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from backend.context import Context
from backend.models.meters import Meter, MeterKind
from backend.models.operations import Alarm
from backend.models.supply import Supply
from backend.services.alarm_book import end_alarm, raise_alarm
from backend.services.alarm_places import place_of
from common.wire import Reading

OWN_MONEY, METER_HELD, METER_CLOCK = "own_money", "meter_held", "meter_clock"
KINDS = (OWN_MONEY, METER_HELD, METER_CLOCK)
CLOCK_MAY_BE_OFF_S = 300.0  # Beyond it the meter's own periods are not believed: domain/readings.py.
STALE_AFTER = timedelta(minutes=15)  # What waited in a spool says nothing about the meter as it is now.


async def tell_of_meters(
    ctx: Context, site_id: int, meters: Mapping[str, Meter], readings: Iterable[Reading]
) -> None:
    """Raise and end alarms by the newest fresh reading of each meter. None says nothing either way."""
    now = ctx.clock.now()
    newest: dict[str, Reading] = {}
    for reading in readings:
        if reading.meter_id in meters and now - reading.read_at <= STALE_AFTER:
            before = newest.get(reading.meter_id)
            if before is None or reading.read_at >= before.read_at:
                newest[reading.meter_id] = reading
    found = await Alarm.filter(site_id=site_id, kind__in=KINDS, standing_key__gt="")
    standing = {(alarm.kind, alarm.meter_id): alarm for alarm in found}
    for key in sorted(newest):
        meter, reading = meters[key], newest[key]
        for kind, is_wrong in _findings(meter, reading):
            alarm = standing.get((kind, meter.id))
            if is_wrong and alarm is None:
                await _raise(ctx, meter, kind, reading)
            elif not is_wrong and alarm is not None:
                await end_alarm(ctx, alarm)


def _findings(meter: Meter, reading: Reading) -> Iterable[tuple[str, bool]]:
    """Yield each kind that this reading says something about, and whether it is wrong."""
    if reading.forced is not None and meter.kind is MeterKind.PREPAID:
        yield OWN_MONEY, not reading.forced
    if reading.held is not None:
        yield METER_HELD, reading.held
    if reading.meter_clock_offset_s is not None:
        yield METER_CLOCK, abs(reading.meter_clock_offset_s) > CLOCK_MAY_BE_OFF_S


async def _raise(ctx: Context, meter: Meter, kind: str, reading: Reading) -> None:
    if kind == OWN_MONEY and await _is_older_than_its_order(meter, reading):
        return
    where = await place_of(meter)
    minutes = round((reading.meter_clock_offset_s or 0) / 60)
    texts = {
        OWN_MONEY: (
            f"{where}已退出强制控制，改由表内余额决定通断，可能误断已付费商铺。"
            "请立即核对该表状态，并从平台重新下发送电或断电，使其恢复强制控制"
        ),
        METER_HELD: (
            f"{where}处于表内保电状态，不执行断电指令。保电应由平台登记：请核实是谁设置的，并解除表内保电；"
            "供电不受影响"
        ),
        METER_CLOCK: (
            f"{where}的时钟{'快' if minutes > 0 else '慢'} {abs(minutes)} 分钟，"
            "分时电量改按时间估算，总电量不受影响。请对该表校时"
        ),
    }
    severity = {OWN_MONEY: "urgent", METER_HELD: "major", METER_CLOCK: "minor"}[kind]
    await raise_alarm(
        ctx,
        meter.site_id,
        kind,
        str(meter.id),
        texts[kind],
        severity=severity,
        meter_id=meter.id,
        account_id=meter.account_id,
        since_at=reading.read_at,
    )


async def _is_older_than_its_order(meter: Meter, reading: Reading) -> bool:
    """Say whether an order has reached the meter since: then the next reading tells."""
    supply = await Supply.get_or_none(meter_id=meter.id)
    return supply is not None and supply.stage_at is not None and reading.read_at < supply.stage_at
