"""A shop's use by hour, day or month (用电曲线): the account, each meter, and the period before.

From the rollups that each accepted interval is added to. Hours know no period: an hour lies within one.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal

from msgspec import Struct

from backend.context import Context
from backend.errors import Invalid
from backend.models.accounts import Account
from backend.services.own_account import own_account
from backend.services.readings_store import at_ms, ms_of
from backend.services.show_usage import day_number, day_of
from backend.store import rows
from backend.store_rows import marks
from common.clock import local, local_midnight

By = Literal["hour", "day", "month"]
LONGEST_DAYS: dict[str, int] = {"hour": 31, "day": 400, "month": 800}
_PERIODS = ("sharp_wh", "peak_wh", "flat_wh", "valley_wh", "deep_valley_wh")
_DAYS_SQL = (
    "SELECT meter_id, day, energy_wh, cost_nano, estimated, "
    + ", ".join(_PERIODS)
    + " FROM usage_day WHERE account_id = ? AND day BETWEEN ? AND ? ORDER BY day, meter_id"
)
_HOURS_SQL = """
SELECT meter_id, hour_at_ms, energy_wh, cost_nano, estimated FROM usage_hour
WHERE meter_id IN ({marks}) AND hour_at_ms >= ? AND hour_at_ms < ? ORDER BY hour_at_ms, meter_id"""
Row = dict[str, Any]


class Use(Struct, frozen=True, kw_only=True):
    """What was used. cost_fen: rounded for showing; the ledger has the exact charges."""

    energy_wh: int
    sharp_wh: int
    peak_wh: int
    flat_wh: int
    valley_wh: int
    deep_valley_wh: int
    cost_fen: int
    estimated: bool


class Bucket(Struct, frozen=True, kw_only=True):
    """One local hour ("2026-11-22T09"), day or month. None: no data; `before_wh`: a period earlier."""

    at: str
    use: Use | None
    before_wh: int | None


class MeterSeries(Struct, frozen=True, kw_only=True):
    meter_id: str
    serial: str
    energy_wh: list[int | None]  # One for each bucket.
    total: Use | None


class ShopUsage(Struct, frozen=True, kw_only=True):
    """`has_periods` is False for hours. `first_on`, `before_first_on`: where both ranges begin."""

    by: str
    first_on: date
    last_on: date
    before_first_on: date
    before_last_on: date
    has_periods: bool
    buckets: list[Bucket]
    total: Use | None
    before_total: Use | None
    meters: list[MeterSeries]


async def show_usage(ctx: Context, account_id: int, first_on: date, last_on: date, by: By) -> ShopUsage:
    """Return the use of local days, both included. By month, whole months are meant.

    Errors: NotFound; Invalid when the range is upside down or longer than LONGEST_DAYS.
    """
    account = await own_account(ctx, account_id)
    if last_on < first_on or (last_on - first_on).days >= LONGEST_DAYS[by]:
        raise Invalid(fields={"last_on": f"起止日期有误，最多查询 {LONGEST_DAYS[by]} 天"})
    if by == "month":
        first_on, last_on = first_on.replace(day=1), _month_end(last_on)
    before_first, before_last = _before(first_on, last_on, by)
    found = await _rows(account, first_on, last_on, by)
    earlier = await _rows(account, before_first, before_last, by)
    places = _places(first_on, last_on, by)
    places_before = _places(before_first, before_last, by)
    now_by, before_by = _grouped(found, by), _grouped(earlier, by)
    meter_ids = sorted({int(row["meter_id"]) for row in found})
    return ShopUsage(
        by=by,
        first_on=first_on,
        last_on=last_on,
        before_first_on=before_first,
        before_last_on=before_last,
        has_periods=by != "hour",
        buckets=[
            Bucket(
                at=place,
                use=_sum(now_by.get(place, [])),
                before_wh=_energy(before_by.get(places_before[index], []))
                if index < len(places_before)
                else None,
            )
            for index, place in enumerate(places)
        ],
        total=_sum(found),
        before_total=_sum(earlier),
        meters=await _meters(meter_ids, found, places, by),
    )


async def _rows(account: Account, first_on: date, last_on: date, by: By) -> list[Row]:
    days = await rows(_DAYS_SQL, [account.id, day_number(first_on), day_number(last_on)])
    if by != "hour" or not days:
        return days
    mine = {(int(row["meter_id"]), int(row["day"])) for row in days}
    meter_ids = sorted({meter_id for meter_id, _ in mine})
    from_ms, to_ms = ms_of(local_midnight(first_on)), ms_of(local_midnight(last_on + timedelta(days=1)))
    hours = await rows(_HOURS_SQL.format(marks=marks(meter_ids)), [*meter_ids, from_ms, to_ms])
    # A meter's hours belong to the shop in which it hung that day.
    return [
        row
        for row in hours
        if (int(row["meter_id"]), day_number(local(at_ms(int(row["hour_at_ms"]))).date())) in mine
    ]


async def _meters(
    meter_ids: Sequence[int], found: Sequence[Row], places: Sequence[str], by: By
) -> list[MeterSeries]:
    if not meter_ids:
        return []
    serials = await rows(f"SELECT id, serial FROM meter WHERE id IN ({marks(meter_ids)})", meter_ids)
    series = []
    for meter in sorted(serials, key=lambda row: str(row["serial"])):
        mine = [row for row in found if row["meter_id"] == meter["id"]]
        by_place = _grouped(mine, by)
        series.append(
            MeterSeries(
                meter_id=str(meter["id"]),
                serial=meter["serial"],
                energy_wh=[_energy(by_place.get(place, [])) for place in places],
                total=_sum(mine),
            )
        )
    return series


def _grouped(found: Sequence[Row], by: By) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in found:
        groups.setdefault(_place(row, by), []).append(row)
    return groups


def _place(row: Row, by: By) -> str:
    if by == "hour":
        return f"{local(at_ms(int(row['hour_at_ms']))):%Y-%m-%dT%H}"
    on = day_of(int(row["day"])).isoformat()
    return on if by == "day" else on[:7]


def _places(first_on: date, last_on: date, by: By) -> list[str]:
    days = [first_on + timedelta(days=number) for number in range((last_on - first_on).days + 1)]
    if by == "hour":
        return [f"{day.isoformat()}T{hour:02d}" for day in days for hour in range(24)]
    if by == "day":
        return [day.isoformat() for day in days]
    return list(dict.fromkeys(day.isoformat()[:7] for day in days))


def _before(first_on: date, last_on: date, by: By) -> tuple[date, date]:
    """Return the range of the same length that ends where this one begins."""
    before_last = first_on - timedelta(days=1)
    if by != "month":
        return before_last - (last_on - first_on), before_last
    months = (last_on.year - first_on.year) * 12 + last_on.month - first_on.month + 1
    number = first_on.year * 12 + first_on.month - 1 - months
    return date(number // 12, number % 12 + 1, 1), before_last


def _month_end(on: date) -> date:
    return (on.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _energy(found: Sequence[Row]) -> int | None:
    return sum(int(row["energy_wh"]) for row in found) if found else None


def _sum(found: Sequence[Row]) -> Use | None:
    if not found:
        return None
    sums = {name: sum(int(row.get(name) or 0) for row in found) for name in ("energy_wh", *_PERIODS)}
    cost = sum(int(row["cost_nano"]) for row in found)
    return Use(
        **sums,
        cost_fen=(cost + 5_000_000) // 10_000_000,
        estimated=any(row["estimated"] for row in found),
    )
