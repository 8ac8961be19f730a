"""Fairness of an arrears trip (公平断电): what it still waits for, and what has to be asked for.

Proof of notice, a delay after it, no window, no doubt, two fresh readings that agree. None of this binds
safety, staff and power-limit trips: they never come here.
"""

from datetime import datetime, timedelta

from backend.domain.supply_terms import Ask, Episode, Hold, SupplyFacts
from backend.domain.windows import free_from, free_since, in_window

CONFIRM_APART = timedelta(seconds=5)
FRESH_FOR = timedelta(minutes=2)
PROOF_WITHIN = timedelta(minutes=10)  # Without proof by then a person has to call.
ORDER_HOLDS_FOR = timedelta(minutes=10)
MAX_ORDER_HOLDS = 2
RECHECK = timedelta(seconds=60)

# Window and missing proof cost money while they wait: over the debt cap the manager decides about them.
# A warning that was never sent is not one of them: it is sent first.
_CAPPED = frozenset({Hold.NO_PROOF, Hold.WINDOW, Hold.SPREAD})


class Waiting:
    """Gathers what an arrears trip waits for."""

    def __init__(self, facts: SupplyFacts) -> None:
        self.facts = facts
        self.holds: dict[Hold, datetime | None] = {}  # Each with the instant at which time may end it.
        self.asks: set[Ask] = set()
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

    @property
    def check_at(self) -> datetime | None:
        """The next instant at which time alone may change the answer."""
        return min((at for at in self.holds.values() if at is not None), default=None)

    def _hold(self, hold: Hold, check_at: datetime | None = None) -> None:
        self.holds[hold] = check_at

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
        since = free_since(windows, facts.now, facts.spread)
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
        if not self.holds.keys() & _CAPPED or not cap or estimated is None:
            return  # Without use there is no growing debt, and so no cap.
        if estimated > -facts.overdraft_fen - cap:
            return
        if decided:
            self.holds = {hold: at for hold, at in self.holds.items() if hold not in _CAPPED}
            self.asks.discard(Ask.CALL_TENANT)
        else:
            self.asks.add(Ask.MANAGER)

    def _order(self) -> None:
        """Hold the trip for someone who is paying. It counts only when nothing else holds the trip."""
        order, episode = self.facts.open_order, self.facts.episode
        if order is None or episode is None or self.facts.now >= order.made_at + ORDER_HOLDS_FOR:
            return
        is_known = episode.held_order_no == order.order_no
        if not is_known and episode.order_holds >= MAX_ORDER_HOLDS:
            return
        if not self.holds:
            self.held_order_no = order.order_no
        self._hold(Hold.OPEN_ORDER, order.made_at + ORDER_HOLDS_FOR)

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
