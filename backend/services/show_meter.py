"""One meter in detail, and what became of a read request (表详情)."""

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound
from backend.models.accounts import Account, Contact
from backend.models.meters import Meter, MeterState
from backend.models.people import Approval, Staff
from backend.models.site import Shop
from backend.models.supply import OffReason, ReadRequest, Supply
from backend.services.approvals import STANDS_FOR
from backend.services.control_supply import LIFT, SAFETY, UNDO_FOR, own_meter
from backend.services.power_limits import PowerWatchView, show_watch
from backend.services.ratio_boundaries import past_ratios, ratio_at
from backend.services.show_commands import Command, newest_commands
from backend.store import rows

_NEWEST_READINGS = 48
_CLOCKS_APART = timedelta(seconds=5)  # A collector's clock may be off by this much.


class ReadingView(Struct, frozen=True, kw_only=True):
    read_at: datetime
    kind: str
    register_wh: int  # As the meter shows it, before the transformers' ratio.
    power_w: int | None  # With the ratio, on the primary side.
    relay: str
    verdict: str


class ContactView(Struct, frozen=True, kw_only=True):
    name: str
    phone: str
    verified_at: datetime | None


class OffView(Struct, frozen=True, kw_only=True):
    """One reason for which a meter is off, other than money. Names of people; ids stay with us."""

    reason: str  # "safety", "staff", "power_limit".
    note: str
    placed_by: str | None  # None: the platform itself.
    placed_at: datetime
    undo_until_at: datetime | None  # Until then the caller alone may undo an emergency.
    lift_asked_by: str | None  # Who has asked to lift it; another person must agree.
    lift_asked_at: datetime | None
    lift_is_own: bool  # It is the caller who asked.


class MeterDetail(Struct, frozen=True, kw_only=True):
    meter_id: str
    serial: str
    kind: str
    profile: str
    unit: int
    ct_ratio: int
    pt_ratio: int
    energy_side: str
    rated_power_w: int
    place: str
    account_id: str | None
    shop_code: str | None
    shop_name: str | None
    register_wh: int | None
    period_registers_wh: list[int] | None  # Sharp, peak, flat, valley.
    read_at: datetime | None
    power_w: int | None
    electrical: dict[str, list[int] | None]
    relay: str
    relay_at: datetime | None
    forced: bool | None
    desired: str | None
    generation: int
    verified_generation: int
    stage: str | None
    holds: list[str]
    quarantined_at: datetime | None
    power_limit_w: int | None
    night_limit_w: int | None
    power_watch: PowerWatchView | None  # None: never over its limit.
    off: list[OffView]
    contact: ContactView | None  # For who may see tenants.
    unexplained: bool  # An emergency trip waits for its reason.
    readings: list[ReadingView]
    commands: list[Command]


class ReadView(Struct, frozen=True, kw_only=True):
    """took_s: from asking to the answer. reading: what came, once it has."""

    read_request_id: str
    meter_id: str
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    state: str  # "waiting", "answered" or "expired".
    took_s: float | None
    reading: ReadingView | None


async def show_meter(ctx: Context, meter_id: int) -> MeterDetail:
    """Return what is known of a meter of the caller's site. Errors: NotFound."""
    meter = await own_meter(ctx, meter_id)
    state = await MeterState.get(meter_id=meter.id)
    supply = await Supply.get_or_none(meter_id=meter.id)
    account = await Account.get_or_none(id=meter.account_id) if meter.account_id else None
    shop = await Shop.get(id=account.shop_id) if account else None
    periods = state.period_registers
    return MeterDetail(
        meter_id=str(meter.id),
        serial=meter.serial,
        kind=meter.kind.value,
        profile=meter.profile,
        unit=meter.unit,
        ct_ratio=meter.ct_ratio,
        pt_ratio=meter.pt_ratio,
        energy_side=meter.energy_side.value,
        rated_power_w=meter.rated_power_w,
        place=meter.place,
        account_id=str(account.id) if account else None,
        shop_code=shop.code if shop else None,
        shop_name=shop.name if shop else None,
        register_wh=state.register_wh,
        period_registers_wh=msgspec.json.decode(periods, type=list[int]) if periods else None,
        read_at=state.read_at,
        power_w=state.power_w,
        electrical=msgspec.json.decode(state.electrical or "{}", type=dict[str, list[int] | None]),
        relay=state.relay.value,
        relay_at=state.relay_at,
        forced=state.forced,
        desired=supply.desired.value if supply else None,
        generation=supply.generation if supply else 0,
        verified_generation=supply.verified_generation if supply else 0,
        stage=supply.stage.value if supply and supply.stage else None,
        holds=msgspec.json.decode(supply.holds, type=list[str]) if supply else [],
        quarantined_at=state.quarantined_at,
        power_limit_w=account.power_limit_w if account else None,
        night_limit_w=account.night_limit_w if account else None,
        power_watch=await show_watch(meter, account, state),
        readings=await newest_readings(meter),
        off=await _standing_reasons(ctx, meter),
        contact=await _contact(ctx, account),
        unexplained=await OffReason.filter(meter_id=meter.id, reason=SAFETY, note="").exists(),
        commands=await newest_commands(ctx, meter.id, 20),
    )


async def _standing_reasons(ctx: Context, meter: Meter) -> list[OffView]:
    found = await OffReason.filter(meter_id=meter.id, standing_key__isnull=False).order_by("id")
    keys = [f"{LIFT}:{row.id}" for row in found]
    now = ctx.clock.now()
    asked = {
        one.object_id: one
        for one in (await Approval.filter(standing_key__in=keys) if keys else [])
        if now - one.asked_at < STANDS_FOR
    }
    people = {row.placed_by for row in found} | {one.asked_by for one in asked.values()}
    known = {number for number in people if number is not None}
    names = {one.id: one.name for one in await Staff.filter(id__in=known)} if known else {}
    views = []
    for row in found:
        wish = asked.get(row.id)
        is_own = row.reason == SAFETY and row.placed_by == ctx.caller.id
        until_at = row.placed_at + UNDO_FOR
        views.append(
            OffView(
                reason=row.reason,
                note=row.note,
                placed_by=names.get(row.placed_by or 0),
                placed_at=row.placed_at,
                undo_until_at=until_at if is_own and now <= until_at else None,
                lift_asked_by=names.get(wish.asked_by, "") if wish else None,
                lift_asked_at=wish.asked_at if wish else None,
                lift_is_own=wish is not None and wish.asked_by == ctx.caller.id,
            )
        )
    return views


async def _contact(ctx: Context, account: Account | None) -> ContactView | None:
    if account is None or "staff.tenant.view" not in ctx.caller.permissions:
        return None
    found = await Contact.filter(account_id=account.id, removed_at=None).order_by("-id")
    best = next((one for one in found if one.verified_at is not None), found[0] if found else None)
    if best is None:
        return None
    return ContactView(name=best.name, phone=best.phone, verified_at=best.verified_at)


async def show_read(ctx: Context, read_request_id: int) -> ReadView:
    """Say what became of a read request. Errors: NotFound."""
    row = await ReadRequest.get_or_none(id=read_request_id, site_id=ctx.caller.site_id)
    if row is None:
        raise NotFound()
    return await read_view(ctx, row)


async def read_view(ctx: Context, row: ReadRequest) -> ReadView:
    """Say what became of a read request, with the reading that answered it."""
    waiting = "expired" if row.expires_at <= ctx.clock.now() else "waiting"
    reading = None
    if row.answered_at is not None:
        newest = await newest_readings(await Meter.get(id=row.meter_id), 1)
        reading = newest[0] if newest and newest[0].read_at >= row.asked_at - _CLOCKS_APART else None
    return ReadView(
        read_request_id=str(row.id),
        meter_id=str(row.meter_id),
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        answered_at=row.answered_at,
        state="answered" if row.answered_at else waiting,
        took_s=(row.answered_at - row.asked_at).total_seconds() if row.answered_at else None,
        reading=reading,
    )


async def newest_readings(meter: Meter, most: int = _NEWEST_READINGS) -> list[ReadingView]:
    """Return what the meter said last, newest first, of any verdict."""
    found = await rows(
        "SELECT read_at_ms, kind, register_wh, power_w, relay, verdict FROM reading WHERE meter_id = ?"
        f" ORDER BY read_at_ms DESC LIMIT {most}",
        [meter.id],
    )
    past, now = await past_ratios(meter), meter.transformers.ratio

    def primary(power_w: int | None, read_at: datetime) -> int | None:
        return None if power_w is None else power_w * ratio_at(past, now, read_at)

    ats = [datetime.fromtimestamp(row["read_at_ms"] / 1000, UTC) for row in found]
    return [
        ReadingView(
            read_at=at,
            kind=row["kind"],
            register_wh=row["register_wh"],
            power_w=primary(row["power_w"], at),
            relay=row["relay"],
            verdict=row["verdict"],
        )
        for row, at in zip(found, ats, strict=True)
    ]
