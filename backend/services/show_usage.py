"""Usage by day and month (用电量)."""

from datetime import date

from msgspec import Struct

from backend.errors import Invalid
from backend.store import dialect, rows

MAX_DAYS = 400

_SUMS = (
    "SUM(energy_wh) AS energy_wh, SUM(sharp_wh) AS sharp_wh, SUM(peak_wh) AS peak_wh,"
    " SUM(flat_wh) AS flat_wh, SUM(valley_wh) AS valley_wh, SUM(deep_valley_wh) AS deep_valley_wh,"
    " SUM(cost_nano) AS cost_nano, MAX(estimated) AS estimated"
)


class Usage(Struct, frozen=True, kw_only=True):
    """Energy of one day ("2026-11-22") or month ("2026-11"), apportioned by time at midnight."""

    on: str
    energy_wh: int
    sharp_wh: int
    peak_wh: int
    flat_wh: int
    valley_wh: int
    deep_valley_wh: int
    cost_fen: int  # Rounded for showing; the ledger has the exact charges.
    estimated: bool


async def usage_of(account_id: int, first_on: date, last_on: date, by: str) -> list[Usage]:
    """Return an account's usage by "day" or "month", oldest first; days without data are left out.

    Errors: Invalid when the range is upside down or longer than 400 days.
    """
    if last_on < first_on or (last_on - first_on).days > MAX_DAYS:
        raise Invalid(fields={"last_on": f"起止日期有误，最多查询 {MAX_DAYS} 天"})
    group = "day" if by == "day" else "day DIV 100" if dialect() == "mysql" else "day / 100"
    found = await rows(
        f"SELECT {group} AS bucket, {_SUMS} FROM usage_day WHERE account_id = ? AND day BETWEEN ? AND ?"
        f" GROUP BY {group} ORDER BY bucket",
        [account_id, day_number(first_on), day_number(last_on)],
    )
    return [
        Usage(
            on=_text(int(row["bucket"])),
            energy_wh=int(row["energy_wh"]),
            sharp_wh=int(row["sharp_wh"]),
            peak_wh=int(row["peak_wh"]),
            flat_wh=int(row["flat_wh"]),
            valley_wh=int(row["valley_wh"]),
            deep_valley_wh=int(row["deep_valley_wh"]),
            cost_fen=(int(row["cost_nano"]) + 5_000_000) // 10_000_000,
            estimated=bool(row["estimated"]),
        )
        for row in found
    ]


def day_number(on: date) -> int:
    """Write a date as the tables hold it: 20261122."""
    return on.year * 10_000 + on.month * 100 + on.day


def day_of(number: int) -> date:
    return date(number // 10_000, number // 100 % 100, number % 100)


def _text(bucket: int) -> str:
    if bucket < 1_000_000:
        return f"{bucket // 100}-{bucket % 100:02d}"
    return day_of(bucket).isoformat()
