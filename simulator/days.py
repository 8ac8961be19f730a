"""N days of the whole mall on virtual time (虚拟运行): `prewatt days N --seed S`.

Everything but sockets and clock is real. Each virtual hour every law is checked; the same seed gives the
same ledger hash.
"""

import asyncio
import logging
import random
import shutil
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from backend.domain.ledger import EntryDraft, EntryKind, PostingDraft, ledger_hash
from backend.models.accounts import Account
from backend.models.supply import SupplyOrder
from backend.services.verify_books import verify_books
from backend.store import rows, some_utc
from common.clock import LOCAL_ZONE, LoopClock, SystemClock, local_midnight, run_virtual
from common.units import Fen
from common.wire import Relay, Stage
from simulator.days_faulty import MUST_BE_ZERO, FaultyDays
from simulator.laws import broken_laws
from simulator.phone import PhoneError
from simulator.site_file import SitePolicy
from simulator.stack import write_figures
from simulator.tenants import Tenant
from simulator.whole import WholeMall, whole_mall

BEGIN = local_midnight(date(2026, 3, 2))  # A Monday.
POLICY = SitePolicy(delay_s=1_800, poll_interval_s=300.0)
MIN_FEN, MAX_FEN = 2_000, 30_000
QUIET_HEALTH_S = 300.0  # A report costs real time here and no virtual time.
FAULTY_HEALTH_S = 20.0  # A gateway may be away for no more than a minute.
LOOK_S = (3_600.0, 10_800.0)  # How often a tenant looks at the phone.


def run_days(
    days: int,
    seed: int,
    json_file: Path | None,
    shops: int = 300,
    *,
    faults: bool = False,
    mixed: bool = True,
) -> int:
    """Run the mall for so many days and print what happened; return 1 when a law was broken.

    shops:  fewer than the mall's 300 for a quick run; public meters in proportion.
    faults: plant some, see simulator/days_planted.py, and judge what became of them.
    mixed:  False for a mall that speaks Modbus TCP alone.
    """
    began = SystemClock().monotonic()
    folder = Path(tempfile.mkdtemp(prefix="prewatt-days-"))
    if faults:
        logging.getLogger("collector").setLevel(logging.ERROR)  # Lost lines are what we have asked for.
    try:
        figures = run_virtual(lambda: _run(folder, days, seed, shops, with_faults=faults, mixed=mixed))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wall_s = SystemClock().monotonic() - began
    figures["days_wall_s"] = round(wall_s, 1)
    figures["days_per_minute"] = round(days * 60 / wall_s, 2)
    write_figures(figures, json_file)
    return 1 if figures["laws_broken"] or any(figures.get(key) for key in MUST_BE_ZERO) else 0


async def _run(
    folder: Path, days: int, seed: int, shops: int, *, with_faults: bool, mixed: bool
) -> dict[str, Any]:
    clock = LoopClock(BEGIN)
    broken: list[str] = []
    async with whole_mall(
        folder,
        seed,
        clock,
        policy=POLICY,
        prepaid=shops,
        public=shops // 6,
        mixed=mixed,
        health_s=FAULTY_HEALTH_S if with_faults else QUIET_HEALTH_S,
    ) as whole:
        faulty = FaultyDays(whole, BEGIN, days, seed) if with_faults else None
        people = [
            asyncio.create_task(_live(whole, tenant, random.Random(f"{seed}:{tenant.shop}")))
            for tenant in whole.tenants.values()
        ]
        if faulty is not None:
            people.append(asyncio.create_task(faulty.plant()))
        try:
            for hour in range(1, days * 24 + 1):
                await clock.sleep((BEGIN + timedelta(hours=hour) - clock.now()).total_seconds())
                found = await (broken_laws(whole) if faulty is None else faulty.broken_laws())
                broken += [f"{clock.now().astimezone(LOCAL_ZONE):%m-%d %H:%M} {item}" for item in found]
                if hour % 24 == 0:
                    await _print_day(whole, hour // 24)
        finally:
            for task in people:
                task.cancel()
            await asyncio.gather(*people, return_exceptions=True)
        broken += await verify_books(whole.ctx.settings.ledger_key)
        for item in broken[:50]:
            print("违反：", item, flush=True)
        return {
            "days": days,
            "seed": seed,
            "shops": shops,
            **await _figures(whole),
            "laws_broken": len(broken),
            **({} if faulty is None else await faulty.figures(POLICY.poll_interval_s)),
        }


async def _live(whole: WholeMall, tenant: Tenant, source: random.Random) -> None:
    """Live as a shop's person: some pay early, some when warned, some only when the lights go out."""
    habit = source.choices(("early", "warned", "late"), (0.5, 0.35, 0.15))[0]
    await _pay(tenant, source.randrange(MIN_FEN, MAX_FEN, 100))
    while True:
        await whole.clock.sleep(source.uniform(*LOOK_S))
        home = (await tenant.phone.home())["accounts"][0]
        is_off = any(item["desired"] == "OFF" for item in home["supplies"])
        wanted = {"early": home["level"] >= 1, "warned": home["level"] >= 2, "late": is_off}[habit]
        if wanted or (is_off and source.random() < 0.5):
            await _pay(tenant, max(home["to_restore_fen"], source.randrange(MIN_FEN, MAX_FEN, 100)))


async def _pay(tenant: Tenant, amount_fen: int) -> None:
    try:
        order = await tenant.phone.top_up(tenant.account_id, max(1_000, amount_fen))
        if order.pay is not None:
            await tenant.phone.pay(order)
            await tenant.phone.follow(order.order_no)
    except PhoneError:
        return  # Shown to the person, who tries again at the next look.


async def _print_day(whole: WholeMall, day: int) -> None:
    figures = await _figures(whole)
    print(f"第 {day} 天：{figures}", flush=True)


async def _figures(whole: WholeMall) -> dict[str, Any]:
    entries = await _entries()
    kinds = Counter(entry.kind.value for entry in entries)
    orders = await SupplyOrder.filter(site_id=whole.site_id)
    verified = Counter(order.relay for order in orders if order.end_stage is Stage.VERIFIED)
    (readings,) = await rows("SELECT COUNT(*) AS n FROM reading")
    return {
        "days_hash": ledger_hash(entries),
        "entries": dict(sorted(kinds.items())),
        "readings": int(readings["n"]),
        "trips_verified": verified[Relay.OFF],
        "restores_verified": verified[Relay.ON],
        "paid_fen": sum(order.amount_fen for order in whole.world.pay.paid_orders()),
        "in_arrears": await Account.filter(in_arrears=True).count(),
    }


async def _entries() -> list[EntryDraft]:
    legs: dict[int, list[PostingDraft]] = {}
    for row in await rows("SELECT entry_id, ledger_account, amount_fen FROM posting ORDER BY id"):
        legs.setdefault(int(row["entry_id"]), []).append(
            PostingDraft(row["ledger_account"], Fen(int(row["amount_fen"])))
        )
    names = await _names()
    return [
        EntryDraft(
            kind=EntryKind(row["kind"]),
            cause=_without_ids(row["cause"], names),
            booked_at=some_utc(row["booked_at"]),
            postings=tuple(
                PostingDraft(_without_ids(leg.ledger_account, names), leg.amount_fen)
                for leg in legs.get(int(row["id"]), [])
            ),
            facts={},
        )
        for row in await rows("SELECT id, kind, cause, booked_at FROM entry ORDER BY id")
    ]


async def _names() -> dict[str, str]:
    """Map ids to the codes of shops and meters: the hash is of what happened, without ids."""
    names = {
        str(row["id"]): row["code"]
        for row in await rows("SELECT a.id, s.code FROM account a JOIN shop s ON s.id = a.shop_id")
    }
    return names | {str(row["id"]): row["serial"] for row in await rows("SELECT id, serial FROM meter")}


def _without_ids(text: str, names: dict[str, str]) -> str:
    return ":".join(names.get(part, part) for part in text.split(":"))
