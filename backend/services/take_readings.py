"""Take in a batch of readings (收抄表): judge, price, accrue, roll up and decide, in one transaction.

Locks the accounts of the batch, then its meter states; a repeated batch changes nothing. What is
doubtful is stored and shown, never charged.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from backend.context import Context
from backend.domain.frozen_days import Midnight, between, judge_midnights
from backend.domain.meter_periods import MeterPeriods
from backend.domain.readings import (
    FUTURE_AFTER,
    QUARANTINED,
    Accepted,
    Judged,
    Verdict,
    judge,
)
from backend.errors import Bug, Invalid
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.operations import Collector
from backend.services.accrue import Accruals, accepted_of, go_on_from, learn_periods, periods_of
from backend.services.after_readings import Quarantined, decide_changed, lowest_jumps, tell_of_readings
from backend.services.collector_link import own_collector, wake_if_list_changed, watched
from backend.services.doubtful import facts_of
from backend.services.locks import lock_accounts, lock_states_of
from backend.services.own_meters import own_meters
from backend.services.power_limit import Seen, follow_power
from backend.services.ratio_boundaries import RatioBoundaries
from backend.services.read_requests import answer_requests
from backend.services.reading_alarms import tell_of_meters
from backend.services.readings_store import FROZEN, TYPED, reading_row, write_readings, write_states
from backend.services.shown_state import show_newest
from backend.services.watch_list import may_concern
from backend.services.work import wake
from backend.store import unit_of_work
from common.wire import MAX_BATCH, BatchAnswer, Reading, ReadingBatch, ReadingKind

_ATTEMPTS = 4
OUTAGE = timedelta(minutes=15)  # Silent for longer: warnings and the delay come before any trip.


class _Moved(Exception):
    """A meter was replaced, retired or given to a shop between the look at it and the locks."""


class TooManyReadings(Invalid):
    code = "too_many_readings"
    message = "一批最多 1000 条抄表数据"


async def take_readings(ctx: Context, batch: ReadingBatch) -> BatchAnswer:
    """Take a batch in and answer that it is safe.

    Errors: TooManyReadings; Forbidden when a meter is another collector's. A meter that does not exist
    (any more) is named in `refused`: the collector drops its readings.
    """
    if len(batch.readings) > MAX_BATCH:
        raise TooManyReadings()
    collector = await own_collector(ctx)
    wanted = {reading.meter_id for reading in batch.readings}
    meters: dict[str, Meter] = {}
    for _ in range(_ATTEMPTS):
        meters = await own_meters(collector, wanted)
        known = [reading for reading in batch.readings if reading.meter_id in meters]
        try:
            if known and await _take_in(ctx, collector, meters, known):
                await wake_if_list_changed(ctx, collector)
            break
        except _Moved:
            continue
    else:
        raise Bug("meters and their states differ about whose they are")
    refused = dict.fromkeys(sorted(wanted - set(meters)), "没有这块表")
    return BatchAnswer(epoch=batch.epoch, number=batch.number, server_time=ctx.clock.now(), refused=refused)


async def _take_in(
    ctx: Context, collector: Collector, meters: dict[str, Meter], readings: Sequence[Reading]
) -> bool:
    held = watched(collector)
    return await unit_of_work(
        lambda: _Intake(ctx, collector.site_id, meters).take(readings, held), "take_readings"
    )


class _Intake:
    """One batch on its way in."""

    def __init__(self, ctx: Context, site_id: int, meters: dict[str, Meter]) -> None:
        self.ctx = ctx
        self.site_id = site_id
        self.meters = dict(meters)
        self.now = ctx.clock.now()
        self.readings: list[Sequence[Any]] = []
        self.accruals = Accruals({})
        self.ratios = RatioBoundaries({})
        self.accounts: dict[int, Account] = {}
        self.states: dict[int, MeterState] = {}
        self.answered: set[str] = set()
        self.peeked: set[str] = set()
        self.outages: set[int] = set()
        self.jumps: dict[int, int] = {}  # Meter -> the lowest register that waits for a person.
        self.accepted: set[int] = set()
        self.quarantined: list[Quarantined] = []
        self.seen: list[Seen] = []  # Power and load trips, of readings that are shown.

    async def take(self, readings: Sequence[Reading], held: list[str]) -> bool:
        """Take readings in; say whether the watch list may be another now. held: the list given last."""
        ids = sorted(meter.id for meter in self.meters.values())
        accounts = {meter.account_id for meter in self.meters.values() if meter.account_id is not None}
        self.accounts = {row.id: row for row in await lock_accounts(accounts)} if accounts else {}
        # An account's estimate needs all of its meters, also those that this batch does not name.
        found = await lock_states_of(ids, sorted(self.accounts))
        self.states = {row.meter_id: row for row in found}
        if any(self.states[meter.id].account_id != meter.account_id for meter in self.meters.values()):
            raise _Moved()
        self.jumps = await lowest_jumps(self.states.values())
        self.accruals = await Accruals.of(
            self.site_id, self.accounts.values(), self.states.values(), self.now
        )
        self.ratios = await RatioBoundaries.of(self.meters)
        for reading in sorted(readings, key=lambda item: (item.read_at, item.meter_id)):
            if reading.kind is ReadingKind.PEEK:
                self._peek(reading, self.meters[reading.meter_id])
            else:
                self._take(reading, self.meters[reading.meter_id])
        await write_readings(self.readings)
        await self.accruals.write()
        await write_states(self.states.values())
        await self.ratios.write(self.ctx)
        await answer_requests(self.ctx, self.answered, self.peeked)
        await tell_of_readings(self.ctx, self.site_id, self.quarantined, self.accepted)
        await tell_of_meters(self.ctx, self.site_id, self.meters, readings)
        await follow_power(self.ctx, self.site_id, self.accounts, self.seen)
        await decide_changed(self.ctx, self.accounts, list(self.states.values()), self.outages)
        wake(self.ctx, f"live:{self.site_id}")
        return may_concern(self.accounts, self.states.values(), held)

    def _take(self, reading: Reading, meter: Meter) -> None:
        state = self.states[meter.id]
        last = accepted_of(state)
        self.ratios.begin(meter, last)
        boundary = self.ratios.register_at(last, reading)
        if boundary is not None:
            # A register that was written down: it divides the interval, and says nothing of the meter today.
            self._take_one(boundary, meter, TYPED)
            if state.read_at != boundary.read_at:
                # It cannot have stood there: no ratio is right for this interval until a person decides.
                self._store(reading, meter, reading.kind.value, Verdict.JUMPED)
                self._follow(meter, state, None, reading, Verdict.JUMPED)
                return
        verdict = self._take_one(reading, meter, reading.kind.value)
        self._follow(meter, state, last, reading, verdict)
        if reading.request_id is not None and verdict not in QUARANTINED:
            self.answered.add(reading.request_id)

    def _take_one(self, reading: Reading, meter: Meter, kind: str) -> Verdict:
        state = self.states[meter.id]
        last = accepted_of(state)
        facts = facts_of(meter)
        jump_wh = self.jumps.get(meter.id)
        rates_wh = reading.period_registers_wh
        judged = judge(last, reading.read_at, reading.register_wh, rates_wh, self.now, facts, jump_wh)
        known = periods_of(state) if judged.verdict is Verdict.FUTURE else learn_periods(state, reading)
        end = Accepted(reading.read_at, reading.register_wh, rates_wh)
        if judged.verdict is Verdict.ACCEPTED and last is not None:
            judged = self._accept(meter, state, last, end, judged, reading, known)
        elif judged.verdict is Verdict.FIRST:
            go_on_from(state, end)
        elif judged.verdict in QUARANTINED and last is not None:
            for midnight in between(_midnights(reading), last, reading.read_at):
                self._store_midnight(midnight, meter, Verdict.UNUSED)
        self._store(reading, meter, kind, judged.verdict)
        if judged.verdict in {Verdict.ACCEPTED, Verdict.FIRST}:
            self.ratios.accepted(meter, reading.read_at)
        return judged.verdict

    def _accept(
        self,
        meter: Meter,
        state: MeterState,
        last: Accepted,
        end: Accepted,
        judged: Judged,
        reading: Reading,
        known: MeterPeriods,
    ) -> Judged:
        """Price the interval, each midnight in it apart; energy before any tariff waits for a person."""
        account = self.accounts.get(meter.account_id or 0)
        before, facts = last, facts_of(meter)
        for one in judge_midnights(_midnights(reading), last, end, self.now, facts):
            verdict = one.judged.verdict
            if verdict is Verdict.ACCEPTED:
                here = Accepted(one.midnight.at, one.midnight.register_wh, one.midnight.rates_wh)
                priced = self.accruals.close(
                    meter,
                    account,
                    state,
                    before,
                    here,
                    one.judged,
                    at=end.read_at,
                    known=known,
                    kept_by_meter=True,
                )
                if priced is None:
                    verdict = Verdict.UNUSED
                else:
                    before = here
            self._store_midnight(one.midnight, meter, verdict)
        if before is not last:
            judged = judge(before, end.read_at, end.register_wh, end.rates_wh, self.now, facts)
        if (
            self.accruals.close(meter, account, state, before, end, judged, at=end.read_at, known=known)
            is None
        ):
            return Judged(Verdict.JUMPED)
        return judged

    def _store(self, reading: Reading, meter: Meter, kind: str, verdict: Verdict) -> None:
        row = reading_row(
            meter,
            kind,
            verdict,
            end=Accepted(reading.read_at, reading.register_wh, reading.period_registers_wh),
            received_at=self.now,
            power_w=reading.power_w,
            relay=reading.relay,
        )
        self.readings.append(row)

    def _store_midnight(self, kept: Midnight, meter: Meter, verdict: Verdict) -> None:
        """A register and an instant: nothing else was seen then."""
        end = Accepted(kept.at, kept.register_wh, kept.rates_wh)
        self.readings.append(reading_row(meter, FROZEN, verdict, end=end, received_at=self.now))

    def _follow(
        self, meter: Meter, state: MeterState, last: Accepted | None, reading: Reading, verdict: Verdict
    ) -> None:
        """Let the state and what is told to people follow from a verdict."""
        if verdict in QUARANTINED:
            self._quarantine(meter, state, reading, verdict)
            return
        if verdict in {Verdict.LATE, Verdict.DUPLICATE}:
            return
        # What was doubtful before stays on record; the register itself is right again.
        state.quarantined_at = None
        self.jumps.pop(meter.id, None)
        self.accepted.add(meter.id)
        self.quarantined = [one for one in self.quarantined if one.meter.id != meter.id]
        # An outage of the meter, or of the way here: what came late was not shown to anybody, either.
        gap = self.now - reading.read_at if last is None else reading.read_at - last.read_at
        if max(gap, self.now - reading.read_at) > OUTAGE and meter.account_id is not None:
            self.outages.add(meter.account_id)
        if self._show(meter, state, reading):
            state.silent_since_at = None

    def _quarantine(self, meter: Meter, state: MeterState, reading: Reading, verdict: Verdict) -> None:
        self.quarantined.append(Quarantined(meter, verdict, reading.register_wh))
        if verdict is Verdict.FUTURE:
            return
        state.quarantined_at = state.quarantined_at or self.now
        if state.shown_at is None or reading.read_at >= state.shown_at:
            state.shown_at, state.silent_since_at = reading.read_at, None  # It speaks, whatever it says.
        if verdict is Verdict.JUMPED:
            self.jumps[meter.id] = min(reading.register_wh, self.jumps.get(meter.id, reading.register_wh))

    def _peek(self, reading: Reading, meter: Meter) -> None:
        """Show the newest state while older readings wait; its own reading follows in its turn.

        It answers whoever wants to see the meter, but confirms no trip: that takes an accepted register. A
        silent meter stays so for what is decided: its newest energy is still not known.
        """
        if reading.read_at <= self.now + FUTURE_AFTER:
            self._show(meter, self.states[meter.id], reading)
            if reading.request_id is not None:
                self.peeked.add(reading.request_id)

    def _show(self, meter: Meter, state: MeterState, reading: Reading) -> bool:
        seen = show_newest(state, meter, reading)
        if seen is None:
            return False
        self.seen.append(seen)
        return True


def _midnights(reading: Reading) -> list[Midnight]:
    return [Midnight(day.at, day.register_wh, day.period_registers_wh) for day in reading.frozen]
