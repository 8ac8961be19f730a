"""One meter, its orders and its read requests, for the staff (表详情、指令跟踪)."""

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.site import Shop
from backend.models.supply import ReadRequest, Supply, SupplyOrder
from backend.services.control_supply import own_meter
from backend.services.power_limits import PowerWatchView, show_watch
from backend.services.ratio_boundaries import past_ratios, ratio_at
from backend.store import rows

_NEWEST_READINGS = 48


class ReadingView(Struct, frozen=True, kw_only=True):
    read_at: datetime
    kind: str
    register_wh: int  # As the meter shows it, before the transformers' ratio.
    power_w: int | None  # With the ratio, on the primary side.
    relay: str
    verdict: str


class Command(Struct, frozen=True, kw_only=True):
    """One relay order with the time of each step; None has not happened."""

    order_id: str
    meter_id: str
    serial: str
    generation: int
    relay: str
    order_class: str
    reasons: list[str]
    cause: str
    ordered_by: str | None
    ordered_at: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    commanded_at: datetime | None
    verified_at: datetime | None
    ended_at: datetime | None
    end_stage: str | None
    trouble: str | None
    detail: dict[str, str]


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
    readings: list[ReadingView]
    commands: list[Command]


class ReadView(Struct, frozen=True, kw_only=True):
    read_request_id: str
    meter_id: str
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    state: str  # "waiting", "answered" or "expired".


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
        readings=await _readings(meter),
        commands=await list_commands(ctx, meter.id, 20),
    )


async def list_commands(ctx: Context, meter_id: int | None, limit: int) -> list[Command]:
    """Return the site's newest orders, or one meter's."""
    wanted = SupplyOrder.filter(site_id=ctx.caller.site_id)
    if meter_id is not None:
        wanted = wanted.filter(meter_id=meter_id)
    orders = await wanted.order_by("-ordered_at", "-id").limit(limit)
    serials = {row.id: row.serial for row in await Meter.filter(id__in={item.meter_id for item in orders})}
    return [_command(item, serials.get(item.meter_id, "")) for item in orders]


async def show_read(ctx: Context, read_request_id: int) -> ReadView:
    """Say what became of a read request. Errors: NotFound."""
    row = await ReadRequest.get_or_none(id=read_request_id, site_id=ctx.caller.site_id)
    if row is None:
        raise NotFound()
    waiting = "expired" if row.expires_at <= ctx.clock.now() else "waiting"
    return ReadView(
        read_request_id=str(row.id),
        meter_id=str(row.meter_id),
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        answered_at=row.answered_at,
        state="answered" if row.answered_at else waiting,
    )


async def _readings(meter: Meter) -> list[ReadingView]:
    found = await rows(
        "SELECT read_at_ms, kind, register_wh, power_w, relay, verdict FROM reading WHERE meter_id = ?"
        f" ORDER BY read_at_ms DESC LIMIT {_NEWEST_READINGS}",
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


def _command(order: SupplyOrder, serial: str) -> Command:
    return Command(
        order_id=str(order.id),
        meter_id=str(order.meter_id),
        serial=serial,
        generation=order.generation,
        relay=order.relay.value,
        order_class=order.order_class.value,
        reasons=msgspec.json.decode(order.reasons, type=list[str]),
        cause=order.cause,
        ordered_by=str(order.ordered_by) if order.ordered_by else None,
        ordered_at=order.ordered_at,
        sent_at=order.sent_at,
        acknowledged_at=order.acknowledged_at,
        commanded_at=order.commanded_at,
        verified_at=order.verified_at,
        ended_at=order.ended_at,
        end_stage=order.end_stage.value if order.end_stage else None,
        trouble=order.trouble.value if order.trouble else None,
        detail=msgspec.json.decode(order.detail or "{}", type=dict[str, str]),
    )
