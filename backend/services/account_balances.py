"""What every open account of a site has (各户余额): settled, estimated and days left, in two queries."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from backend.domain.balances import days_left, estimate
from backend.store import rows, utc
from common.units import Fen, Nanoyuan

_ACCOUNTS_SQL = """
SELECT id, settled_fen, carried_nano, overdraft_fen, mean_daily_nano FROM account
WHERE site_id = ? AND closed_at IS NULL"""
_ACCRUED_SQL = """
SELECT account_id, SUM(accrued_nano) AS accrued_nano, MIN(read_at) AS read_at, COUNT(*) AS meters,
       COUNT(*) - COUNT(read_at) AS unread
FROM meter_state WHERE site_id = ? AND account_id IS NOT NULL GROUP BY account_id"""


class Balance(Struct, frozen=True, kw_only=True):
    """estimated_fen, days_left: None while a meter was never read. read_at: of its oldest reading."""

    settled_fen: int
    estimated_fen: int | None
    days_left: float | None
    read_at: datetime | None
    meters: int


async def account_balances(site_id: int, now: datetime) -> Mapping[int, Balance]:
    """Return the balances of a site's open accounts by account id."""
    accrued = {row["account_id"]: row for row in await rows(_ACCRUED_SQL, [site_id])}
    found = {}
    for row in await rows(_ACCOUNTS_SQL, [site_id]):
        sums = accrued.get(row["id"])
        estimated, days, read_at = None, None, None
        if sums is not None and not sums["unread"]:
            settled, carried = Fen(int(row["settled_fen"])), Nanoyuan(int(row["carried_nano"]))
            estimated = estimate(settled, carried, Nanoyuan(int(sums["accrued_nano"])))
            mean = None if row["mean_daily_nano"] is None else Nanoyuan(int(row["mean_daily_nano"]))
            read_at = utc(sums["read_at"])
            days = days_left(estimated, Fen(int(row["overdraft_fen"])), mean, read_at, now)
        found[int(row["id"])] = Balance(
            settled_fen=int(row["settled_fen"]),
            estimated_fen=estimated,
            days_left=days,
            read_at=read_at,
            meters=0 if sums is None else int(sums["meters"]),
        )
    return found
