"""What a cashier needs to know of a shop before taking money (柜台卡片)."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.balances import days_left
from backend.errors import NotFound
from backend.models.accounts import Account, Contact, KeepSupply
from backend.models.meters import Meter, MeterState
from backend.models.payments import Scene, TopUp, TopUpState
from backend.models.site import Shop
from backend.models.supply import Supply
from backend.services.begin_top_up import TOP_UP_MAX_FEN, TOP_UP_MIN_FEN
from backend.services.counter_top_up import COUNTER_MAX_FEN, COUNTER_MIN_FEN
from backend.services.site_policy import policy_of
from backend.services.supply_facts import estimated_of
from backend.store import rows, some_utc
from common.units import NANOYUAN_PER_FEN, Fen, Nanoyuan
from common.wire import Relay

REPEATED_WITHIN = timedelta(minutes=10)
FILL_DAYS = 30
_FEN_STEP = 100  # What is suggested is whole yuan.
OFF_WORDS = {"safety": "安全断电", "staff": "人工断电", "power_limit": "超功率断电", "arrears": "欠费断电"}

_TOP_UPS_SQL = """
SELECT e.id, e.booked_at, e.facts, p.amount_fen FROM posting p JOIN entry e ON e.id = p.entry_id
WHERE p.ledger_account = ? AND e.kind = 'TOP_UP' ORDER BY e.id DESC LIMIT 20"""
_REASONS_SQL = """
SELECT DISTINCT o.reason FROM off_reason o JOIN meter m ON m.id = o.meter_id
WHERE m.account_id = ? AND o.standing_key IS NOT NULL ORDER BY o.reason"""


class CardMeter(Struct, frozen=True, kw_only=True):
    meter_id: str
    serial: str
    relay: str
    desired: str | None
    verified: bool
    read_at: datetime | None
    silent_since_at: datetime | None


class LastTopUp(Struct, frozen=True, kw_only=True):
    entry_id: str
    amount_fen: int
    method: str  # "cash", "transfer", "card" or "wechat".
    staff_name: str
    booked_at: datetime


class OpenCode(Struct, frozen=True, kw_only=True):
    """A code on a customer screen that may still be paid."""

    top_up_id: str
    amount_fen: int
    staff_name: str
    expires_at: datetime


class CounterCard(Struct, frozen=True, kw_only=True):
    """One account at the counter. Money in fen; None is unknown."""

    at: datetime
    account_id: str
    shop_code: str
    shop_name: str
    floor: str
    practice: bool
    closed_at: datetime | None
    contact_name: str
    contact_phone: str  # Its last four digits alone.
    meters: list[CardMeter]
    settled_fen: int
    estimated_fen: int | None
    overdraft_fen: int
    restore_level_fen: int
    debt_fen: int | None
    to_restore_fen: int  # With this much the power comes back; 0 when money does not keep it off.
    days_left: float | None
    mean_daily_nano: int | None
    fill_days: int
    fill_fen: int | None  # Lasts `fill_days` days from now; 0 when the balance does already.
    in_arrears: bool
    level: int  # domain.warnings.Level: the last one told to people.
    off_reasons: list[str]
    keep_supply_until: datetime | None
    room_fen: int  # Up to the hoarding limit (余额上限).
    low_fen: int
    high_fen: int
    scan_low_fen: int
    scan_high_fen: int
    last_top_up: LastTopUp | None
    recent: list[LastTopUp]  # Of the last ten minutes, the newest first: is this a repetition?
    open_code: OpenCode | None


async def show_card(ctx: Context, account_id: int) -> CounterCard:
    """Return the card of an account of the caller's site. Errors: NotFound."""
    account = await Account.get_or_none(id=account_id, site_id=ctx.caller.site_id)
    if account is None:
        raise NotFound()
    now = ctx.clock.now()
    shop = await Shop.get(id=account.shop_id)
    contact = await Contact.filter(account_id=account.id, removed_at=None).order_by("id").first()
    states = await MeterState.filter(account_id=account.id)
    estimated = estimated_of(account, states)
    meters = await _meters(account.id, states)
    made = await _top_ups(account.id)
    kept = await _kept(account.id, now)
    policy = await policy_of(account.site_id)
    is_off_for_money = account.in_arrears and any(one.desired == Relay.OFF for one in meters)
    return CounterCard(
        at=now,
        account_id=str(account.id),
        shop_code=shop.code,
        shop_name=shop.name,
        floor=shop.floor,
        practice=shop.practice,
        closed_at=account.closed_at,
        contact_name=contact.name if contact else "",
        contact_phone=contact.phone[-4:] if contact else "",
        meters=meters,
        settled_fen=account.settled_fen,
        estimated_fen=estimated,
        overdraft_fen=account.overdraft_fen,
        restore_level_fen=account.restore_level_fen,
        debt_fen=None if estimated is None else max(0, -estimated),
        to_restore_fen=max(0, account.restore_level_fen - (estimated or 0)) if is_off_for_money else 0,
        days_left=_days(account, states, estimated, now),
        mean_daily_nano=account.mean_daily_nano,
        fill_days=FILL_DAYS,
        fill_fen=_fill_fen(account, estimated),
        in_arrears=account.in_arrears,
        level=account.level,
        off_reasons=await _off_reasons(account.id, is_off_for_money),
        keep_supply_until=kept.until_at if kept else None,
        room_fen=max(0, policy.hoard_limit_fen - account.settled_fen),
        low_fen=COUNTER_MIN_FEN,
        high_fen=COUNTER_MAX_FEN,
        scan_low_fen=TOP_UP_MIN_FEN,
        scan_high_fen=TOP_UP_MAX_FEN,
        last_top_up=made[0] if made else None,
        recent=[one for one in made if now - one.booked_at <= REPEATED_WITHIN],
        open_code=await _open_code(account.id, now),
    )


async def standing_reasons(account_id: int) -> list[str]:
    """Return why meters of an account are off, other than for money."""
    return [str(row["reason"]) for row in await rows(_REASONS_SQL, [account_id])]


async def _off_reasons(account_id: int, is_off_for_money: bool) -> list[str]:
    return [*await standing_reasons(account_id), *(["arrears"] if is_off_for_money else [])]


def _days(account: Account, states: list[MeterState], estimated: Fen | None, now: datetime) -> float | None:
    if estimated is None or account.mean_daily_nano is None:
        return None
    read_at = min((state.read_at for state in states if state.read_at is not None), default=None)
    mean = Nanoyuan(account.mean_daily_nano)
    return days_left(estimated, Fen(account.overdraft_fen), mean, read_at, now)


def _fill_fen(account: Account, estimated: Fen | None) -> int | None:
    """Return what makes the balance last, in whole yuan rounded up; None while the use is unknown."""
    mean = account.mean_daily_nano
    if estimated is None or mean is None or mean < NANOYUAN_PER_FEN:
        return None
    wanted_fen = int(-(-mean * FILL_DAYS // NANOYUAN_PER_FEN)) - int(account.overdraft_fen) - int(estimated)
    return max(0, -(-wanted_fen // _FEN_STEP) * _FEN_STEP)


async def _meters(account_id: int, states: list[MeterState]) -> list[CardMeter]:
    by_meter = {state.meter_id: state for state in states}
    supplies = {one.meter_id: one for one in await Supply.filter(account_id=account_id)}
    return [
        CardMeter(
            meter_id=str(meter.id),
            serial=meter.serial,
            relay=by_meter[meter.id].relay.value,
            desired=supplies[meter.id].desired.value if meter.id in supplies else None,
            verified=meter.id in supplies
            and supplies[meter.id].verified_generation == supplies[meter.id].generation,
            read_at=by_meter[meter.id].read_at,
            silent_since_at=by_meter[meter.id].silent_since_at,
        )
        for meter in await Meter.filter(account_id=account_id, retired_at=None).order_by("id")
    ]


async def _top_ups(account_id: int) -> list[LastTopUp]:
    made = []
    for row in await rows(_TOP_UPS_SQL, [f"balance:{account_id}"]):
        facts = msgspec.json.decode(row["facts"])
        made.append(
            LastTopUp(
                entry_id=str(row["id"]),
                amount_fen=int(row["amount_fen"]),
                method=str(facts.get("method", "wechat")),
                staff_name=str(facts.get("staff_name", "")),
                booked_at=some_utc(row["booked_at"]),
            )
        )
    return made


async def _kept(account_id: int, now: datetime) -> KeepSupply | None:
    wanted = KeepSupply.filter(account_id=account_id, released_at=None, until_at__gt=now)
    return await wanted.filter(effective_at__isnull=False).order_by("-until_at").first()


async def _open_code(account_id: int, now: datetime) -> OpenCode | None:
    open_now = TopUp.filter(account_id=account_id, scene=Scene.NATIVE, expires_at__gt=now)
    row = await open_now.filter(state__in=[TopUpState.CREATED, TopUpState.PREPARED]).order_by("-id").first()
    if row is None:
        return None
    return OpenCode(
        top_up_id=str(row.id),
        amount_fen=row.amount_fen,
        staff_name=row.staff_name,
        expires_at=row.expires_at,
    )
