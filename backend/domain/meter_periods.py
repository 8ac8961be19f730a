"""When a meter's own registers by period may split an interval (分时信任).

They may while its day table is the tariff's and its clock is right. What is known of both was read now and
then, so it has an age; what is old or was never read is not trusted, and the interval is split by time.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from backend.domain.tariffs import MINUTES_PER_DAY, Period, Slot, TariffVersion, cut, slots_on
from common.clock import LOCAL_ZONE

CLOCK_LIMIT_S = 300.0  # Beyond this the meter's own periods are not the tariff's.
TABLE_KEPT = timedelta(days=3)
CLOCK_KEPT = timedelta(hours=25)
MAX_DAYS = 40  # A longer interval is split by time: nobody knows what the table was meanwhile.
_PERIOD_OF_RATE = {1: Period.SHARP, 2: Period.PEAK, 3: Period.FLAT, 4: Period.VALLEY}

DayTable = tuple[tuple[int, int], ...]  # (minute of the local day, rate 1 … 4) of each switch (日时段表).


class MeterPeriods(Struct, frozen=True):
    """The newest that a meter said of its day table and its clock, with the instants; None: never."""

    table: DayTable | None = None
    table_at: datetime | None = None
    clock_offset_s: float | None = None  # Meter clock minus collector clock.
    clock_at: datetime | None = None


def clock_is_right(known: MeterPeriods, at: datetime) -> bool | None:
    """Tell whether the meter's clock is within five minutes; None when nothing newer than 25 h is known."""
    if known.clock_offset_s is None or known.clock_at is None or at - known.clock_at > CLOCK_KEPT:
        return None
    return abs(known.clock_offset_s) <= CLOCK_LIMIT_S


def rates_can_be_trusted(
    known: MeterPeriods, versions: Sequence[TariffVersion], from_at: datetime, to_at: datetime, at: datetime
) -> bool:
    """Tell whether registers by period may split an interval (it has a tariff throughout).

    at: the instant of the reading that is being judged; ages are counted back from it.
    """
    if known.table is None or known.table_at is None or at - known.table_at > TABLE_KEPT:
        return False
    if clock_is_right(known, at) is not True or to_at - from_at > timedelta(days=MAX_DAYS):
        return False
    checked: set[tuple[str, date]] = set()
    for span in cut(versions, from_at, to_at):
        last_on = _day(max(span.from_at, span.to_at - timedelta(microseconds=1)))
        on = _day(span.from_at)
        while on <= last_on:
            key = (span.version.version_id, on)
            if key not in checked and not table_matches(known.table, span.version, on):
                return False
            checked.add(key)
            on += timedelta(days=1)
    return True


def table_matches(table: DayTable, version: TariffVersion, on: date) -> bool:
    """Tell whether a meter's day table says the same as the tariff's slots on a local day.

    Entries that change nothing count for nothing; the last one holds over midnight. A meter has no rate for
    深谷, so a tariff with it never matches.
    """
    return _switches(table) == _joined(slots_on(version, on))


@lru_cache(maxsize=256)
def _switches(table: DayTable) -> tuple[Slot, ...]:
    by_minute = dict(table)
    valid = all(
        0 <= minute < MINUTES_PER_DAY and rate in _PERIOD_OF_RATE for minute, rate in by_minute.items()
    )
    if not by_minute or not valid:
        return ()
    by_minute.setdefault(0, by_minute[max(by_minute)])
    return _joined(tuple(Slot(minute, _PERIOD_OF_RATE[rate]) for minute, rate in sorted(by_minute.items())))


def _joined(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    return tuple(
        slot
        for before, slot in zip((None, *slots), slots, strict=False)
        if not before or before.period != slot.period
    )


def _day(at: datetime) -> date:
    return at.astimezone(LOCAL_ZONE).date()
