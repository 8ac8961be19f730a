"""Paid means powered while Redis is gone (断开 Redis)."""

import asyncio
import os
import random
import signal

from benchmarks.prove_case import Case, Shown
from benchmarks.prove_dark import Payment, pay_until_powered, prepared_mall

PAYMENTS, PAYMENTS_SHORT = 50, 10
SPARE = 2
AMOUNT_FEN = 20_000
STARTS_WITHIN_S = 20.0


async def prove_redis_down(case: Case) -> Shown:
    """Trip a mall, kill Redis for good, let shops pay; figures: redis_down_powered, and how fast."""
    shown = Shown()
    number = case.pick(PAYMENTS, PAYMENTS_SHORT)
    async with prepared_mall(case, "redis", number + SPARE) as mall:
        await mall.running.start("worker")
        await mall.running.start("collector")
        people = await mall.wait_until_dark()
        shown.expect(len(people) == number + SPARE, f"only {len(people)} shops are dark")
        valkey = mall.running.valkey
        assert valkey is not None
        os.kill(valkey.pid, signal.SIGKILL)
        await valkey.stop()  # Or it would be started again at once.
        rng = random.Random(mall.running.options.seed)

        async def pay(index: int) -> Payment:
            await case.clock.sleep(STARTS_WITHIN_S * index / number)
            return await pay_until_powered(case.clock, people[index], AMOUNT_FEN, rng)

        payments = await asyncio.gather(*(pay(index) for index in range(number)))
        shown.expect(valkey.pid == 0, "Redis ran")
        shown.take(await mall.faults(payments))
    powered_s = sorted(each.powered_s for each in payments if each.powered_s is not None)
    shown.figures = {
        "redis_down_payments": number,
        "redis_down_powered": len(powered_s),
        "redis_down_max_s": round(powered_s[-1], 2) if powered_s else None,
        "redis_down_median_s": round(powered_s[len(powered_s) // 2], 2) if powered_s else None,
    }
    shown.expect(len(powered_s) == number, f"{len(powered_s)} of {number} have power")
    return shown
