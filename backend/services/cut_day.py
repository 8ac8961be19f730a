"""The day cut (日结): turn a day's accrued charges into ledger entries, priced before, written in bulk.

A day's charge holds the intervals ending at or before 00:00 (Asia/Shanghai). What arrives after the cut
is charged by the next one, as a revision of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.domain.balances import mean_daily
from backend.domain.charging import charge
from backend.domain.ledger import energy_entry
from backend.domain.tariffs import ComponentKind
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.services.after_readings import decide_changed
from backend.services.books import Books
from backend.services.locks import lock_accounts
from backend.services.readings_store import COMPONENTS
from backend.services.show_usage import day_number
from backend.services.work import wake
from backend.store import rows, run_many, unit_of_work
from backend.store_rows import marks, whole_rows
from common.units import Nanoyuan

ACCOUNTS_AT_ONCE = 100
MEAN_OVER_DAYS = 7

_OPEN_SQL = (
    "SELECT meter_id, charge_on, account_id, MIN(from_ms) AS from_ms, MAX(to_ms) AS to_ms,"
    " MIN(from_register_wh) AS from_register_wh, MAX(to_register_wh) AS to_register_wh,"
    " SUM(energy_wh) AS energy_wh, MAX(revision) AS revision, SUM(total_nano) AS total_nano,"
    " MAX(estimated) AS estimated, "
    + ", ".join(f"SUM({name}) AS {name}" for name in COMPONENTS)
    + " FROM accrual WHERE entry_id IS NULL AND charge_on <= ? AND account_id IN ({ids})"
    " GROUP BY account_id, meter_id, charge_on ORDER BY account_id, charge_on, meter_id"
)


class Cut(Struct, frozen=True):
    """How much one cut charged."""

    entries: int
    accounts: int


async def cut_day(ctx: Context, site_id: int, until_on: date) -> Cut:
    """Charge everything accrued up to the end of a local day. Harmless when repeated.

    Accounts are taken 100 at a time, each hundred in one transaction.
    """
    found = await rows(
        "SELECT DISTINCT a.id FROM account a JOIN accrual c ON c.account_id = a.id"
        " WHERE a.site_id = ? AND c.entry_id IS NULL AND c.charge_on <= ? ORDER BY a.id",
        [site_id, day_number(until_on)],
    )
    entries = 0
    ids = [int(row["id"]) for row in found]
    for chunk in _chunks(ids, ACCOUNTS_AT_ONCE):
        entries += await unit_of_work(lambda chunk=chunk: _cut(ctx, chunk, until_on), "cut_day")  # type: ignore[misc]
    return Cut(entries, len(ids))


async def _cut(ctx: Context, ids: Sequence[int], until_on: date) -> int:
    accounts = {account.id: account for account in await lock_accounts(ids)}
    entries = await charge_accounts(ctx, accounts, until_on)
    await _remember_means(accounts, until_on)
    # The estimate is what it was; a new mean may cross a level that is counted in days.
    states = await whole_rows(MeterState, f"account_id IN ({marks(ids)}) ORDER BY meter_id", ids)
    await decide_changed(ctx, accounts, states, set())
    wake(ctx, f"live:{next(iter(accounts.values())).site_id}")
    return entries


async def charge_accounts(ctx: Context, accounts: Mapping[int, Account], until_on: date) -> int:
    """Turn what locked accounts of one site have accrued, up to the end of a local day, into entries.

    Returns how many. What accrues afterwards on the same day is charged later, as a revision of its own.
    """
    now = ctx.clock.now()
    marks = ",".join("?" * len(accounts))
    found = await rows(_OPEN_SQL.format(ids=marks), [day_number(until_on), *accounts])
    books = Books(ctx, next(iter(accounts.values())).site_id)
    charged: list[tuple[int, int, int, int, int]] = []
    for row in found:
        account = accounts[int(row["account_id"])]
        entry_id = _book(books, account, row, now)
        charged.append(
            (
                entry_id,
                int(row["meter_id"]),
                int(row["charge_on"]),
                int(row["total_nano"]),
                int(row["energy_wh"]),
            )
        )
    await books.write(accounts.values())
    await run_many(
        "UPDATE accrual SET entry_id=? WHERE meter_id=? AND charge_on=? AND entry_id IS NULL",
        [item[:3] for item in charged],
    )
    await _take_from_states(charged)
    return len(charged)


def _book(books: Books, account: Account, row: dict[str, Any], now: datetime) -> int:
    total = Nanoyuan(int(row["total_nano"]))
    amount_fen, rest = charge(total, Nanoyuan(account.carried_nano))
    account.carried_nano = rest
    meter_id, from_ms, to_ms = int(row["meter_id"]), int(row["from_ms"]), int(row["to_ms"])
    draft = energy_entry(
        account_id=account.id,
        meter_id=meter_id,
        from_ms=from_ms,
        to_ms=to_ms,
        revision=int(row["revision"]),
        amount_fen=amount_fen,
        parts_nano=[
            (ComponentKind(name.removesuffix("_nano").upper()), Nanoyuan(int(row[name])))
            for name in COMPONENTS
        ],
        booked_at=now,
        facts={
            "charge_on": int(row["charge_on"]),
            "energy_wh": int(row["energy_wh"]),
            "total_nano": int(total),
            "from_register_wh": int(row["from_register_wh"]),
            "to_register_wh": int(row["to_register_wh"]),
            "estimated": bool(row["estimated"]),
        },
    )
    return books.add(draft, [account])


async def _take_from_states(charged: Sequence[tuple[int, int, int, int, int]]) -> None:
    sums: dict[int, tuple[int, int]] = {}
    for _, meter_id, _, total, energy in charged:
        nano, wh = sums.get(meter_id, (0, 0))
        sums[meter_id] = (nano + total, wh + energy)
    await run_many(
        "UPDATE meter_state SET accrued_nano = accrued_nano - ?, accrued_wh = accrued_wh - ?,"
        " cut_count = cut_count + 1 WHERE meter_id = ?",
        [(nano, wh, meter_id) for meter_id, (nano, wh) in sorted(sums.items())],
    )


async def _remember_means(accounts: dict[int, Account], until_on: date) -> None:
    """Work out each account's mean daily charge; None with less than three days of data."""
    last = day_number(until_on)
    marks = ",".join("?" * len(accounts))
    found = await rows(
        f"SELECT account_id, day, SUM(cost_nano) AS cost_nano FROM usage_day WHERE account_id IN ({marks})"
        " AND day <= ? AND day > ? GROUP BY account_id, day ORDER BY account_id, day",
        [*accounts, last, day_number(date.fromordinal(until_on.toordinal() - MEAN_OVER_DAYS))],
    )
    by_account: dict[int, list[Nanoyuan]] = {}
    for row in found:
        by_account.setdefault(int(row["account_id"]), []).append(Nanoyuan(int(row["cost_nano"])))
    changes = []
    for account in accounts.values():
        mean = mean_daily(by_account.get(account.id, []))
        account.mean_daily_nano = mean
        changes.append((mean, account.id))
    await run_many("UPDATE account SET mean_daily_nano=? WHERE id=?", changes)


def _chunks(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
