"""The tenant's first page (首页): balances, days left, supply with the reason when it is off."""

from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.balances import days_left, estimate
from backend.models.accounts import Account, KeepSupply
from backend.models.meters import Meter, MeterState
from backend.models.payments import TopUp, TopUpState
from backend.models.people import Binding
from backend.models.site import Shop
from backend.models.supply import OffReason, Supply, SupplyOrder
from backend.services.power_limits import PowerWatchView, show_watch
from common.clock import local
from common.units import Fen, Nanoyuan
from common.wire import Relay

_REASONS = {
    "safety": "因安全原因断电，请联系物业",
    "staff": "物业已断电，请联系物业",
    "power_limit": "用电功率超过限值，已断电，请减少用电后联系物业",
    "arrears": "电费已用完，交费后自动恢复供电",
}


class SupplyView(Struct, frozen=True, kw_only=True):
    """One meter of the shop. `relay` is what the meter last said; None times are unknown."""

    meter_id: str
    serial: str
    relay: str
    relay_at: datetime | None
    desired: str
    read_at: datetime | None
    off_reason: str | None
    power_warning: str | None  # Over the power limit, and what happens if it stays so.


class HomeAccount(Struct, frozen=True, kw_only=True):
    account_id: str
    shop_code: str
    shop_name: str
    settled_fen: int
    estimated_fen: int
    days_left: float | None
    in_arrears: bool
    overdraft_fen: int
    restore_level_fen: int
    to_restore_fen: int  # Paying this much brings the power back; 0 when it is on.
    level: int
    keep_supply_until: datetime | None
    open_order_no: str | None
    supplies: list[SupplyView]


class Home(Struct, frozen=True, kw_only=True):
    at: datetime
    accounts: list[HomeAccount]


async def show_home(ctx: Context) -> Home:
    """Return every account that the calling tenant is bound to; an empty list when none."""
    bindings = await Binding.filter(tenant_id=ctx.caller.id, revoked_at=None).order_by("id")
    bound = [item.account_id for item in bindings]
    accounts = await Account.filter(id__in=bound, closed_at=None).order_by("id")
    return Home(at=ctx.clock.now(), accounts=[await show_account(ctx, item) for item in accounts])


async def show_account(ctx: Context, account: Account) -> HomeAccount:
    now = ctx.clock.now()
    shop = await Shop.get(id=account.shop_id)
    meters = await Meter.filter(account_id=account.id, retired_at=None).order_by("id")
    states = {row.meter_id: row for row in await MeterState.filter(account_id=account.id)}
    accrued = sum(row.accrued_nano for row in states.values())
    estimated = estimate(Fen(account.settled_fen), Nanoyuan(account.carried_nano), Nanoyuan(accrued))
    mean = None if account.mean_daily_nano is None else Nanoyuan(account.mean_daily_nano)
    read_times = [row.read_at for row in states.values() if row.read_at is not None]
    kept = await _kept_until(account, now)
    order = (
        await TopUp.filter(account_id=account.id, tenant_id=ctx.caller.id, expires_at__gt=now)
        .filter(state__in=[TopUpState.CREATED, TopUpState.PREPARED])
        .order_by("-id")
        .first()
    )
    supplies = [await _supply(account, item, states[item.id]) for item in meters]
    is_cut = any(item.desired == Relay.OFF for item in supplies) and account.in_arrears
    return HomeAccount(
        account_id=str(account.id),
        shop_code=shop.code,
        shop_name=shop.name,
        settled_fen=account.settled_fen,
        estimated_fen=estimated,
        days_left=days_left(
            estimated, Fen(account.overdraft_fen), mean, min(read_times) if read_times else None, now
        ),
        in_arrears=account.in_arrears,
        overdraft_fen=account.overdraft_fen,
        restore_level_fen=account.restore_level_fen,
        to_restore_fen=max(0, account.restore_level_fen - estimated) if is_cut else 0,
        level=account.level,
        keep_supply_until=kept,
        open_order_no=order.order_no if order else None,
        supplies=supplies,
    )


async def _kept_until(account: Account, now: datetime) -> datetime | None:
    row = (
        await KeepSupply.filter(account_id=account.id, released_at=None, until_at__gt=now)
        .filter(effective_at__isnull=False)
        .order_by("-until_at")
        .first()
    )
    return row.until_at if row else None


async def _supply(account: Account, meter: Meter, state: MeterState) -> SupplyView:
    watch = await show_watch(meter, account, state)
    supply = await Supply.get_or_none(meter_id=meter.id)
    desired = supply.desired if supply else Relay.ON
    reason = None
    if supply is not None and desired is Relay.OFF:
        rows = await OffReason.filter(meter_id=meter.id, standing_key__isnull=False).order_by("reason")
        order = await SupplyOrder.get_or_none(meter_id=meter.id, generation=supply.generation)
        named = [row.reason for row in rows] or (
            msgspec.json.decode(order.reasons, type=list[str]) if order else []
        )
        reason = _REASONS.get(named[0] if named else "arrears", _REASONS["arrears"])
        if named == ["power_limit"] and watch is not None and watch.restore_at is not None:
            reason = (
                f"用电功率超过限值，已断电，请关掉大功率电器，{local(watch.restore_at):%H:%M} 左右自动送电"
            )
    return SupplyView(
        meter_id=str(meter.id),
        serial=meter.serial,
        relay=state.relay.value,
        relay_at=state.relay_at,
        desired=desired.value,
        read_at=state.read_at,
        off_reason=reason,
        power_warning=_power_warning(watch),
    )


def _power_warning(watch: PowerWatchView | None) -> str | None:
    if watch is None or watch.trip_at is None:
        return None
    return f"用电功率超过限值，请立即减少用电，否则最早 {local(watch.trip_at):%H:%M:%S} 断电"
