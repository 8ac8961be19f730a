"""Bulk writes of one batch of readings (批量写入): raw readings, accruals, hourly and daily rollups, states.

Plain SQL, a fixed number of statements a batch. It writes what the domain has worked out; it prices nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from backend.domain.readings import Accepted, Verdict
from backend.domain.tariffs import ComponentKind
from backend.models.meters import Meter, MeterState
from backend.store import run_many, time_writer, upsert_sql
from common.wire import Relay

# Kinds beside wire.ReadingKind, of registers that nobody read at their instant: a midnight that a meter kept;
# last and first register of a meter change; what a person wrote down as transformers were replaced.
FROZEN, CHANGED, TYPED = "frozen", "changed", "typed"
READING = (
    "meter_id",
    "read_at_ms",
    "kind",
    "site_id",
    "received_at_ms",
    "register_wh",
    "sharp_wh",
    "peak_wh",
    "flat_wh",
    "valley_wh",
    "power_w",
    "relay",
    "verdict",
)
_PERIODS = ("sharp_wh", "peak_wh", "flat_wh", "valley_wh", "deep_valley_wh")
COMPONENTS = tuple(f"{kind.value.lower()}_nano" for kind in ComponentKind)
ACCRUAL_KEY = ("meter_id", "charge_on", "revision")
ACCRUAL_SUMS = ("energy_wh", *_PERIODS, *COMPONENTS, "total_nano")
ACCRUAL = (
    *ACCRUAL_KEY,
    "account_id",
    "from_ms",
    "to_ms",
    "from_register_wh",
    "to_register_wh",
    *ACCRUAL_SUMS,
    "estimated",
    "versions",
)
HOUR = ("meter_id", "hour_at_ms", "energy_wh", "cost_nano", "estimated")
DAY = ("meter_id", "day", "account_id", "energy_wh", *_PERIODS, "cost_nano", "estimated")
_STATE = (
    "read_at",
    "register_wh",
    "period_registers",
    "shown_at",
    "power_w",
    "relay",
    "relay_at",
    "forced",
    "electrical",
    "accrued_nano",
    "accrued_wh",
    "quarantined_at",
    "silent_since_at",
    "period_table",
    "period_table_at",
    "clock_offset_ms",
    "clock_at",
    "rejected_wh",
)


def ms_of(at: datetime) -> int:
    """Write an instant as the tables hold it: whole milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def at_ms(ms: int) -> datetime:
    """Read an instant as the tables hold it."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def reading_row(
    meter: Meter,
    kind: str,
    verdict: Verdict,
    *,
    end: Accepted,
    received_at: datetime,
    power_w: int | None = None,
    relay: Relay = Relay.UNKNOWN,
) -> Sequence[Any]:
    """Return one row for `write_readings`; power as the meter shows it."""
    return (
        meter.id,
        ms_of(end.read_at),
        kind,
        meter.site_id,
        ms_of(received_at),
        end.register_wh,
        *(end.rates_wh or (None, None, None, None)),
        power_w,
        relay.value,
        verdict.value,
    )


async def write_readings(found: Iterable[Sequence[Any]]) -> None:
    """Insert readings; one that is there already stays as it is."""
    await run_many(upsert_sql("reading", READING, READING[:3], keep=READING[3:]), found)


async def add_accruals(found: Iterable[Sequence[Any]]) -> None:
    """Add priced intervals to the open bucket of their charge day; `from` stays, `to` moves on.

    `estimated` counts the intervals that were, here as in the rollups: what was estimated once stays so.
    """
    sums = (*ACCRUAL_SUMS, "estimated")
    sql = upsert_sql(
        "accrual", ACCRUAL, ACCRUAL_KEY, add=sums, keep=("account_id", "from_ms", "from_register_wh")
    )
    await run_many(sql, found)


async def add_hours(found: Iterable[Sequence[Any]]) -> None:
    await run_many(upsert_sql("usage_hour", HOUR, HOUR[:2], add=HOUR[2:]), found)


async def add_days(found: Iterable[Sequence[Any]]) -> None:
    await run_many(upsert_sql("usage_day", DAY, DAY[:2], add=DAY[3:], keep=("account_id",)), found)


async def write_states(states: Iterable[MeterState]) -> None:
    """Rewrite meter states that this transaction has locked."""
    sets = ",".join(f"{name}=?" for name in _STATE)
    time = time_writer()
    await run_many(
        f"UPDATE meter_state SET {sets} WHERE meter_id=?",
        [
            (
                time(state.read_at),
                state.register_wh,
                state.period_registers,
                time(state.shown_at),
                state.power_w,
                state.relay.value,
                time(state.relay_at),
                None if state.forced is None else int(state.forced),
                state.electrical,
                state.accrued_nano,
                state.accrued_wh,
                time(state.quarantined_at),
                time(state.silent_since_at),
                state.period_table,
                time(state.period_table_at),
                state.clock_offset_ms,
                time(state.clock_at),
                state.rejected_wh,
                state.meter_id,
            )
            for state in states
        ],
    )
