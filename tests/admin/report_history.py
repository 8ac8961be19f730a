"""Some weeks of money and energy for the reports: shops that end with what they began with.

Nothing of it is of today or yesterday, so that what other tests count stays as it is.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from backend.domain.ledger import EntryDraft, energy_entry, reversal_entry, top_up_entry
from backend.domain.tariffs import ComponentKind
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.people import Staff
from backend.models.site import Shop
from backend.services.books import Books
from backend.services.locks import lock_accounts
from backend.services.readings_store import READING, add_days, add_hours, ms_of
from backend.services.show_usage import day_number
from backend.store import run_many, unit_of_work, upsert_sql
from common.clock import local, local_midnight
from common.units import Fen, Nanoyuan
from tests.pages.stage import OnStage

DAYS = 40
SHOPS = 12
CHANNELS = ("cash", "transfer", "card", "wechat")
READINGS_A_DAY = 288


async def make_history(stage: OnStage) -> None:
    """Book and count the days up to the day before yesterday."""
    now = stage.clock.now()
    today = local_midnight(local(now).date())
    days = [today - timedelta(days=number) for number in range(DAYS, 1, -1)]
    shops = list(await Shop.filter(site_id=stage.collector.site_id, practice=False).order_by("code"))
    accounts = [await Account.get(shop_id=shop.id, closed_at=None) for shop in shops[-SHOPS:]]
    cashier = await Staff.get(username="cashier")
    await unit_of_work(lambda: _book(stage, days, [one.id for one in accounts], cashier))
    await unit_of_work(lambda: _count(days, [one.id for one in accounts]))
    await unit_of_work(lambda: _read(days[-2:]))


async def _book(stage: OnStage, days: list[datetime], ids: list[int], cashier: Staff) -> None:
    random = Random(5)
    accounts = await lock_accounts(sorted(ids))
    books = Books(stage.ctx, stage.collector.site_id)
    number = 0
    for day in days:
        for account_id in random.sample(ids, 5):
            number += 1
            fen, at = random.randrange(50, 900) * 100 + random.randrange(100), day + timedelta(hours=10)
            channel = random.choice(CHANNELS)
            paid = _paid(account_id, fen, f"counter:history-{number}", at, channel, cashier)
            books.add(paid, accounts)
            if random.random() < 0.08:
                books.add(
                    reversal_entry(
                        paid, booked_at=at + timedelta(hours=2), reason="金额录错", asked_by=1, approved_by=2
                    ),
                    accounts,
                )
            else:
                books.add(_charged(account_id, fen, number, at + timedelta(hours=14)), accounts)
    await books.write(accounts)


def _paid(account_id: int, fen: int, cause: str, at: datetime, channel: str, cashier: Staff) -> EntryDraft:
    facts: dict[str, Any] = {"method": channel, "payer": '=HYPERLINK("x")'}
    if channel != "wechat":
        facts |= {"staff_id": str(cashier.id), "staff_name": cashier.name, "receipt": cause[-6:]}
    return top_up_entry(
        account_id=account_id, amount_fen=Fen(fen), cause=cause, booked_at=at, channel=channel, facts=facts
    )


def _charged(account_id: int, fen: int, number: int, at: datetime) -> EntryDraft:
    return energy_entry(
        account_id=account_id,
        meter_id=1,
        from_ms=number,
        to_ms=number + 1,
        revision=0,
        amount_fen=Fen(fen),
        parts_nano=[(ComponentKind.ENERGY, Nanoyuan(6)), (ComponentKind.TRANSMISSION, Nanoyuan(4))],
        booked_at=at,
        facts={"charge_on": day_number(local(at).date()), "energy_wh": fen * 12},
    )


async def _count(days: list[datetime], account_ids: list[int]) -> None:
    """Roll up energy of some shops and of all public meters, by hour and by day."""
    random = Random(6)
    meters = await Meter.filter(account_id__in=account_ids) + await Meter.filter(kind="public")
    hours, sums = [], []
    for meter in meters:
        for day in days:
            used = [random.randrange(80, 900) * (3 if 9 <= hour < 22 else 1) for hour in range(24)]
            hours += [
                (meter.id, ms_of(day + timedelta(hours=hour)), wh, wh * 700_000, 0)
                for hour, wh in enumerate(used)
            ]
            peak, valley = sum(used[10:13]) + sum(used[17:22]), sum(used[:8])
            total = sum(used)
            on = day_number(local(day).date())
            sums.append(
                (meter.id, on, meter.account_id, total, 0, peak, total - peak - valley, valley, 0, 0, 0)
            )
    await add_hours(hours)
    await add_days(sums)


async def _read(days: list[datetime]) -> None:
    rows = []
    for meter in await Meter.filter(retired_at=None):
        for day in days:
            for number in range(READINGS_A_DAY):
                at = ms_of(day) + number * (86_400_000 // READINGS_A_DAY)
                rows.append(
                    (
                        *(meter.id, at, "poll", meter.site_id, at + 1500, 500_000 + number * 40),
                        *(None, None, None, None, 1_240, "ON", "accepted"),
                    )
                )
    await run_many(upsert_sql("reading", READING, READING[:3], keep=READING[3:]), rows)
