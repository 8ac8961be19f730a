"""A meter that switched itself off (负荷跳闸): reported, not ordered. Inside a unit of work.

The relay is shown as the meter reports it, what it shall be stays as it was, and nothing is sent: somebody
looks first, then presses the meter's button or lets the staff restore.
"""

from collections.abc import Iterable

from backend.context import Context
from backend.models.meters import Meter
from backend.models.operations import Alarm
from backend.services.alarm_book import clear_alarm, raise_alarm
from backend.services.alarm_places import place_of
from common.wire import Relay

LOAD_TRIP = "load_trip"


async def note_load_trips(
    ctx: Context, site_id: int, seen: Iterable[tuple[Meter, Relay, bool | None]]
) -> None:
    """Raise an alarm for each meter that says so; end it once its contact is seen on again."""
    newest = {meter.id: (meter, relay, load_tripped) for meter, relay, load_tripped in seen}
    if not newest:
        return
    standing = {row.meter_id for row in await Alarm.filter(site_id=site_id, kind=LOAD_TRIP, cleared_at=None)}
    for meter_id, (meter, relay, load_tripped) in sorted(newest.items()):
        if load_tripped and relay is not Relay.ON and meter_id not in standing:
            where = await place_of(meter)
            await raise_alarm(
                ctx,
                site_id,
                LOAD_TRIP,
                str(meter_id),
                f"{where}因负荷过大自行跳闸。请减少用电后按表上按键合闸，或由物业人工送电",
                meter_id=meter_id,
                account_id=meter.account_id,
            )
        elif meter_id in standing and relay is Relay.ON:
            await clear_alarm(ctx, LOAD_TRIP, str(meter_id))


async def is_load_tripped(meter: Meter) -> bool:
    return await Alarm.exists(standing_key=f"{LOAD_TRIP}:{meter.id}")
