"""A kill -9 at each named failpoint loses and doubles nothing (断点).

Two phases. While the engine warns and trips every shop, the processes die at the points on that way;
while the tripped shops pay one after the other, at the points on the way from the order to the power.
Each process dies at its own points in turn and is started again at once, armed with the next. Half of
the callbacks are lost, so that the worker books too, and Redis is emptied every other second.
"""

import asyncio
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis

from benchmarks.prove_case import Case, Shown
from benchmarks.prove_dark import DarkMall, Payment, pay_until_powered, prepared_mall
from simulator.phones import Shopper
from simulator.stack import Stack

SHOPS, SHOPS_SHORT = 56, 16
AMOUNT_FEN = 20_000
PAY_EVERY_S = 2.0
REACHED_WITHIN_S = 90.0
FLUSH_EVERY_S = 2.0
DROPPED_SHARE = 0.5

# While shops are warned and tripped. "@n": the n-th time it is passed.
TRIPPING: dict[str, tuple[str, ...]] = {
    "backend": (
        "take_readings:before_commit@3",
        "take_readings:after_commit@3",
        "accept_receipt:before_commit@3",
        "accept_receipt:after_commit@3",
    ),
    "worker": (
        "claim:after_commit",
        "send_notice:before_commit@2",
        "message_sent:after_commit@3",
        "check_supply:before_commit@2",
        "check_supply:after_commit@2",
    ),
    "collector": ("collector.readings.sending@2", "collector.readings.acknowledged@2"),
}
# While shops pay.
PAYING: dict[str, tuple[str, ...]] = {
    "backend": (
        "begin_top_up:before_commit",
        "begin_top_up:after_commit",
        "top_up_prepared:before_commit",
        "top_up_prepared:after_commit",
        "top_up_returned:before_commit",
        "top_up_returned:after_commit",
        "book_payment:before_commit",
        "book_payment:after_commit",
        "accept_outcome:before_commit",
        "accept_outcome:after_commit",
    ),
    "worker": (
        "job_query_payment:before",
        "job_query_payment:after",
        "book_payment:before_commit",
        "book_payment:after_commit",
        "outbox_done:before_commit",
        "outbox_done:after_commit",
    ),
    "collector": (
        "collector.order.kept",
        "collector.write.sending",
        "collector.write.answered",
        "collector.outcomes.sending",
        "collector.outcomes.acknowledged",
    ),
}
PAYING_SHORT: dict[str, tuple[str, ...]] = {
    "backend": ("book_payment:after_commit",),
    "worker": ("job_query_payment:after",),
    "collector": ("collector.write.answered",),
}


@dataclass
class Kills:
    """Where processes have died so far, as "process name"."""

    reached: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def prove_failpoints(case: Case) -> Shown:
    """Kill at every point, then compare all with the truth; figures: failpoints_ok and the list."""
    shown, kills = Shown(), Kills()
    tripping = dict.fromkeys(TRIPPING, ()) if case.is_short else TRIPPING
    paying = PAYING_SHORT if case.is_short else PAYING
    async with prepared_mall(case, "failpoints", case.pick(SHOPS, SHOPS_SHORT)) as mall:
        running = mall.running
        await running.kill("backend")
        walks = [walk(case, running, name, points, kills) for name, points in tripping.items()]
        await asyncio.gather(*walks)
        dark = await mall.wait_until_dark()
        payments = await _pay_through(case, mall, dark, paying, kills)
        shown.take(await mall.faults(payments))
    expected = [
        f"{name} {point}" for phase in (tripping, paying) for name, all_ in phase.items() for point in all_
    ]
    shown.take(kills.faults)
    powered_s = [each.powered_s for each in payments if each.powered_s is not None]
    shown.expect(
        sorted(kills.reached) == sorted(expected), f"reached {len(kills.reached)} of {len(expected)}"
    )
    shown.figures = {
        "failpoints_ok": 0 if shown.faults else len(kills.reached),
        "failpoints": kills.reached,
        "failpoints_unproved": len(mall.people) - len(dark),
        "failpoints_payments": len(payments),
        "failpoints_powered": len(powered_s),
        "failpoints_max_s": round(max(powered_s), 1) if powered_s else None,
    }
    return shown


async def walk(case: Case, running: Stack, name: str, points: Sequence[str], kills: Kills) -> None:
    """Let one process die at its points in turn; at the end it runs unarmed."""
    for point in points:
        child = await running.start(name, {"PREWATT_FAILPOINT": point})
        assert child.process is not None
        try:
            async with asyncio.timeout(REACHED_WITHIN_S):
                code = await child.process.wait()
        except TimeoutError:
            kills.faults.append(f"{name} never came to {point}")
            await running.kill(name)
            continue
        if code == -signal.SIGKILL:
            kills.reached.append(f"{name} {point}")
        else:
            kills.faults.append(f"{name} ended with {code} before {point}")
    await running.start(name)


async def _pay_through(
    case: Case, mall: DarkMall, dark: list[Shopper], points: dict[str, tuple[str, ...]], kills: Kills
) -> list[Payment]:
    """Let shop after shop pay while the processes die; return when all who paid were looked after."""
    running = mall.running
    rng = random.Random(running.options.seed)
    await running.switch_world(pay={"set": [{"fault": "callback_dropped", "rate": DROPPED_SHARE}]})
    for name in points:
        await running.kill(name)
    flushing = asyncio.create_task(_flush_forever(case, running))
    walks = [asyncio.create_task(walk(case, running, name, all_, kills)) for name, all_ in points.items()]
    paying: list[asyncio.Task[Payment]] = []
    try:
        for person in dark:
            paying.append(asyncio.create_task(pay_until_powered(case.clock, person, AMOUNT_FEN, rng)))
            await asyncio.wait(walks, timeout=PAY_EVERY_S)
        await asyncio.gather(*walks)
        return list(await asyncio.gather(*paying))
    finally:
        for task in (flushing, *walks, *paying):
            task.cancel()
        await asyncio.gather(flushing, *walks, *paying, return_exceptions=True)


async def _flush_forever(case: Case, running: Stack) -> None:
    """Empty Redis again and again: nothing of value may be in it."""
    assert running.valkey is not None
    client = Redis.from_url(running.valkey.url)
    try:
        while True:
            await client.flushall()
            await case.clock.sleep(FLUSH_EVERY_S)
    finally:
        await client.aclose()
