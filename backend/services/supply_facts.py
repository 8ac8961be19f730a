"""Gather what the supply decision rests on (送电依据): rows become the domain's frozen facts."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from backend.context import Context
from backend.domain.balances import estimate
from backend.domain.supply import Doubt, Episode, OpenOrder, Policy, Reason, SupplyFacts
from backend.models.accounts import Account, KeepSupply
from backend.models.meters import MeterState
from backend.models.operations import Collector, StaffTask
from backend.models.payments import TopUp, TopUpState
from backend.models.supply import ArrearsEpisode, OffReason, Supply, SupplyOrder
from backend.services.collector_link import RESUME_AFTER, owns_line
from backend.services.readings_store import ms_of
from backend.services.site_calendar import windows_of
from backend.services.site_policy import SitePolicy, policy_of
from backend.services.tasks import PAYMENT_MISMATCH
from backend.store import rows
from common.units import NANOYUAN_PER_FEN, Fen, Nanoyuan
from common.wire import ReadingKind, Relay

MAX_CLOCK_OFFSET_MS = 5_000
_CONFIRMING = timedelta(minutes=10)  # Older readings confirm nothing.
_READ = (ReadingKind.POLL.value, ReadingKind.REQUEST.value, ReadingKind.VERIFY.value)
_UNREAD_FOR, _UNREAD_POLLS = timedelta(minutes=15), 3
_SPREAD_MINUTES = 10
_PAID_SQL = """
SELECT COUNT(*) AS n FROM chain_link c JOIN entry e ON e.id = c.entry_id
WHERE c.account_id = ? AND e.kind IN ('TOP_UP', 'OPENING')"""


class AccountFacts(Struct, frozen=True, kw_only=True):
    """What holds for all meters of an account."""

    now: datetime
    policy: SitePolicy
    rules: Policy
    estimated_fen: Fen | None
    keep_supply_until_at: datetime | None
    open_order: OpenOrder | None
    doubts: frozenset[Doubt]
    debt_cap_fen: Fen | None


async def account_facts(
    ctx: Context, account: Account, states: list[MeterState], policy: SitePolicy | None = None
) -> AccountFacts:
    """Read what belongs to the account; its row and its meters' states are locked.

    policy: another one than the site's, to see what it would do.
    """
    now = ctx.clock.now()
    policy = policy or await policy_of(account.site_id)
    kept = (
        await KeepSupply.filter(account_id=account.id, effective_at__isnull=False, released_at=None)
        .filter(until_at__gt=now)
        .order_by("-until_at")
        .first()
    )
    order = (
        await TopUp.filter(account_id=account.id, state__in=[TopUpState.CREATED, TopUpState.PREPARED])
        .order_by("-id")
        .first()
    )
    mean = account.mean_daily_nano
    return AccountFacts(
        now=now,
        policy=policy,
        rules=Policy(
            delay=timedelta(seconds=policy.delay_s),
            windows=windows_of(policy),
        ),
        estimated_fen=None if await is_in_grace(account, now) else estimated_of(account, states),
        keep_supply_until_at=kept.until_at if kept else None,
        open_order=OpenOrder(order.order_no, order.created_at) if order else None,
        doubts=await _doubts(account, states, policy, now),
        debt_cap_fen=None if mean is None else Fen(mean * policy.debt_cap_days // NANOYUAN_PER_FEN),
    )


def estimated_of(account: Account, states: Sequence[MeterState]) -> Fen | None:
    """Return the estimate, or None while a meter of the account was never read."""
    if any(state.read_at is None for state in states):
        return None
    accrued = sum(state.accrued_nano for state in states)
    return estimate(Fen(account.settled_fen), Nanoyuan(account.carried_nano), Nanoyuan(accrued))


async def is_in_grace(account: Account, now: datetime) -> bool:
    """Tell whether a new account still waits for its first top-up: its balance says nothing yet (宽限)."""
    if account.grace_until_at is None or now >= account.grace_until_at:
        return False
    (paid,) = await rows(_PAID_SQL, [account.id])
    return not int(paid["n"])


async def meter_facts(
    account: Account, shared: AccountFacts, supply: Supply, episode: ArrearsEpisode | None
) -> SupplyFacts:
    """Add what belongs to one meter."""
    standing = await OffReason.filter(meter_id=supply.meter_id, standing_key__isnull=False)
    tripped = False
    if supply.desired is Relay.OFF:
        order = await SupplyOrder.get_or_none(meter_id=supply.meter_id, generation=supply.generation)
        tripped = order is not None and f'"{Reason.ARREARS.value}"' in order.reasons
    return SupplyFacts(
        now=shared.now,
        policy=shared.rules,
        off_reasons=frozenset(Reason(row.reason) for row in standing),
        tripped=tripped,
        trip_verified=tripped and supply.verified_generation == supply.generation,
        in_arrears=account.in_arrears,
        estimated_fen=shared.estimated_fen,
        overdraft_fen=Fen(account.overdraft_fen),
        restore_level_fen=Fen(account.restore_level_fen),
        keep_supply_until_at=shared.keep_supply_until_at,
        armed=account.armed,
        doubts=shared.doubts,
        episode=_episode(episode),
        open_order=shared.open_order,
        read_ats=await _read_ats(supply.meter_id, shared.now) if account.in_arrears else (),
        debt_cap_fen=shared.debt_cap_fen,
        spread=_spread(supply.meter_id),
    )


def _episode(row: ArrearsEpisode | None) -> Episode | None:
    if row is None:
        return None
    return Episode(
        began_at=row.began_at,
        warned_at=row.warned_at,
        proof_at=row.proof_at,
        outage_ended_at=row.outage_ended_at,
        not_before_at=row.trip_not_before_at,
        order_holds=row.order_holds,
        held_order_no=row.held_order_no,
        decided_at=row.decided_at,
        decided_trip=row.decided_trip,
    )


async def _doubts(
    account: Account, states: list[MeterState], policy: SitePolicy, now: datetime
) -> frozenset[Doubt]:
    doubts = await _link_doubts(account, now)
    if any(state.read_at is None for state in states):
        doubts.add(Doubt.NO_READING)
    if any(state.quarantined_at is not None for state in states):
        doubts.add(Doubt.QUARANTINE)
    # A meter that answers again while its readings wait in a spool is as unknown as a silent one.
    read_since = now - max(_UNREAD_FOR, _UNREAD_POLLS * timedelta(seconds=policy.poll_interval_s))
    if any(
        state.silent_since_at is not None or (state.read_at is not None and state.read_at < read_since)
        for state in states
    ):
        doubts.add(Doubt.METER_SILENT)
    if await StaffTask.exists(account_id=account.id, kind=PAYMENT_MISMATCH, done_at=None):
        doubts.add(Doubt.PAYMENT)
    return frozenset(doubts)


async def _link_doubts(account: Account, now: datetime) -> set[Doubt]:
    """Look at the collectors of the account's own lines; a line that none serves is one that is away."""
    doubts: set[Doubt] = set()
    lines = await rows(
        "SELECT DISTINCT l.code FROM meter m JOIN line l ON l.id = m.line_id"
        " WHERE m.account_id = ? AND m.retired_at IS NULL",
        [account.id],
    )
    collectors = await Collector.filter(site_id=account.site_id)
    for line in lines:
        mine = [one for one in collectors if owns_line(one, line["code"])]
        if not mine or any(one.seen_at is None or now - one.seen_at > RESUME_AFTER for one in mine):
            doubts.add(Doubt.COLLECTOR_AWAY)
        offsets = [one.clock_offset_ms for one in mine]
        if any(offset is None or abs(offset) > MAX_CLOCK_OFFSET_MS for offset in offsets):
            doubts.add(Doubt.COLLECTOR_CLOCK)
    return doubts


async def _read_ats(meter_id: int, now: datetime) -> tuple[datetime, ...]:
    """Return when the meter itself was read of late; what was typed or kept by the meter confirms no trip."""
    marks = ",".join("?" * len(_READ))
    found = await rows(
        "SELECT read_at_ms FROM reading WHERE meter_id = ? AND read_at_ms > ? AND verdict = 'accepted'"
        f" AND kind IN ({marks}) ORDER BY read_at_ms DESC LIMIT 20",
        [meter_id, ms_of(now - _CONFIRMING), *_READ],
    )
    return tuple(datetime.fromtimestamp(row["read_at_ms"] / 1000, UTC) for row in reversed(found))


def _spread(meter_id: int) -> timedelta:
    """Give each meter a place in the minutes after a window: the same every time."""
    digest = hashlib.sha256(str(meter_id).encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:4], "big") % (_SPREAD_MINUTES * 60))
