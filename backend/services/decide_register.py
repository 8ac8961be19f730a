"""A person decides about a register in doubt (待核示数处理): right and charged, or wrong and never charged.

Under the locks of the account and its meter states; once per reading; on record with its reason. Afterwards
nothing holds the account's supply decision any more, and it is made anew.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.charging import PricedInterval
from backend.domain.readings import Accepted, Verdict, judge, judge_as_said, most_energy_wh
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account
from backend.models.meters import DecisionKind, Meter, MeterState, RegisterDecision
from backend.models.supply import ArrearsEpisode
from backend.services.accrue import Accruals, accepted_of
from backend.services.alarm_book import clear_alarm
from backend.services.audit import record
from backend.services.control_supply import own_meter
from backend.services.decide_supply import decide_account
from backend.services.doubtful import DoubtfulRow, facts_of, judge_again, waiting_rows
from backend.services.locks import lock_account, lock_state
from backend.services.ratio_boundaries import RatioBoundaries
from backend.services.readings_store import ms_of, write_states
from backend.services.take_readings import OUTAGE
from backend.services.work import wake
from backend.store import unit_of_work

REGISTER_ALARMS = ("reading_jumped", "reading_fallen")


class NothingInDoubt(Refused):
    code = "nothing_in_doubt"
    message = "这块表没有待核示数"


class DecidedOtherwise(Refused):
    code = "decided_otherwise"
    message = "这个示数已经处理过，结果不同"


class RegisterBelowLast(Refused):
    code = "register_below_last"
    message = "示数低于上次已采用的示数，不能采用；如已换表，请登记换表"


class NoPriceThen(Refused):
    code = "no_price_then"
    message = "这段时间没有生效的电价，请指定计价时间"


class Decided(Struct, frozen=True):
    """What a decision came to. energy_wh: charged by it, primary side."""

    decision_id: str
    kind: str
    energy_wh: int


async def decide_register(
    ctx: Context,
    meter_id: int,
    read_at: datetime,
    *,
    accept: bool,
    reason: str,
    priced_at: datetime | None = None,
) -> Decided:
    """Decide about the doubtful reading of an instant; the same decision again returns the first.

    accept: the energy since the last accepted register is charged, each midnight that the meter kept apart,
    and what came after it is judged again; what is in doubt even so waits for a decision of its own.
    Otherwise everything that waits is rejected; the same register later is still in doubt.
    priced_at: all of it at the price of that instant, within the interval.
    Errors: NotFound, NothingInDoubt, DecidedOtherwise, RegisterBelowLast, NoPriceThen, Invalid.
    """
    meter = await own_meter(ctx, meter_id)
    wanted = DecisionKind.ACCEPTED if accept else DecisionKind.REJECTED

    async def work() -> Decided:
        account = await lock_account(meter.account_id) if meter.account_id is not None else None
        state = await lock_state(meter.id)
        key = f"{meter.id}:{ms_of(read_at)}"
        known = await RegisterDecision.get_or_none(key=key)
        if known is not None:
            if known.kind is not wanted:
                raise DecidedOtherwise()
            await _record(ctx, known, {"repeated": True})
            return _decided(known)
        return await Decision(ctx, meter, account, state).make(key, read_at, wanted, reason, priced_at)

    return await unit_of_work(work, "decide_register")


class Decision:
    """One decision on its way; accounts and states are locked, unless it is only weighed."""

    def __init__(self, ctx: Context, meter: Meter, account: Account | None, state: MeterState) -> None:
        self.ctx, self.meter, self.account, self.state = ctx, meter, account, state
        self.now = ctx.clock.now()
        self.accruals = Accruals({})
        self.ratios = RatioBoundaries({})
        self.judged: list[tuple[DoubtfulRow, Verdict]] = []
        self.energy_wh = self.cost_nano = 0

    async def weigh(
        self, read_at: datetime, kind: DecisionKind, priced_at: datetime | None
    ) -> tuple[Accepted, DoubtfulRow]:
        """Work the decision out, in memory alone; return the last accepted register and the chosen one."""
        last = accepted_of(self.state)
        if self.state.quarantined_at is None or last is None:
            raise NothingInDoubt()
        found = await waiting_rows(self.meter.id, last)
        read_at_ms = ms_of(read_at)
        chosen = next((row for row in found if row.read_at_ms == read_at_ms and not row.is_midnight), None)
        if chosen is None:
            raise NotFound()
        if kind is DecisionKind.ACCEPTED:
            await self._begin(last)
            self._accept(found, chosen, last, priced_at)
        else:
            self._reject(found, last)
        if not self._is_left(found):
            self.state.quarantined_at = None
        return last, chosen

    async def make(
        self, key: str, read_at: datetime, kind: DecisionKind, reason: str, priced_at: datetime | None
    ) -> Decided:
        state = self.state
        doubted_at, most_before = state.quarantined_at or self.now, facts_of(self.meter)
        last, chosen = await self.weigh(read_at, kind, priced_at)
        await judge_again(self.meter.id, self.judged)
        await self.accruals.write()
        await write_states([state])
        await self.ratios.write(self.ctx)
        row = await RegisterDecision.create(
            id=self.ctx.ids.new(),
            site_id=self.meter.site_id,
            meter_id=self.meter.id,
            account_id=self.meter.account_id,
            kind=kind,
            read_at=chosen.read_at,
            register_wh=chosen.end.register_wh,
            last_at=last.read_at,
            last_register_wh=last.register_wh,
            most_wh=most_energy_wh(most_before, chosen.read_at - last.read_at),
            energy_wh=self.energy_wh,
            cost_nano=self.cost_nano,
            priced_at=priced_at,
            reason=reason[:200],
            decided_by=self.ctx.caller.id,
            decided_at=self.now,
            key=key,
        )
        await self._follow(doubted_at, row)
        return _decided(row)

    async def _begin(self, last: Accepted) -> None:
        """A ratio that is due takes effect at the first register that is accepted now, as in a batch."""
        accounts = [] if self.account is None else [self.account]
        self.accruals = await Accruals.of(self.meter.site_id, accounts, [self.state], self.now)
        meters = {str(self.meter.id): self.meter}
        self.ratios = await RatioBoundaries.of(meters)
        self.meter = meters[str(self.meter.id)]
        self.ratios.begin(self.meter, last)

    def _is_left(self, found: Sequence[DoubtfulRow]) -> bool:
        """Tell whether a later register is still in doubt: it waits for a decision of its own."""
        decided = {(row.read_at_ms, row.kind) for row, _ in self.judged}
        read_at = self.state.read_at
        return any(
            not row.is_midnight and (row.read_at_ms, row.kind) not in decided
            for row in found
            if read_at is None or row.read_at > read_at
        )

    def _accept(
        self, found: Sequence[DoubtfulRow], chosen: DoubtfulRow, last: Accepted, priced_at: datetime | None
    ) -> None:
        if chosen.end.register_wh < last.register_wh:
            raise RegisterBelowLast()
        if priced_at is not None and not last.read_at <= priced_at <= chosen.read_at:
            raise Invalid(fields={"priced_at": "计价时间须在这段用电时间之内"})
        before = last
        for row in found:
            # What was read on the way keeps its own interval, unless a price was stated for all of it.
            is_within = before.register_wh <= row.end.register_wh <= chosen.end.register_wh
            if priced_at is None and before.read_at < row.read_at < chosen.read_at and is_within:
                before = self._close(row, before, chosen.read_at)
        before = self._close(chosen, before, chosen.read_at, priced_at)
        for row in found:
            if row.read_at <= chosen.read_at or row.is_midnight:
                continue
            end = row.end
            again = judge(before, end.read_at, end.register_wh, end.rates_wh, self.now, facts_of(self.meter))
            if again.verdict is Verdict.ACCEPTED:
                before = self._close(row, before, row.read_at)

    def _close(
        self, row: DoubtfulRow, before: Accepted, at: datetime, priced_at: datetime | None = None
    ) -> Accepted:
        priced: PricedInterval | None = self.accruals.close(
            self.meter,
            self.account,
            self.state,
            before,
            row.end,
            judge_as_said(before, row.end, facts_of(self.meter)),
            at=at,
            kept_by_meter=row.is_midnight,
            priced_at=priced_at,
        )
        if priced is None:
            raise NoPriceThen()
        self.energy_wh += priced.energy_wh
        self.cost_nano += priced.total_nano
        self.judged.append((row, Verdict.ACCEPTED))
        self.ratios.accepted(self.meter, row.read_at)
        return row.end

    def _reject(self, found: Sequence[DoubtfulRow], last: Accepted) -> None:
        self.judged = [(row, Verdict.REJECTED) for row in found if not row.is_midnight]
        above = [row.end.register_wh for row, _ in self.judged if row.verdict is Verdict.JUMPED]
        if self.state.rejected_wh is not None:
            above.append(self.state.rejected_wh)
        # Time alone shall not make a rejected register look possible.
        self.state.rejected_wh = min((wh for wh in above if wh > last.register_wh), default=None)

    async def _follow(self, doubted_at: datetime, row: RegisterDecision) -> None:
        if self.state.quarantined_at is None:
            for kind in REGISTER_ALARMS:
                await clear_alarm(self.ctx, kind, str(self.meter.id))
        account = self.account
        if account is not None:
            if account.in_arrears and row.kind is DecisionKind.ACCEPTED and self.now - doubted_at > OUTAGE:
                # The balance was not known for long: warning and delay come first, as after an outage.
                standing = ArrearsEpisode.filter(standing_key=str(account.id))
                await standing.update(outage_ended_at=self.now)
            await decide_account(self.ctx, account, cause=f"register:{row.id}")
        wake(self.ctx, f"live:{self.meter.site_id}")
        await _record(self.ctx, row, {"energy_wh": row.energy_wh, "cost_nano": row.cost_nano})


async def _record(ctx: Context, row: RegisterDecision, facts: dict[str, object]) -> None:
    await record(
        ctx,
        "staff.reading.decide",
        f"meter:{row.meter_id}",
        reason=row.reason,
        facts={
            "kind": row.kind.value,
            "read_at": row.read_at.isoformat(),
            "register_wh": row.register_wh,
            "last_register_wh": row.last_register_wh,
            **facts,
        },
    )


def _decided(row: RegisterDecision) -> Decided:
    return Decided(str(row.id), row.kind.value, row.energy_wh)
