"""Follow a restore until the meter has verified it (复电跟踪). A restore is never given up.

Runs again safely: it only looks and alarms; the collector does the converging.
"""

from datetime import timedelta

from backend.context import Context
from backend.jobs.port import Again, Done
from backend.models.meters import Meter
from backend.models.supply import Supply
from backend.services.alarm_book import clear_alarm, raise_alarm
from backend.services.alarm_places import place_of
from backend.services.work import WATCH_RESTORE, OrderWork
from backend.store import unit_of_work
from common.wire import Relay, Stage

KIND = WATCH_RESTORE
Payload = OrderWork
ALARM_AFTER = timedelta(seconds=60)
LOOK_EVERY_S = 5.0
LATE_LOOK_EVERY_S = 30.0
KIND_OF_ALARM = "restore_late"


async def run(ctx: Context, payload: OrderWork) -> Done | Again:
    supply = await Supply.get(meter_id=payload.meter_id)
    is_over = supply.generation != payload.generation or supply.desired is not Relay.ON
    is_done = supply.verified_generation >= payload.generation
    if is_over or is_done:
        await unit_of_work(lambda: clear_alarm(ctx, KIND_OF_ALARM, str(payload.meter_id)), "watch_restore")
        return Done()
    if supply.stage is Stage.COMMANDED:
        return Again(LATE_LOOK_EVERY_S)  # No contact bits: the best there is until load is seen.
    if supply.desired_at is not None and ctx.clock.now() - supply.desired_at > ALARM_AFTER:
        await unit_of_work(lambda: _alarm(ctx, payload.meter_id), "watch_restore")
        return Again(LATE_LOOK_EVERY_S)
    return Again(LOOK_EVERY_S)


async def _alarm(ctx: Context, meter_id: int) -> None:
    meter = await Meter.get(id=meter_id)
    await raise_alarm(
        ctx,
        meter.site_id,
        KIND_OF_ALARM,
        str(meter_id),
        f"{await place_of(meter)}已付款，超过 60 秒仍未恢复供电，平台在继续重试。"
        "请检查该表通讯，必要时到现场送电",
        severity="urgent",
        meter_id=meter_id,
        account_id=meter.account_id,
    )
