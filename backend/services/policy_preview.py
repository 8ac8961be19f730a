"""What a policy would do now (策略试算): the functions that decide and warn, on the balances of this moment.

Nothing is written and nobody is locked: the answer is as old as its `computed_at`. Who would be cut off is
asked as if notice, delay, window and readings were over: those only put a trip off. What keeps a shop on for
good (保电、未启用自动断电、数据存疑、经理否决) counts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from backend.context import Context
from backend.domain.balances import days_left
from backend.domain.supply import Episode, Policy, Reason, decide, is_arrears
from backend.domain.warnings import Level, Thresholds, crossing
from backend.domain.windows import Windows
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.models.site import Shop
from backend.models.supply import ArrearsEpisode, Supply
from backend.services.site_policy import SitePolicy, policy_of
from backend.services.supply_facts import account_facts, estimated_of, is_in_grace, meter_facts
from backend.services.terms import follow_policy, set_own
from common.units import Fen, Nanoyuan
from common.wire import Relay

_AGO = timedelta(hours=1)
_READ_AGO = (timedelta(seconds=20), timedelta(seconds=10))


class PreviewShop(Struct, frozen=True, kw_only=True):
    """One shop that a level or a trip concerns.

    then: "cut", "held" (in arrears, kept on by `holds`), "critical", "low" or "none"; now: the same words.
    told: a warning would go out at once. is_off: it is off for arrears already.
    """

    account_id: str
    shop_code: str
    shop_name: str
    estimated_fen: int | None
    days_left: float | None
    now: str
    then: str
    told: bool
    is_off: bool
    holds: list[str]


class PreviewView(Struct, frozen=True, kw_only=True):
    """Counts are of `shops`. unknown: shops whose meters were never read, about which nothing can be said."""

    computed_at: datetime
    accounts: int
    cut: int
    newly_cut: int
    held: int
    critical: int
    critical_told: int
    low: int
    low_told: int
    unknown: int
    shops: list[PreviewShop]


class _Outcome(Struct, frozen=True):
    word: str
    told: bool = False
    holds: tuple[str, ...] = ()
    is_off: bool = False


async def preview_policy(
    ctx: Context, policy: SitePolicy, own: Mapping[int, Mapping[str, int]] | None = None
) -> PreviewView:
    """Say what the site's shops would get by a policy.

    own: for single shops, the terms that would be their own; all others of them would follow the policy.
    """
    site_id, now = ctx.caller.site_id, ctx.clock.now()
    shops = {shop.id: shop for shop in await Shop.filter(site_id=site_id, practice=False)}
    accounts = await Account.filter(site_id=site_id, closed_at=None).order_by("id")
    accounts = [account for account in accounts if account.shop_id in shops]
    states: dict[int, list[MeterState]] = {}
    for state in await MeterState.filter(site_id=site_id, account_id__isnull=False).order_by("meter_id"):
        states.setdefault(state.account_id or 0, []).append(state)
    present = await policy_of(site_id or 0)
    shown: list[PreviewShop] = []
    unknown = 0
    for account in accounts:
        mine = states.get(account.id, [])
        estimated = estimated_of(account, mine) if mine else None
        unknown += estimated is None
        before = await _outcome(ctx, account, mine, present, now)
        if own is not None and account.id in own:
            set_own(account, list(own[account.id]))
            for name, value in own[account.id].items():
                setattr(account, name, value)
        follow_policy(account, policy)
        after = await _outcome(ctx, account, mine, policy, now)
        if after.word == "none" and before.word == "none":
            continue
        shop = shops[account.shop_id]
        shown.append(
            PreviewShop(
                account_id=str(account.id),
                shop_code=shop.code,
                shop_name=shop.name,
                estimated_fen=estimated,
                days_left=_days(account, mine, estimated, now),
                now=before.word,
                then=after.word,
                told=after.told,
                is_off=before.is_off,
                holds=list(after.holds),
            )
        )
    return _view(shown, now, len(accounts), unknown)


async def _outcome(
    ctx: Context, account: Account, states: list[MeterState], policy: SitePolicy, now: datetime
) -> _Outcome:
    is_known = bool(states) and not await is_in_grace(account, now)
    estimated = estimated_of(account, states) if is_known else None
    overdraft = Fen(account.overdraft_fen)
    if is_arrears(account.in_arrears, estimated, overdraft, Fen(account.restore_level_fen)):
        return await _arrears(ctx, account, states, policy)
    if estimated is None:
        return _Outcome("none")
    limits = Thresholds(
        Fen(account.low_fen), account.low_days, Fen(account.critical_fen), account.critical_days
    )
    days = _days(account, states, estimated, now)
    step = crossing(Level(account.level), estimated, days, limits, in_arrears=False)
    words = {Level.LOW: "low", Level.CRITICAL: "critical", Level.LAST: "critical"}
    return _Outcome(words.get(step.level, "none"), step.tell is not None)


async def _arrears(ctx: Context, account: Account, states: list[MeterState], policy: SitePolicy) -> _Outcome:
    """Ask the engine about every meter, with everything over that only puts a trip off."""
    shared = await account_facts(ctx, account, states, policy)
    row = await ArrearsEpisode.get_or_none(standing_key=str(account.id))
    told = row is None or row.warned_at is None
    at = shared.now - _AGO
    holds: list[str] = []
    is_cut = is_off = False
    for supply in await Supply.filter(account_id=account.id).order_by("meter_id"):
        facts = await meter_facts(account, shared, supply, row)
        vetoed = facts.episode.decided_trip if facts.episode is not None else None
        over = replace(
            facts,
            policy=Policy(delay=timedelta(), windows=Windows()),
            episode=Episode(
                began_at=at, warned_at=at, proof_at=at, decided_trip=False if vetoed is False else None
            ),
            open_order=None,
            read_ats=tuple(shared.now - ago for ago in _READ_AGO),
            debt_cap_fen=None,
            spread=timedelta(),
        )
        answer = decide(over)
        is_off = is_off or (facts.tripped and supply.desired is Relay.OFF)
        is_cut = is_cut or Reason.ARREARS in answer.reasons
        holds += [hold.value for hold in answer.holds if hold.value not in holds]
    return _Outcome("cut" if is_cut else "held", told, () if is_cut else tuple(holds), is_off)


def _days(
    account: Account, states: Sequence[MeterState], estimated: Fen | None, now: datetime
) -> float | None:
    if estimated is None:
        return None
    mean = None if account.mean_daily_nano is None else Nanoyuan(account.mean_daily_nano)
    read_at = min((state.read_at for state in states if state.read_at is not None), default=None)
    return days_left(estimated, Fen(account.overdraft_fen), mean, read_at, now)


def _view(shown: Sequence[PreviewShop], now: datetime, accounts: int, unknown: int) -> PreviewView:
    def count(word: str, told: bool | None = None) -> int:
        return sum(shop.then == word and (told is None or shop.told is told) for shop in shown)

    order = ("cut", "held", "critical", "low", "none")
    return PreviewView(
        computed_at=now,
        accounts=accounts,
        cut=count("cut"),
        newly_cut=sum(shop.then == "cut" and not shop.is_off for shop in shown),
        held=count("held"),
        critical=count("critical"),
        critical_told=count("critical", True),
        low=count("low"),
        low_told=count("low", True),
        unknown=unknown,
        shops=sorted(shown, key=lambda shop: (order.index(shop.then), shop.shop_code)),
    )
