"""What accounts have used in the cycles of their tiers (阶梯累计): the sum of their days, never a counter.

The days are written in the transaction that prices their energy, under the account's lock; so the sum is
exact, and goes on by itself over a meter change.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from msgspec import UNSET

from backend.domain.charging import Piece
from backend.domain.tariffs import TariffVersion
from backend.domain.tiers import Cycle, Used, cycle_key
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.store import rows
from common.clock import LOCAL_ZONE
from common.units import Wh


async def tier_use(
    tariffs: Mapping[int, tuple[TariffVersion, ...]],
    accounts: Iterable[Account],
    states: Iterable[MeterState],
    until_at: datetime,
) -> dict[int, Used]:
    """Return, for each account whose tariff has tiers, its energy in every cycle that may be priced now."""
    tiered = {tariff_id: found for tariff_id, one in tariffs.items() if (found := _cycles(one))}
    wanted = {account.id: tiered[account.tariff_id] for account in accounts if account.tariff_id in tiered}
    if not wanted:
        return {}
    read = [state.read_at for state in states if state.account_id in wanted and state.read_at is not None]
    first_on = _local_day(min(read, default=until_at))
    last_on = _local_day(until_at) + timedelta(days=1)  # A reading may be a minute ahead of us.
    used: dict[int, Used] = {account_id: {} for account_id in wanted}
    for cycle in Cycle:
        ids = [account_id for account_id, cycles in wanted.items() if cycle in cycles]
        for key in _keys(cycle, first_on, last_on) if ids else []:
            for account_id, energy_wh in (await used_in(ids, cycle, key)).items():
                used[account_id][key] = energy_wh
    return used


async def used_in(
    account_ids: Sequence[int], cycle: Cycle, key: int, before: int = 99_999_999
) -> dict[int, Wh]:
    """Sum the energy of a cycle by account, up to the day (20260331) before `before`."""
    first = key * 10_000 if cycle is Cycle.YEAR else key * 100
    last = min(first + (9_999 if cycle is Cycle.YEAR else 99), before - 1)
    marks = ",".join("?" * len(account_ids))
    found = await rows(
        f"SELECT account_id, SUM(energy_wh) AS energy_wh FROM usage_day WHERE account_id IN ({marks})"
        " AND day BETWEEN ? AND ? GROUP BY account_id",
        [*account_ids, first, last],
    )
    return {int(row["account_id"]): Wh(int(row["energy_wh"])) for row in found}


def count(used: Used, pieces: Sequence[Piece]) -> None:
    """Add what was priced just now; it is not in the tables yet."""
    for piece in pieces:
        for cycle in Cycle:
            key = cycle_key(cycle, piece.on)
            used[key] = Wh(used.get(key, 0) + piece.energy_wh)


def _cycles(versions: Sequence[TariffVersion]) -> frozenset[Cycle]:
    return frozenset(version.tiers.cycle for version in versions if version.tiers is not UNSET)


def _keys(cycle: Cycle, first_on: date, last_on: date) -> list[int]:
    days = range(first_on.toordinal(), last_on.toordinal() + 1)
    return list(dict.fromkeys(cycle_key(cycle, date.fromordinal(day)) for day in days))


def _local_day(at: datetime) -> date:
    return at.astimezone(LOCAL_ZONE).date()
