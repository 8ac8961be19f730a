"""Take in a batch of readings (收抄表): judge, price, accrue, roll up and decide, in one transaction.

Locks the accounts of the batch, then its meter states; a repeated batch changes nothing. What is
doubtful is stored and shown, never charged.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct
from tortoise.expressions import Q

from backend.context import Context
from backend.domain.charging import PricedInterval, charge_day_of, price_interval
from backend.domain.readings import (
    QUARANTINED,
    Accepted,
    Judged,
    MeterFacts,
    Verdict,
    judge,
    rates_can_be_trusted,
)
from backend.domain.tariffs import ComponentKind, NoTariff, Period, TariffVersion
from backend.errors import Invalid
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.supply import ReadRequest
from backend.services.after_readings import Quarantined, decide_changed, lowest_jumps, tell_of_readings
from backend.services.collector_link import own_collector
from backend.services.locks import lock_accounts
from backend.services.own_meters import own_meters
from backend.services.readings_store import (
    add_accruals,
    add_days,
    add_hours,
    ms_of,
    write_readings,
    write_states,
)
from backend.services.row_ids import id_of
from backend.services.show_usage import day_number
from backend.services.tariff_book import versions_by_tariff
from backend.services.work import wake
from backend.store import unit_of_work
from common.units import Watt, Wh
from common.wire import MAX_BATCH, BatchAnswer, Reading, ReadingBatch, Relay

OUTAGE = timedelta(minutes=15)  # Silent for longer: warnings and the delay come before any trip.
_PERIODS = (Period.SHARP, Period.PEAK, Period.FLAT, Period.VALLEY, Period.DEEP_VALLEY)
_RATES = _PERIODS[:4]
_KINDS = tuple(ComponentKind)


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
    meters = await own_meters(collector, wanted)
    refused = dict.fromkeys(sorted(wanted - set(meters)), "没有这块表")
    known = [reading for reading in batch.readings if reading.meter_id in meters]
    if known:
        await unit_of_work(lambda: _Intake(ctx, collector.site_id, meters).take(known), "take_readings")
    return BatchAnswer(epoch=batch.epoch, number=batch.number, server_time=ctx.clock.now(), refused=refused)


class _Rows(Struct):
    """What one batch writes."""

    readings: list[Sequence[Any]]
    accruals: list[Sequence[Any]]
    hours: dict[tuple[int, int], list[int]]  # (meter, hour) -> energy, cost, estimated.
    days: dict[tuple[int, int], list[int]]  # (meter, day) -> energy, five periods, cost, estimated.


class _Intake:
    """One batch on its way in."""

    def __init__(self, ctx: Context, site_id: int, meters: dict[str, Meter]) -> None:
        self.ctx = ctx
        self.site_id = site_id
        self.meters = meters
        self.now = ctx.clock.now()
        self.rows = _Rows([], [], {}, {})
        self.accounts: dict[int, Account] = {}
        self.states: dict[int, MeterState] = {}
        self.tariffs: dict[int, tuple[TariffVersion, ...]] = {}
        self.answered: set[str] = set()
        self.outages: set[int] = set()
        self.jumps: dict[int, int] = {}  # Meter -> the lowest register that waits for a person.
        self.accepted: set[int] = set()
        self.quarantined: list[Quarantined] = []

    async def take(self, readings: Sequence[Reading]) -> None:
        ids = sorted(meter.id for meter in self.meters.values())
        accounts = {meter.account_id for meter in self.meters.values() if meter.account_id is not None}
        self.accounts = {row.id: row for row in await lock_accounts(accounts)} if accounts else {}
        # An account's estimate needs all of its meters, also those that this batch does not name.
        mine = Q(meter_id__in=ids) | Q(account_id__in=sorted(self.accounts))
        found = await MeterState.filter(mine).order_by("meter_id").select_for_update()
        self.states = {row.meter_id: row for row in found}
        self.jumps = await lowest_jumps(self.states.values())
        self.tariffs = await versions_by_tariff(self.site_id)
        for reading in sorted(readings, key=lambda item: (item.read_at, item.meter_id)):
            self._take_one(reading, self.meters[reading.meter_id])
        await self._write()
        await self._answer_requests()
        await tell_of_readings(self.ctx, self.site_id, self.quarantined, self.accepted)
        await decide_changed(self.ctx, self.accounts, list(self.states.values()), self.outages)
        wake(self.ctx, f"live:{self.site_id}")

    def _take_one(self, reading: Reading, meter: Meter) -> None:
        state = self.states[meter.id]
        last = None
        if state.read_at is not None and state.register_wh is not None:
            before = msgspec.json.decode(
                state.period_registers or "null", type=tuple[int, int, int, int] | None
            )
            last = Accepted(state.read_at, state.register_wh, before)
        facts = MeterFacts(meter.transformers.ratio, Watt(meter.rated_power_w), meter.register_step_wh)
        judged = judge(
            last,
            reading.read_at,
            reading.register_wh,
            reading.period_registers_wh,
            self.now,
            facts,
            self.jumps.get(meter.id),
        )
        if judged.verdict is Verdict.ACCEPTED and last is not None:
            judged = self._accrue(meter, state, last, reading, judged)
        self._remember(meter, state, last, reading, judged)
        if reading.request_id is not None and judged.verdict not in QUARANTINED:
            self.answered.add(reading.request_id)

    def _accrue(
        self, meter: Meter, state: MeterState, last: Accepted, reading: Reading, judged: Judged
    ) -> Judged:
        """Price the interval and put it where it counts; energy before any tariff waits for a person."""
        rates = None
        if judged.rates_wh is not None and rates_can_be_trusted(
            reading.meter_clock_offset_s, reading.period_table_matches
        ):
            rates = {period: Wh(wh) for period, wh in zip(_RATES, judged.rates_wh, strict=True)}
        account = self.accounts.get(meter.account_id or 0)
        versions = self._versions(account)
        try:
            priced = price_interval(versions, last.read_at, reading.read_at, judged.energy_wh, rates)
        except NoTariff:
            return Judged(Verdict.JUMPED)
        if account is not None:
            state.accrued_nano += priced.total_nano
            state.accrued_wh += priced.energy_wh
            self.rows.accruals.append(self._accrual(meter, account, state, last, reading, priced))
        self._roll_up(meter, priced)
        return judged

    def _versions(self, account: Account | None) -> tuple[TariffVersion, ...]:
        if account is not None:
            return self.tariffs.get(account.tariff_id, ())
        return next(iter(self.tariffs.values()), ())  # Public areas are shown at the site's first tariff.

    def _accrual(
        self,
        meter: Meter,
        account: Account,
        state: MeterState,
        last: Accepted,
        reading: Reading,
        priced: PricedInterval,
    ) -> Sequence[Any]:
        return (
            meter.id,
            day_number(charge_day_of(reading.read_at)),
            state.cut_count,
            account.id,
            ms_of(last.read_at),
            ms_of(reading.read_at),
            last.register_wh,
            reading.register_wh,
            priced.energy_wh,
            *(priced.energy_by_period.get(period, 0) for period in _PERIODS),
            *(priced.cost_by_component.get(kind, 0) for kind in _KINDS),
            priced.total_nano,
            int(priced.estimated),
            ",".join(priced.version_ids)[:200],
        )

    def _roll_up(self, meter: Meter, priced: PricedInterval) -> None:
        estimated = int(priced.estimated)
        for piece in priced.pieces:
            hour = self.rows.hours.setdefault((meter.id, ms_of(piece.hour_at)), [0, 0, 0])
            hour[0] += piece.energy_wh
            hour[1] += piece.cost_nano
            hour[2] |= estimated
            day = self.rows.days.setdefault((meter.id, day_number(piece.on)), [0] * 8)
            day[0] += piece.energy_wh
            day[1 + _PERIODS.index(piece.period)] += piece.energy_wh
            day[6] += piece.cost_nano
            day[7] |= estimated

    def _remember(
        self, meter: Meter, state: MeterState, last: Accepted | None, reading: Reading, judged: Judged
    ) -> None:
        rates = reading.period_registers_wh or (None, None, None, None)
        self.rows.readings.append(
            (
                meter.id,
                ms_of(reading.read_at),
                reading.kind.value,
                self.site_id,
                ms_of(self.now),
                reading.register_wh,
                *rates,
                reading.power_w,
                reading.relay.value,
                judged.verdict.value,
            )
        )
        if judged.verdict in QUARANTINED:
            self._quarantine(meter, state, reading, judged.verdict)
            return
        if judged.verdict in {Verdict.LATE, Verdict.DUPLICATE}:
            return
        # What was doubtful before stays on record; the register itself is right again.
        state.quarantined_at = None
        self.jumps.pop(meter.id, None)
        self.accepted.add(meter.id)
        self.quarantined = [one for one in self.quarantined if one.meter.id != meter.id]
        if last is not None and reading.read_at - last.read_at > OUTAGE and meter.account_id is not None:
            self.outages.add(meter.account_id)
        state.read_at, state.register_wh = reading.read_at, reading.register_wh
        if reading.period_registers_wh is not None:
            state.period_registers = msgspec.json.encode(reading.period_registers_wh).decode()
        else:
            state.period_registers = None
        self._show(meter, state, reading)

    def _quarantine(self, meter: Meter, state: MeterState, reading: Reading, verdict: Verdict) -> None:
        self.quarantined.append(Quarantined(meter, verdict, reading.register_wh))
        if verdict is Verdict.FUTURE:
            return
        state.quarantined_at = state.quarantined_at or self.now
        state.shown_at, state.silent_since_at = reading.read_at, None  # It speaks, whatever it says.
        if verdict is Verdict.JUMPED:
            self.jumps[meter.id] = min(reading.register_wh, self.jumps.get(meter.id, reading.register_wh))

    def _show(self, meter: Meter, state: MeterState, reading: Reading) -> None:
        """Keep what the newest reading says beside the register, on the primary side (乘以倍率)."""
        state.shown_at, state.silent_since_at = reading.read_at, None
        if reading.power_w is not None:
            state.power_w = reading.power_w * meter.transformers.ratio
        if reading.relay is not Relay.UNKNOWN and (
            state.relay_at is None or reading.read_at >= state.relay_at
        ):
            state.relay, state.relay_at = reading.relay, reading.read_at
        if reading.forced is not None:
            state.forced = reading.forced
        if reading.voltage_mv is not None or reading.current_ma is not None:
            volts, amps = reading.voltage_mv, reading.current_ma
            at = meter.transformers
            shown = {
                "voltage_mv": None if volts is None else [mv * at.voltage_ratio for mv in volts],
                "current_ma": None if amps is None else [ma * at.current_ratio for ma in amps],
            }
            state.electrical = msgspec.json.encode(shown).decode()

    async def _write(self) -> None:
        owner = {meter.id: meter.account_id for meter in self.meters.values()}
        await write_readings(self.rows.readings)
        await add_accruals(self.rows.accruals)
        await add_hours([(*key, *values) for key, values in sorted(self.rows.hours.items())])
        await add_days([(*key, owner[key[0]], *values) for key, values in sorted(self.rows.days.items())])
        await write_states(self.states.values())

    async def _answer_requests(self) -> None:
        numbers = [number for key in sorted(self.answered) if (number := id_of(key)) is not None]
        if numbers:
            await ReadRequest.filter(id__in=numbers, answered_at=None).update(
                answered_at=self.now, standing_key=None
            )
