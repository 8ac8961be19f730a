"""Payments whose callbacks are all lost are booked by query soon after the phone is back (回调全丢)."""

import asyncio
import random

from backend.store import rows
from benchmarks.prove_books import Paid, ledger_faults
from benchmarks.prove_case import Case, Shown
from benchmarks.prove_front import open_front
from common.clock import Clock
from simulator.pay_faults import PayFault
from simulator.phones import Shopper

PAYMENTS, PAYMENTS_SHORT = 200, 20
SHOPS, SHOPS_SHORT = 40, 10
QUERIED_WITHIN_S = 15.0
GIVE_UP_S = 60.0
FOLLOW_EVERY_S = 1.0
STARTS_WITHIN_S = 2.0


async def prove_dropped(case: Case) -> Shown:
    """Every shop pays several times; figures: queried_n, queried_max_s (phone's return to booked)."""
    shown = Shown()
    shops, number = case.pick(SHOPS, SHOPS_SHORT), case.pick(PAYMENTS, PAYMENTS_SHORT)
    async with open_front(case, "dropped", shops, worker=True) as opened:
        front = opened.front
        front.world.pay.switches.set(PayFault.CALLBACK_DROPPED)
        rng = random.Random(front.options.seed)
        waits: list[float] = []
        for _ in range(number // shops):
            plans = [(rng.randrange(1_000, 50_000), rng.uniform(0, STARTS_WITHIN_S)) for _ in opened.people]
            waits += await asyncio.gather(
                *(_pay(case.clock, person, *plan) for person, plan in zip(opened.people, plans, strict=True))
            )
        legs = await rows("SELECT booked_by, COUNT(*) AS n FROM top_up GROUP BY booked_by")
        arrived = [each for each in front.world.pay.callbacks.deliveries if each.kind != "dropped"]
        paid = [
            Paid(each.out_trade_no, each.transaction_id, each.amount_fen)
            for each in front.world.pay.paid_orders()
        ]
        shown.take(await ledger_faults(paid, front.settings.ledger_key))
    by_leg = {str(row["booked_by"]): int(row["n"]) for row in legs}
    slowest_s = max(waits)
    shown.figures = {
        "queried_n": by_leg.get("query", 0),
        "queried_max_s": round(slowest_s, 2),
        "queried_median_s": round(sorted(waits)[len(waits) // 2], 2),
    }
    shown.expect(not arrived, f"{len(arrived)} callbacks arrived")
    shown.expect(by_leg == {"query": number}, f"booked by {by_leg}, not all {number} by query")
    shown.expect(slowest_s <= QUERIED_WITHIN_S, f"the slowest took {slowest_s:.1f} s")
    return shown


async def _pay(clock: Clock, person: Shopper, amount_fen: int, after_s: float) -> float:
    """Pay, look at once and then every second, as the mini-program does; return seconds until booked."""
    await clock.sleep(after_s)
    order_no = await person.pay(amount_fen)
    returned_s = clock.monotonic()
    while (await person.phone.follow(order_no))["state"] != "booked":
        if clock.monotonic() - returned_s > GIVE_UP_S:
            return GIVE_UP_S
        await clock.sleep(FOLLOW_EVERY_S)
    return clock.monotonic() - returned_s
