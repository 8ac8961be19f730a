"""The supply decision (送电决定): shall one meter be on or off, why, and what has to happen first.

One function, `decide`. Reasons to be off are independent; money lifts arrears alone. An arrears trip is
fair only after proof of notice, a delay, outside of windows and on fresh, twice confirmed readings; none
of this binds the other reasons. Doubt never trips, and it never restores.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from backend.domain.windows import Windows, free_from, free_since, in_window
from common.units import Fen

CONFIRM_APART = timedelta(seconds=5)
FRESH_FOR = timedelta(minutes=2)
PROOF_WITHIN = timedelta(minutes=10)  # Without proof by then a person has to call.
ORDER_HOLDS_FOR = timedelta(minutes=10)
MAX_ORDER_HOLDS = 2
RECHECK = timedelta(seconds=60)


class Reason(StrEnum):
    """Why a meter is off."""

    SAFETY = "safety"
    STAFF = "staff"
    POWER_LIMIT = "power_limit"
    ARREARS = "arrears"


class Doubt(StrEnum):
    """What an arrears trip may not rest on while it is unknown."""

    NO_READING = "no_reading"
    QUARANTINE = "quarantine"  # A register waits for a person.
    COLLECTOR_AWAY = "collector_away"
    COLLECTOR_CLOCK = "collector_clock"  # Offset unknown or more than 5 s.
    PAYMENT = "payment"  # A payment that we cannot account for.


class Hold(StrEnum):
    """Why an arrears trip waits, in the order in which people read it."""

    KEEP_SUPPLY = "keep_supply"
    NOT_ARMED = "not_armed"
    DOUBT = "doubt"
    BAND = "band"  # Above −overdraft, not yet at the restore level: nothing changes.
    VETO = "veto"  # The manager said no.
    NOT_WARNED = "not_warned"
    NO_PROOF = "no_proof"
    DELAY = "delay"
    WINDOW = "window"
    SPREAD = "spread"  # After a window, trips are spread over minutes.
    OPEN_ORDER = "open_order"
    NOT_CONFIRMED = "not_confirmed"
    STALE = "stale"


class Ask(StrEnum):
    """What the caller has to set going."""

    LAST_WARNING = "last_warning"
    CALL_TENANT = "call_tenant"
    MANAGER = "manager"
    CONFIRMING_READ = "confirming_read"


# Only these two wait for money that is lost meanwhile: over the debt cap the manager decides about them.
_CAPPED = frozenset({Hold.NOT_WARNED, Hold.NO_PROOF, Hold.WINDOW, Hold.SPREAD})


class Policy(Struct, frozen=True):
    delay: timedelta = timedelta(minutes=30)
    windows: Windows = Windows(hours=((18 * 60, 9 * 60 + 30),), weekends=True)


class Episode(Struct, frozen=True):
    """One stretch of arrears (欠费过程), from its begin to its end."""

    began_at: datetime
    warned_at: datetime | None = None  # The last warning went out.
    proof_at: datetime | None = None  # One receipt on any channel, or a person's word.
    outage_ended_at: datetime | None = None  # We could not read or warn before this.
    not_before_at: datetime | None = None  # Last seen above −overdraft: confirm anew after it.
    order_holds: int = 0
    held_order_no: str = ""
    decided_at: datetime | None = None  # The manager's word over the debt cap, or a veto.
    decided_trip: bool | None = None


class OpenOrder(Struct, frozen=True):
    order_no: str
    made_at: datetime


class SupplyFacts(Struct, frozen=True, kw_only=True):
    """All that the decision rests on, for one meter of one account.

    off_reasons:   non-money reasons that stand.
    tripped:       the meter is ordered off for arrears now; trip_verified: and has proved it.
    in_arrears:    the state before, for the band.
    estimated_fen: None when it is unknown.
    read_ats:      instants of the newest accepted readings of this meter, oldest first.
    debt_cap_fen:  how far below −overdraft window and missing proof may wait; None: not known.
    """

    now: datetime
    policy: Policy
    off_reasons: frozenset[Reason] = frozenset()
    tripped: bool = False
    trip_verified: bool = False
    in_arrears: bool = False
    estimated_fen: Fen | None
    overdraft_fen: Fen = Fen(0)
    restore_level_fen: Fen = Fen(1_000)
    keep_supply_until_at: datetime | None = None
    armed: bool = True
    doubts: frozenset[Doubt] = frozenset()
    episode: Episode | None = None
    open_order: OpenOrder | None = None
    read_ats: tuple[datetime, ...] = ()
    debt_cap_fen: Fen | None = None
    spread: timedelta = timedelta()


class SupplyDecision(Struct, frozen=True, kw_only=True):
    """on: what the relay shall be. reasons: why off. holds: why an arrears trip waits.

    check_at: the next instant at which time alone may change the answer; None: only an event can.
    confirm_due_at: when the confirming read is wanted. held_order_no: the order that holds the trip.
    """

    on: bool
    reasons: tuple[Reason, ...] = ()
    arrears: bool = False
    holds: tuple[Hold, ...] = ()
    asks: tuple[Ask, ...] = ()
    check_at: datetime | None = None
    confirm_due_at: datetime | None = None
    held_order_no: str | None = None


def is_arrears(before: bool, estimated_fen: Fen | None, overdraft_fen: Fen, restore_level_fen: Fen) -> bool:
    """Apply the band (欠费带): begins at ≤ −overdraft, ends at the restore level, always above −overdraft.

    An unknown estimate changes nothing.
    """
    if estimated_fen is None:
        return before
    if estimated_fen <= -overdraft_fen:
        return True
    return before and estimated_fen < max(restore_level_fen, 1 - overdraft_fen)


def decide(facts: SupplyFacts) -> SupplyDecision:
    """Decide what one meter's relay shall be (送电决定).

    Off iff a non-money reason stands, or arrears stands without keep-supply and its trip was fair when
    it was ordered. A trip that was carried out ends by money or keep-supply alone.
    """
    arrears = is_arrears(facts.in_arrears, facts.estimated_fen, facts.overdraft_fen, facts.restore_level_fen)
    reasons = [reason for reason in Reason if reason in facts.off_reasons]
    if not arrears:
        return SupplyDecision(on=not reasons, reasons=tuple(reasons), arrears=False)
    waiting = _Waiting(facts)
    waiting.look()
    if waiting.stays_off or not waiting.holds:
        reasons.append(Reason.ARREARS)
        return SupplyDecision(on=False, reasons=tuple(reasons), arrears=True)
    return SupplyDecision(
        on=not reasons,
        reasons=tuple(reasons),
        arrears=True,
        holds=tuple(hold for hold in Hold if hold in waiting.holds),
        asks=tuple(ask for ask in Ask if ask in waiting.asks),
        check_at=waiting.check_at,
        confirm_due_at=waiting.confirm_due_at,
        held_order_no=waiting.held_order_no,
    )


class _Waiting:
    """Gathers what an arrears trip waits for."""

    def __init__(self, facts: SupplyFacts) -> None:
        self.facts = facts
        self.holds: set[Hold] = set()
        self.asks: set[Ask] = set()
        self.check_at: datetime | None = None
        self.confirm_due_at: datetime | None = None
        self.held_order_no: str | None = None
        self.stays_off = False

    def look(self) -> None:
        facts = self.facts
        until = facts.keep_supply_until_at
        if until is not None and facts.now < until:
            self._hold(Hold.KEEP_SUPPLY, until)
            return
        is_above = facts.estimated_fen is not None and facts.estimated_fen > -facts.overdraft_fen
        if facts.tripped and not (is_above and not facts.trip_verified):
            self.stays_off = True
            return
        if is_above:
            self._hold(Hold.BAND)
            return
        if not facts.armed:
            self._hold(Hold.NOT_ARMED)
        if facts.doubts or facts.estimated_fen is None:
            self._hold(Hold.DOUBT, facts.now + RECHECK)
        self._notice_and_delay()
        self._window()
        self._cap()
        self._order()
        if not self.holds:
            self._confirm()

    def _hold(self, hold: Hold, check_at: datetime | None = None) -> None:
        self.holds.add(hold)
        if check_at is not None and (self.check_at is None or check_at < self.check_at):
            self.check_at = check_at

    def _notice_and_delay(self) -> None:
        facts, episode = self.facts, self.facts.episode
        if episode is None or episode.warned_at is None:
            self._hold(Hold.NOT_WARNED, facts.now + RECHECK)
            self.asks.add(Ask.LAST_WARNING)
            return
        if episode.proof_at is None:
            ask_at = episode.warned_at + PROOF_WITHIN
            if facts.now >= ask_at:
                self._hold(Hold.NO_PROOF)
                self.asks.add(Ask.CALL_TENANT)
            else:
                self._hold(Hold.NO_PROOF, ask_at)
            return
        ends_at = self._delay_ends_at(episode)
        if facts.now < ends_at:
            self._hold(Hold.DELAY, ends_at)

    def _delay_ends_at(self, episode: Episode) -> datetime:
        starts = [at for at in (episode.proof_at, episode.outage_ended_at) if at is not None]
        return max(starts, default=episode.began_at) + self.facts.policy.delay

    def _window(self) -> None:
        facts, windows = self.facts, self.facts.policy.windows
        if in_window(windows, facts.now):
            free_at = free_from(windows, facts.now)
            self._hold(Hold.WINDOW, free_at + facts.spread if free_at else None)
            return
        since = free_since(windows, facts.now)
        if since is not None and facts.now < since + facts.spread:
            self._hold(Hold.SPREAD, since + facts.spread)

    def _cap(self) -> None:
        """Over the debt cap the manager decides about window and proof, and may veto any trip."""
        facts, episode = self.facts, self.facts.episode
        decided = episode.decided_trip if episode is not None else None
        if decided is False:
            self._hold(Hold.VETO)
            return
        cap, estimated = facts.debt_cap_fen, facts.estimated_fen
        if not self.holds & _CAPPED or cap is None or estimated is None:
            return
        if estimated > -facts.overdraft_fen - cap:
            return
        if decided:
            self.holds -= _CAPPED
        else:
            self.asks.add(Ask.MANAGER)

    def _order(self) -> None:
        order, episode = self.facts.open_order, self.facts.episode
        if order is None or self.facts.now >= order.made_at + ORDER_HOLDS_FOR:
            return
        is_known = episode is not None and episode.held_order_no == order.order_no
        if is_known or episode is None or episode.order_holds < MAX_ORDER_HOLDS:
            self._hold(Hold.OPEN_ORDER, order.made_at + ORDER_HOLDS_FOR)
            self.held_order_no = order.order_no

    def _confirm(self) -> None:
        """Ask for two readings, 5 s apart, after the delay ended, the newest no older than 2 minutes."""
        facts, episode = self.facts, self.facts.episode
        after = [self._delay_ends_at(episode)] if episode is not None and episode.proof_at else []
        if episode is not None:
            after += [at for at in (episode.decided_at, episode.not_before_at) if at is not None]
        since = max(after, default=facts.now)
        good = [at for at in facts.read_ats if at >= since]
        newest = good[-1] if good else None
        pair = any(newest - at >= CONFIRM_APART for at in good) if newest is not None else False
        if newest is not None and facts.now - newest > FRESH_FOR:
            self._hold(Hold.STALE, facts.now + RECHECK)
        elif not pair:
            self._hold(Hold.NOT_CONFIRMED, facts.now + RECHECK)
        else:
            return
        self.asks.add(Ask.CONFIRMING_READ)
        is_first_half = newest is not None and facts.now - newest <= FRESH_FOR
        wanted = newest + CONFIRM_APART if is_first_half and newest is not None else facts.now
        self.confirm_due_at = max(facts.now, wanted)
