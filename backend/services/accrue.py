"""Price intervals and put them where they count (应计): accruals, rollups, the meter's state.

Whoever has found a register good closes the interval before it here: a batch of readings, a person who
decides about a register, a meter change. Accounts and meter states are locked; `write` is called once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from backend.domain.charging import (
    Course,
    PricedInterval,
    charge_day_of,
    course_of,
    price_course,
    price_interval,
)
from backend.domain.meter_periods import DayTable, MeterPeriods, clock_is_right, rates_can_be_trusted
from backend.domain.readings import Accepted, Judged, Rates
from backend.domain.tariffs import ComponentKind, NoTariff, Period, TariffVersion
from backend.domain.tiers import Used
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.services.readings_store import add_accruals, add_days, add_hours, ms_of
from backend.services.show_usage import day_number
from backend.services.tariff_book import versions_by_tariff
from backend.services.tier_use import count, tier_use
from common.units import Wh
from common.wire import Reading

_PERIODS = (Period.SHARP, Period.PEAK, Period.FLAT, Period.VALLEY, Period.DEEP_VALLEY)
_RATES = _PERIODS[:4]
_KINDS = tuple(ComponentKind)
_RATES_TEXT = msgspec.json.Decoder(Rates)
LONGEST_TABLE = 400  # Characters of JSON.


class Accruals:
    """The priced intervals of one unit of work.

    tariffs: every tariff of the site with its versions; public areas are shown at the first.
    used: by account, what it used in each cycle of its tariff's tiers so far; see `Accruals.of`.
    """

    def __init__(
        self,
        tariffs: Mapping[int, tuple[TariffVersion, ...]],
        used: Mapping[int, Used] | None = None,
    ) -> None:
        self._tariffs = tariffs
        self._used = used or {}
        # (tariff, from, to) -> how it runs. Meters read together share it.
        self._courses: dict[tuple[int, datetime, datetime], Course] = {}
        self._accruals: list[Sequence[Any]] = []
        self._hours: dict[tuple[int, int], list[int]] = {}  # (meter, hour) -> energy, cost, estimated.
        # (meter, day) -> account, energy, five periods, cost, estimated.
        self._days: dict[tuple[int, int], tuple[int | None, list[int]]] = {}

    @classmethod
    async def of(
        cls, site_id: int, accounts: Iterable[Account], states: Iterable[MeterState], until_at: datetime
    ) -> "Accruals":
        """Begin for locked accounts and meter states; no interval will end after `until_at`."""
        tariffs = await versions_by_tariff(site_id)
        return cls(tariffs, await tier_use(tariffs, accounts, states, until_at))

    def close(
        self,
        meter: Meter,
        account: Account | None,
        state: MeterState,
        last: Accepted,
        end: Accepted,
        judged: Judged,
        *,
        at: datetime,
        known: MeterPeriods | None = None,
        kept_by_meter: bool = False,
        priced_at: datetime | None = None,
    ) -> PricedInterval | None:
        """Price the energy between two registers and let the state go on from the second one.

        at: the instant of the reading that brought it; what is known of the meter's clock is aged by it.
        known: of the meter's day table and clock during the interval; None: the newest.
        kept_by_meter: the meter chose the instant by its own clock (日冻结); with a wrong one it is a guess.
        priced_at: a person's word: all of it at the price of this instant.
        A closed account owes nothing any more: what its meter still counts is only rolled up.
        Returns None, and changes nothing, where no tariff is in force.
        """
        versions = self._versions(account)
        known = known or periods_of(state)
        used = None if account is None else self._used.get(account.id)
        try:
            if priced_at is not None:
                priced = price_interval(versions, priced_at, priced_at, judged.energy_wh, None, used)
            else:
                course = self._course(account, versions, last.read_at, end.read_at)
                rates = None
                # Within one period there is nothing to split.
                if (
                    judged.rates_wh is not None
                    and len(course.spans) > 1
                    and rates_can_be_trusted(known, versions, last.read_at, end.read_at, at)
                ):
                    rates = {period: Wh(wh) for period, wh in zip(_RATES, judged.rates_wh, strict=True)}
                priced = price_course(course, judged.energy_wh, rates, used)
        except NoTariff:
            return None
        if priced_at is not None or (kept_by_meter and clock_is_right(known, at) is False):
            priced = msgspec.structs.replace(priced, estimated=True)
        if account is not None and account.closed_at is None:
            state.accrued_nano += priced.total_nano
            state.accrued_wh += priced.energy_wh
            self._accruals.append(_accrual(meter, account, state, last, end, priced))
        if used is not None:
            count(used, priced.pieces)
        self._roll_up(meter, priced)
        go_on_from(state, end)
        return priced

    async def write(self) -> None:
        await add_accruals(self._accruals)
        await add_hours([(*key, *values) for key, values in sorted(self._hours.items())])
        await add_days([(*key, owner, *values) for key, (owner, values) in sorted(self._days.items())])

    def _versions(self, account: Account | None) -> tuple[TariffVersion, ...]:
        if account is not None:
            return self._tariffs.get(account.tariff_id, ())
        return next(iter(self._tariffs.values()), ())

    def _course(
        self, account: Account | None, versions: tuple[TariffVersion, ...], from_at: datetime, to_at: datetime
    ) -> Course:
        key = (0 if account is None else account.tariff_id, from_at, to_at)
        course = self._courses.get(key)
        if course is None:
            course = self._courses[key] = course_of(versions, from_at, to_at)
        return course

    def _roll_up(self, meter: Meter, priced: PricedInterval) -> None:
        estimated = int(priced.estimated)
        for piece in priced.pieces:
            hour = self._hours.setdefault((meter.id, ms_of(piece.hour_at)), [0, 0, 0])
            hour[0] += piece.energy_wh
            hour[1] += piece.cost_nano
            hour[2] |= estimated
            _, day = self._days.setdefault((meter.id, day_number(piece.on)), (meter.account_id, [0] * 8))
            day[0] += piece.energy_wh
            day[1 + _PERIODS.index(piece.period)] += piece.energy_wh
            day[6] += piece.cost_nano
            day[7] |= estimated


def accepted_of(state: MeterState) -> Accepted | None:
    """Return the newest accepted reading of a meter; None: there is none yet."""
    if state.read_at is None or state.register_wh is None:
        return None
    rates = None if not state.period_registers else _RATES_TEXT.decode(state.period_registers)
    return Accepted(state.read_at, state.register_wh, rates)


def go_on_from(state: MeterState, end: Accepted) -> None:
    """Let a register be the newest accepted one."""
    state.read_at, state.register_wh = end.read_at, end.register_wh
    state.period_registers = None if end.rates_wh is None else msgspec.json.encode(end.rates_wh).decode()
    state.rejected_wh = None


def learn_periods(state: MeterState, reading: Reading) -> MeterPeriods:
    """Keep what a reading says of the meter's day table and clock, if it is the newest.

    Returns what is known of the interval that ends there: a table that is another than before says nothing
    about it, for nobody knows when it was set.
    """
    if reading.period_table is None and reading.meter_clock_offset_s is None:
        return periods_of(state)
    at, before = reading.read_at, periods_of(state).table
    if reading.period_table is not None and (state.period_table_at is None or at >= state.period_table_at):
        text = msgspec.json.encode(reading.period_table).decode()
        state.period_table = text if len(text) <= LONGEST_TABLE else None  # No tariff is that long.
        state.period_table_at = at
    offset_s = reading.meter_clock_offset_s
    if offset_s is not None and (state.clock_at is None or at >= state.clock_at):
        state.clock_offset_ms, state.clock_at = round(offset_s * 1000), at
    known = periods_of(state)
    if before is not None and known.table != before:
        return msgspec.structs.replace(known, table=None)
    return known


def periods_of(state: MeterState) -> MeterPeriods:
    offset_ms = state.clock_offset_ms
    return MeterPeriods(
        table=None if state.period_table is None else _table(state.period_table),
        table_at=state.period_table_at,
        clock_offset_s=None if offset_ms is None else offset_ms / 1000,
        clock_at=state.clock_at,
    )


@lru_cache(maxsize=256)
def _table(text: str) -> DayTable:
    return msgspec.json.decode(text, type=DayTable)


def _accrual(
    meter: Meter, account: Account, state: MeterState, last: Accepted, end: Accepted, priced: PricedInterval
) -> Sequence[Any]:
    return (
        meter.id,
        day_number(charge_day_of(end.read_at)),
        state.cut_count,
        account.id,
        ms_of(last.read_at),
        ms_of(end.read_at),
        last.register_wh,
        end.register_wh,
        priced.energy_wh,
        *(priced.energy_by_period.get(period, 0) for period in _PERIODS),
        *(priced.cost_by_component.get(kind, 0) for kind in _KINDS),
        priced.total_nano,
        int(priced.estimated),
        ",".join(priced.version_ids)[:200],
    )
