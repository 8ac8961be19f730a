"""One meter's page (电表档案页): how it is reached, what it shows, what became of it. Retired ones, too."""

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound
from backend.models.meters import DecisionKind, Meter, MeterChange, MeterState, RegisterDecision
from backend.models.operations import Alarm
from backend.models.people import Staff
from backend.models.site import Gateway, Line
from backend.models.supply import Supply
from backend.services.file_meters import MeterFile, meter_files
from backend.services.meter_models import list_models
from backend.services.profile_alarms import PROFILE_UNUSABLE
from backend.services.ratio_changes import RatioChangeView, list_ratio_changes
from backend.services.readings_store import ms_of
from backend.services.show_alarms import AlarmView, list_history
from backend.services.show_meter import ReadingView, newest_readings
from backend.services.show_usage import day_number, day_of
from backend.store import rows
from common.clock import local, local_midnight

DAYS = 15
_MOST = 20
_MIDNIGHT_WITHIN = timedelta(days=2)  # An older register says nothing of that midnight.

_DAYS_SQL = (
    "SELECT day, energy_wh, estimated FROM usage_day WHERE meter_id = ? AND day >= ? ORDER BY day DESC"
)
_LAST_SQL = """
SELECT read_at_ms, kind, register_wh FROM reading
WHERE meter_id = ? AND read_at_ms <= ? AND read_at_ms > ? AND verdict IN ('accepted', 'first')
ORDER BY read_at_ms DESC LIMIT 1"""


class WireEnd(Struct, frozen=True, kw_only=True):
    """How it is reached; a serial line has a device, every other one a host and a port."""

    protocol: str
    host: str
    port: int
    device: str
    baud: int
    parity: str
    ct_ratio: int
    pt_ratio: int
    energy_side: str
    register_step_wh: int
    status_block_at: int | None
    own_password: bool
    unconfirmed: list[str] | None  # Rows of its profile that nobody has checked; None: not known.
    profile_trouble: str | None  # What its collector says is wrong with the profile.


class ShownValues(Struct, frozen=True, kw_only=True):
    """What it showed last. Values as on the primary side where there are transformers."""

    period_registers_wh: list[int] | None
    electrical: dict[str, list[int] | None]
    relay_at: datetime | None
    forced: bool | None
    desired: str | None
    stage: str | None
    clock_offset_ms: int | None
    clock_at: datetime | None


class DayRegister(Struct, frozen=True, kw_only=True):
    """register_wh: the last accepted one at or before the end of the day, with its time."""

    on: str
    energy_wh: int | None
    estimated: bool
    register_wh: int | None
    read_at: datetime | None


class ChangeStep(Struct, frozen=True, kw_only=True):
    """This meter took another one's place, or another one its place."""

    meter_change_id: str
    changed_at: datetime
    other_meter_id: str | None
    other_serial: str
    came: bool  # True: this one is the new one.
    register_wh: int
    reason: str
    state: str


class DecisionView(Struct, frozen=True, kw_only=True):
    decided_at: datetime
    decided_by: str
    kind: DecisionKind
    register_wh: int
    energy_wh: int
    reason: str


class MeterFileDetail(Struct, frozen=True, kw_only=True):
    meter: MeterFile
    wire: WireEnd
    shown: ShownValues
    days: list[DayRegister]
    readings: list[ReadingView]
    changes: list[ChangeStep]
    ratio_changes: list[RatioChangeView]
    decisions: list[DecisionView]
    alarms: list[AlarmView]


async def show_meter_file(ctx: Context, meter_id: int) -> MeterFileDetail:
    """Return all that is known of a meter of the caller's site. Errors: NotFound."""
    site_id = ctx.caller.site_id
    meter = await Meter.get_or_none(id=meter_id, site_id=site_id)
    if meter is None:
        raise NotFound()
    (row,) = await meter_files(site_id, meter.id)
    history = await list_history(
        ctx, from_at=None, to_at=None, meter_id=meter.id, kind=None, before=None, limit=_MOST
    )
    return MeterFileDetail(
        meter=row,
        wire=await _wire(meter),
        shown=await _shown(meter),
        days=await _days(meter, ctx.clock.now()),
        readings=await newest_readings(meter),
        changes=await _changes(meter),
        ratio_changes=await list_ratio_changes(ctx, meter.id),
        decisions=await _decisions(meter),
        alarms=history.alarms,
    )


async def _wire(meter: Meter) -> WireEnd:
    line = await Line.get(id=meter.line_id)
    gateway = await Gateway.get(id=line.gateway_id)  # type: ignore[attr-defined]
    models = {one.profile: one for one in await list_models(meter.site_id) or []}
    model = models.get(meter.profile)
    return WireEnd(
        protocol=line.protocol,
        host=gateway.host,
        port=line.port,
        device=line.device,
        baud=line.baud,
        parity=line.parity,
        ct_ratio=meter.ct_ratio,
        pt_ratio=meter.pt_ratio,
        energy_side=meter.energy_side.value,
        register_step_wh=meter.register_step_wh,
        status_block_at=meter.status_block_at,
        own_password=bool(meter.control_sealed),
        unconfirmed=None if model is None else model.unconfirmed,
        profile_trouble=await _profile_trouble(meter),
    )


async def _profile_trouble(meter: Meter) -> str | None:
    alarm = await Alarm.get_or_none(standing_key=f"{PROFILE_UNUSABLE}:{meter.id}")
    return None if alarm is None else alarm.text


async def _shown(meter: Meter) -> ShownValues:
    state = await MeterState.get(meter_id=meter.id)
    supply = await Supply.get_or_none(meter_id=meter.id)
    periods = state.period_registers
    return ShownValues(
        period_registers_wh=msgspec.json.decode(periods, type=list[int]) if periods else None,
        electrical=msgspec.json.decode(state.electrical or "{}", type=dict[str, list[int] | None]),
        relay_at=state.relay_at,
        forced=state.forced,
        desired=supply.desired.value if supply else None,
        stage=supply.stage.value if supply and supply.stage else None,
        clock_offset_ms=state.clock_offset_ms,
        clock_at=state.clock_at,
    )


async def _days(meter: Meter, now: datetime) -> list[DayRegister]:
    today = local(now).date()
    first = today - timedelta(days=DAYS - 1)
    used = {row["day"]: row for row in await rows(_DAYS_SQL, [meter.id, day_number(first)])}
    found = []
    for back in range(DAYS):
        on = today - timedelta(days=back)
        end = local_midnight(on + timedelta(days=1))
        last = await rows(_LAST_SQL, [meter.id, ms_of(end), ms_of(end - _MIDNIGHT_WITHIN)])
        day = used.get(day_number(on))
        found.append(
            DayRegister(
                on=day_of(day_number(on)).isoformat(),
                energy_wh=None if day is None else int(day["energy_wh"]),
                estimated=day is not None and bool(day["estimated"]),
                register_wh=int(last[0]["register_wh"]) if last else None,
                read_at=datetime.fromtimestamp(last[0]["read_at_ms"] / 1000, UTC) if last else None,
            )
        )
    return found


async def _changes(meter: Meter) -> list[ChangeStep]:
    taken_off = await MeterChange.filter(old_meter_id=meter.id).order_by("-id").limit(_MOST)
    put_in = await MeterChange.filter(new_meter_id=meter.id).order_by("-id").limit(_MOST)
    others = {row.old_meter_id for row in put_in} | {row.new_meter_id for row in taken_off} - {None}
    serials = {row.id: row.serial for row in await Meter.filter(id__in=sorted(others))}
    found = []
    for row in sorted([*taken_off, *put_in], key=lambda one: one.id, reverse=True):
        came = row.new_meter_id == meter.id
        new = msgspec.json.decode(row.new_meter, type=dict[str, msgspec.Raw])
        first = msgspec.json.decode(new["register_wh"], type=int)
        other = row.old_meter_id if came else row.new_meter_id
        planned = msgspec.json.decode(new["serial"], type=str)
        is_over = row.done_at is not None or row.refused_at is not None
        found.append(
            ChangeStep(
                meter_change_id=str(row.id),
                changed_at=row.changed_at,
                other_meter_id=None if other is None else str(other),
                other_serial=serials.get(other or 0, planned),
                came=came,
                register_wh=first if came else row.old_register_wh,
                reason=row.reason,
                state=("done" if row.done_at is not None else "refused") if is_over else "asked",
            )
        )
    return found


async def _decisions(meter: Meter) -> list[DecisionView]:
    found = await RegisterDecision.filter(meter_id=meter.id).order_by("-id").limit(_MOST)
    names = {row.id: row.name for row in await Staff.filter(id__in=[one.decided_by for one in found])}
    return [
        DecisionView(
            decided_at=row.decided_at,
            decided_by=names.get(row.decided_by, ""),
            kind=row.kind,
            register_wh=row.register_wh,
            energy_wh=row.energy_wh,
            reason=row.reason,
        )
        for row in found
    ]
