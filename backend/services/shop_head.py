"""All about one shop at a glance (商铺详情): balances, days left, tariff, limits, meters, people."""

from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.balances import days_left
from backend.domain.tariffs import NoTariff, Period, period_at, price_microyuan_per_kwh, version_at
from backend.models.accounts import Account, KeepSupply
from backend.models.meters import MeterState
from backend.models.site import Shop
from backend.models.tariffs import Tariff
from backend.services.approval_inbox import WaitingApproval, waiting_for_account
from backend.services.own_account import own_account
from backend.services.shop_meters import ShopMeter, meters_of
from backend.services.shop_people import People, people_of
from backend.services.staff_names import names_of
from backend.services.supply_facts import estimated_of
from backend.services.tariff_book import versions_by_tariff
from backend.store import rows, utc
from common.units import NANOYUAN_PER_FEN, Fen, Nanoyuan

_LAST_TOP_UP_SQL = """
SELECT e.booked_at, p.amount_fen FROM posting p JOIN entry e ON e.id = p.entry_id
WHERE p.ledger_account = ? AND e.kind = 'TOP_UP' ORDER BY e.id DESC LIMIT 1"""


class TariffNow(Struct, frozen=True, kw_only=True):
    """The tariff and what 1 kWh costs now; None where no version is in force."""

    tariff_id: str
    name: str
    valid_from: datetime | None
    period: str | None
    price_microyuan_per_kwh: int | None
    prices: dict[str, int]  # By period, those of its day alone.


class Limits(Struct, frozen=True, kw_only=True):
    overdraft_fen: int
    restore_level_fen: int
    low_fen: int
    low_days: int
    critical_fen: int
    critical_days: int
    power_limit_w: int | None
    night_limit_w: int | None


class Kept(Struct, frozen=True, kw_only=True):
    """A keep-supply that is in force or waits for an answer (保电)."""

    keep_supply_id: str
    until_at: datetime
    reason: str
    asked_by: str
    effective_at: datetime | None


class AccountDetail(Struct, frozen=True, kw_only=True):
    """One shop's account. None is unknown; `why_no_days` then says why."""

    at: datetime
    account_id: str
    shop_id: str
    shop_code: str
    shop_name: str
    floor: str
    shop_class: str
    practice: bool
    opened_at: datetime
    closed_at: datetime | None
    settled_fen: int
    estimated_fen: int | None
    accrued_fen: int  # Used since the last charge; rounded for showing.
    days_left: float | None
    why_no_days: str | None
    mean_daily_fen: int | None
    level: int
    in_arrears: bool
    armed: bool
    last_top_up_at: datetime | None
    last_top_up_fen: int | None
    data_until: datetime | None  # The oldest of its meters' newest readings: what the estimate rests on.
    tariff: TariffNow
    limits: Limits
    keep_supply: Kept | None
    meters: list[ShopMeter]
    people: People | None  # None: not for the caller to see.
    approvals: list[WaitingApproval]


async def show_account(ctx: Context, account_id: int) -> AccountDetail:
    """Return what is known of an account of the caller's site. Errors: NotFound."""
    now = ctx.clock.now()
    account = await own_account(ctx, account_id)
    shop = await Shop.get(id=account.shop_id)
    states = await MeterState.filter(account_id=account.id).order_by("meter_id")
    estimated = estimated_of(account, states) if states else Fen(account.settled_fen)
    read_ats = [state.read_at for state in states if state.read_at is not None]
    mean = None if account.mean_daily_nano is None else Nanoyuan(account.mean_daily_nano)
    read_at = min(read_ats) if read_ats else None
    days = None
    if estimated is not None:
        days = days_left(estimated, Fen(account.overdraft_fen), mean, read_at, now)
    last = await rows(_LAST_TOP_UP_SQL, [f"balance:{account.id}"])
    return AccountDetail(
        at=now,
        account_id=str(account.id),
        shop_id=str(shop.id),
        shop_code=shop.code,
        shop_name=shop.name,
        floor=shop.floor,
        shop_class=shop.shop_class,
        practice=shop.practice,
        opened_at=account.opened_at,
        closed_at=account.closed_at,
        settled_fen=account.settled_fen,
        estimated_fen=estimated,
        accrued_fen=_rounded(account.carried_nano + sum(state.accrued_nano for state in states)),
        days_left=days,
        why_no_days=None if days is not None else _why_no_days(account, states),
        mean_daily_fen=None if mean is None else _rounded(mean),
        level=account.level,
        in_arrears=account.in_arrears,
        armed=account.armed,
        last_top_up_at=utc(last[0]["booked_at"]) if last else None,
        last_top_up_fen=int(last[0]["amount_fen"]) if last else None,
        data_until=read_at,
        tariff=await _tariff(account, now),
        limits=msgspec.convert(account, Limits, from_attributes=True),
        keep_supply=await _kept(ctx, account, now),
        meters=await meters_of(ctx, account, states),
        people=await people_of(ctx, account) if "staff.tenant.view" in ctx.caller.permissions else None,
        approvals=await waiting_for_account(ctx, account.id),
    )


def _why_no_days(account: Account, states: list[MeterState]) -> str:
    if account.closed_at is not None:
        return "已销户"
    if not states:
        return "还没有电表"
    if any(state.read_at is None for state in states):
        return "有电表还没有抄到示数"
    if account.mean_daily_nano is None:
        return "用电数据不足 3 天"
    return "近期几乎没有用电"


async def _tariff(account: Account, now: datetime) -> TariffNow:
    tariff = await Tariff.get(id=account.tariff_id)
    versions = (await versions_by_tariff(account.site_id)).get(account.tariff_id, ())
    view = TariffNow(
        tariff_id=str(tariff.id),
        name=tariff.name,
        valid_from=None,
        period=None,
        price_microyuan_per_kwh=None,
        prices={},
    )
    try:
        version = version_at(versions, now)
    except NoTariff:
        return view
    period = period_at(version, now)
    listed = [one for one in Period if one in version.periods]
    return msgspec.structs.replace(
        view,
        valid_from=version.valid_from,
        period=period.value,
        price_microyuan_per_kwh=price_microyuan_per_kwh(version, period),
        prices={one.value: price_microyuan_per_kwh(version, one) for one in listed},
    )


async def _kept(ctx: Context, account: Account, now: datetime) -> Kept | None:
    row = (
        await KeepSupply.filter(account_id=account.id, refused_at=None, released_at=None, until_at__gt=now)
        .order_by("-effective_at", "-until_at")
        .first()
    )
    if row is None:
        return None
    return Kept(
        keep_supply_id=str(row.id),
        until_at=row.until_at,
        reason=row.reason,
        asked_by=(await names_of(ctx)).get(row.asked_by, ""),
        effective_at=row.effective_at,
    )


def _rounded(nano: int) -> int:
    return (nano + NANOYUAN_PER_FEN // 2) // NANOYUAN_PER_FEN
