"""Energy by day and meter, and apart from it by hour (用电汇总): two rollups of the same intervals."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from backend.reports.port import Asked
from backend.reports.scope import in_list
from backend.reports.spans import DAY_MS, SHANGHAI_MS, begin_ms, end_ms
from backend.reports.words import whole
from backend.services.show_usage import day_number
from backend.store import rows

PERIODS = ("sharp_wh", "peak_wh", "flat_wh", "valley_wh", "deep_valley_wh")
PERIOD_WORDS = ("尖峰", "高峰", "平段", "低谷", "深谷")
_EPOCH = date(1970, 1, 1).toordinal()


class Use(Struct, frozen=True):
    """Energy of one meter on one day. periods_wh: as in `PERIODS`."""

    meter_id: int
    day: int  # 20261122.
    account_id: int | None
    energy_wh: int
    periods_wh: tuple[int, ...]
    estimated: bool


async def uses(meter_ids: Sequence[int], from_on: date, to_on: date) -> list[Use]:
    if not meter_ids:
        return []
    found = await rows(
        f"SELECT meter_id, day, account_id, energy_wh, {','.join(PERIODS)}, estimated FROM usage_day"
        f" WHERE meter_id IN {in_list(meter_ids)} AND day BETWEEN ? AND ? ORDER BY day, meter_id",
        [*meter_ids, day_number(from_on), day_number(to_on)],
    )
    return [
        Use(
            meter_id=int(row["meter_id"]),
            day=int(row["day"]),
            account_id=None if row["account_id"] is None else int(row["account_id"]),
            energy_wh=int(row["energy_wh"]),
            periods_wh=tuple(int(row[name]) for name in PERIODS),
            estimated=bool(row["estimated"]),
        )
        for row in found
    ]


async def hours_wh(asked: Asked, wanted: set[tuple[int, int]]) -> int:
    """Sum the hours of some (meter, day) pairs: the other way to the sum of `uses`."""
    meter_ids = sorted({meter_id for meter_id, _ in wanted})
    if not meter_ids:
        return 0
    day_sql = whole(f"hour_at_ms + {SHANGHAI_MS}", DAY_MS)
    found = await rows(
        f"SELECT meter_id, {day_sql} AS day, SUM(energy_wh) AS energy_wh FROM usage_hour"
        f" WHERE meter_id IN {in_list(meter_ids)} AND hour_at_ms >= ? AND hour_at_ms < ?"
        f" GROUP BY meter_id, {day_sql}",
        [*meter_ids, begin_ms(asked), end_ms(asked)],
    )
    return sum(
        int(row["energy_wh"])
        for row in found
        if (int(row["meter_id"]), day_number(date.fromordinal(_EPOCH + int(row["day"])))) in wanted
    )


async def without_data(meter_ids: Sequence[int], found: Sequence[Use], from_on: date, to_on: date) -> int:
    """Count the meters that lack a day's energy between the first reading they ever had and now.

    A meter that was never read lacks all.
    """
    if not meter_ids:
        return 0
    first_days = {
        int(row["meter_id"]): int(row["day"])
        for row in await rows(
            f"SELECT meter_id, MIN(day) AS day FROM usage_day WHERE meter_id IN {in_list(meter_ids)}"
            " GROUP BY meter_id",
            list(meter_ids),
        )
    }
    days: dict[int, int] = dict.fromkeys(meter_ids, 0)
    for one in found:
        days[one.meter_id] = days.get(one.meter_id, 0) + 1
    missing = 0
    for meter_id in meter_ids:
        first = first_days.get(meter_id)
        if first is None:
            missing += 1
            continue
        begin_on = max(from_on, date(first // 10_000, first // 100 % 100, first % 100))
        missing += days[meter_id] < (to_on - begin_on).days + 1
    return missing


def total_wh(found: Sequence[Use]) -> int:
    return sum(one.energy_wh for one in found)


def periods_of(found: Sequence[Use]) -> list[int]:
    return [sum(one.periods_wh[number] for one in found) for number in range(len(PERIODS))]
