"""What the staff do about power limits (功率限值): set them for a shop, see who is over."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.power_limit import PowerState
from backend.errors import Invalid, NotFound
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterKind, MeterState
from backend.models.power import PowerWatch
from backend.models.site import Shop
from backend.services.audit import record
from backend.services.locks import lock_account, lock_states
from backend.services.power_limit import follow_limit
from backend.services.power_watches import rules_of
from backend.services.site_policy import policy_of
from backend.services.work import wake
from backend.store import unit_of_work

OPERATION = "staff.power_limit"


class Limits(Struct, frozen=True, kw_only=True):
    """A shop's limits; None: no limit, or as the site's policy says."""

    power_limit_w: int | None
    night_limit_w: int | None
    tell_s: int | None = None
    trip_s: int | None = None
    restore_s: int | None = None
    retries: int | None = None


class NoGrace(Invalid):
    code = "no_grace"
    message = "断电时间必须长于提醒时间，先提醒后断电"


class PowerWatchView(Struct, frozen=True, kw_only=True):
    """One meter that was over its limit since the last quiet time, or is off for it."""

    meter_id: str
    serial: str
    account_id: str
    shop_code: str
    shop_name: str
    state: str  # domain.power_limit.PowerState
    state_since_at: datetime | None
    power_w: int | None  # As read last.
    power_limit_w: int | None
    over_since_at: datetime | None
    told_at: datetime | None
    trip_at: datetime | None  # The earliest, while it stays over; None unless told.
    tripped_at: datetime | None
    restore_at: datetime | None  # By rule; None when a person has to.
    retries: int
    retries_most: int
    night_told: bool


async def set_limits(ctx: Context, account_id: int, limits: Limits, reason: str) -> None:
    """Set what a shop may draw. It counts from the next sample; what is tripped stays so.

    Errors: NotFound, NoGrace.
    """
    await unit_of_work(lambda: _set_limits(ctx, [account_id], limits, reason), "set_limits")


async def set_many_limits(ctx: Context, account_ids: Sequence[int], limits: Limits, reason: str) -> None:
    """Set the same limits for several shops, for all of them or for none. Errors: NotFound, NoGrace."""
    await unit_of_work(lambda: _set_limits(ctx, sorted(set(account_ids)), limits, reason), "set_limits")


async def _set_limits(ctx: Context, account_ids: Sequence[int], limits: Limits, reason: str) -> None:
    accounts = [await lock_account(account_id) for account_id in account_ids]  # Ids ascending.
    changes = []
    for account in accounts:
        if account.site_id != ctx.caller.site_id or account.closed_at is not None:
            raise NotFound()
        before = _limits_of(account)
        account.power_limit_w, account.night_limit_w = limits.power_limit_w, limits.night_limit_w
        account.power_tell_s, account.power_trip_s = limits.tell_s, limits.trip_s
        account.power_restore_s, account.power_retries = limits.restore_s, limits.retries
        rules = rules_of(account, await policy_of(account.site_id))
        if rules.trip <= rules.tell:
            raise NoGrace(fields={"trip_s": NoGrace.message})
        await account.save(update_fields=_COLUMNS)
        for state in await lock_states(account.id):
            await follow_limit(ctx, account, await Meter.get(id=state.meter_id))
        wake(ctx, f"live:{account.site_id}")
        changes.append((account.id, {"before": before, "after": _limits_of(account)}))
    for account_id, facts in changes:  # The audit head is locked last.
        await record(ctx, OPERATION, f"account:{account_id}", reason=reason, facts=facts)


_COLUMNS = [
    "power_limit_w",
    "night_limit_w",
    "power_tell_s",
    "power_trip_s",
    "power_restore_s",
    "power_retries",
]


def _limits_of(account: Account) -> dict[str, int | None]:
    return {name: getattr(account, name) for name in _COLUMNS}


async def list_watches(ctx: Context) -> list[PowerWatchView]:
    """Return the site's meters that are over a limit or off for one, the newest change first."""
    site_id = ctx.caller.site_id
    standing = await PowerWatch.filter(site_id=site_id).order_by("-state_since_at", "meter_id")
    found = [row for row in standing if row.state != PowerState.UNDER or row.night_told]
    ids = [row.meter_id for row in found]
    meters = {row.id: row for row in await Meter.filter(id__in=ids, kind=MeterKind.PREPAID, retired_at=None)}
    states = {row.meter_id: row for row in await MeterState.filter(meter_id__in=ids)}
    accounts = {
        row.id: row for row in await Account.filter(id__in={row.account_id for row in meters.values()})
    }
    shops = {row.id: row for row in await Shop.filter(id__in={row.shop_id for row in accounts.values()})}
    views = []
    for row in found:
        meter = meters.get(row.meter_id)
        account = accounts.get(meter.account_id or 0) if meter is not None else None
        if meter is not None and account is not None:
            views.append(await _view(row, meter, states[meter.id], account, shops[account.shop_id]))
    return views


async def show_watch(meter: Meter, account: Account | None, state: MeterState) -> PowerWatchView | None:
    """Return one meter's standing, or None when it was never over."""
    row = await PowerWatch.get_or_none(meter_id=meter.id)
    if row is None or account is None:
        return None
    return await _view(row, meter, state, account, await Shop.get(id=account.shop_id))


async def _view(
    row: PowerWatch, meter: Meter, state: MeterState, account: Account, shop: Shop
) -> PowerWatchView:
    rules = rules_of(account, await policy_of(meter.site_id))
    is_off = row.state == PowerState.TRIPPED and row.tripped_at is not None
    return PowerWatchView(
        meter_id=str(meter.id),
        serial=meter.serial,
        account_id=str(account.id),
        shop_code=shop.code,
        shop_name=shop.name,
        state=row.state,
        state_since_at=row.state_since_at,
        power_w=state.power_w,
        power_limit_w=account.power_limit_w,
        over_since_at=row.over_since_at,
        told_at=row.told_at,
        trip_at=row.told_at + rules.grace if row.state == PowerState.TOLD and row.told_at else None,
        tripped_at=row.tripped_at,
        restore_at=row.tripped_at + rules.restore if is_off and row.tripped_at else None,
        retries=row.retries,
        retries_most=rules.retries,
        night_told=row.night_told,
    )
