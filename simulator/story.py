"""The whole story with nobody at the keyboard (全程演示): `prewatt story`.

One shop drains, is warned twice and a last time, is tripped, pays and has power again. Then 200 shops
that the engine has tripped pay at random, two a second, while every line is polled as fast as it goes.
Every process, socket, signature and character on the line is real.
"""

import argparse
import asyncio
import json
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from backend.context import Context
from backend.models.messages import Delivery, DeliveryState, Notice
from backend.models.meters import Meter
from backend.models.supply import ArrearsEpisode, Supply, SupplyOrder
from backend.services.demo_drain import drain
from backend.store import rows
from common.clock import LOCAL_ZONE, Clock
from common.wire import Relay, Stage
from simulator.phones import Shopper, shoppers
from simulator.stack import Stack, StackOptions, write_figures
from simulator.story_reads import line_kinds, read_at_random

DELAY_S = 5
PAYMENTS_PER_S = 2.0
FULL_FEN = 60_000
RESTORE_FEN = 5_000
HEAVY_PERMILLE = 600  # Of the rated power: more would be taken for a jump, and quarantined.
WAIT_S = 180.0


class Timeline:
    """Prints what happened, with the seconds since the story began."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begin_s = clock.monotonic()
        self.steps: list[dict[str, Any]] = []

    def tell(self, text: str) -> None:
        at_s = self._clock.monotonic() - self._begin_s
        self.steps.append({"at_s": round(at_s, 1), "text": text})
        print(f"{self._clock.now().astimezone(LOCAL_ZONE):%H:%M:%S} +{at_s:6.1f} s  {text}", flush=True)


async def run_story(arguments: argparse.Namespace) -> int:
    """Play the story on a fresh folder and print its figures; return 0 when all of it came true."""
    folder = Path(tempfile.mkdtemp(prefix="prewatt-story-"))
    options = StackOptions(database_url=arguments.database_url, delay_s=DELAY_S, poll_interval_s=0.0, seed=1)
    try:
        async with StackWithoutCollector(folder, options) as running:
            figures = await _play(running, arguments.payments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    write_figures(figures, arguments.json)
    return 0


class StackWithoutCollector:
    """The stack, with the collector left for later: tenants move in before the meters are read."""

    def __init__(self, folder: Path, options: StackOptions) -> None:
        self.running = Stack(folder, options)

    async def __aenter__(self) -> Stack:
        running = self.running
        try:
            await running.prepare()
            await running.load()
            await running.start("backend")
            if not running.is_sqlite:
                await running.start("worker")
        except BaseException:
            await running.close()
            raise
        return running

    async def __aexit__(self, *error: object) -> None:
        await self.running.close()


async def _play(running: Stack, payments: int) -> dict[str, Any]:
    timeline = Timeline(running.clock)
    timeline.tell("启动：模拟商场 350 块表、微信与短信、后端、Valkey")
    async with running.context() as ctx, httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
        people = await shoppers(ctx, running, client)
        timeline.tell(f"{len(people)} 户商户已登录并绑定")
        hero = await _hero(people)
        others = [person for person in people if person is not hero]
        poor = random.Random(3).sample(others, min(payments, len(others)))  # Over all lines.
        rich = [person for person in people if person not in poor]
        await _each(rich, lambda person: person.pay_and_wait(FULL_FEN), 8)
        timeline.tell(f"{len(rich)} 户已交电费，{len(poor)} 户余额为零")
        await running.start("collector")
        story = await _one_shop(ctx, running, timeline, hero)
        figures = await _many(ctx, running, timeline, poor)
    return {**story, **figures, "timeline": timeline.steps}


async def _hero(people: list[Shopper]) -> Shopper:
    """Choose a shop whose meter may carry most, so that real consumption crosses a threshold soon."""
    meters = {str(meter.account_id): meter for meter in await Meter.filter(account_id__isnull=False)}
    return max(people, key=lambda person: meters[person.account_id].rated_power_w)


async def _one_shop(ctx: Context, running: Stack, timeline: Timeline, hero: Shopper) -> dict[str, Any]:
    account_id = int(hero.account_id)
    rated_w = (await Meter.get(account_id=account_id)).rated_power_w
    await running.switch_mall(meter=hero.serial, fault="extra_w", value=rated_w * HEAVY_PERMILLE // 1_000)
    await _until(ctx, "第一次抄表", lambda: _was_read(account_id))
    for level, words in (("LOW", "一级预警"), ("CRITICAL", "二级预警"), ("LAST", "最后预警")):
        left = await drain(ctx, account_id)
        timeline.tell(f"{hero.shop} 余额降到 {left / 100:.2f} 元，等待实际用电")
        await _until(ctx, words, lambda level=level: _noticed(account_id, level))  # type: ignore[misc]
        timeline.tell(f"{hero.shop} {words}")
    await _until(ctx, "送达回执", lambda: _proved(account_id))
    channels = await _channels(account_id)
    timeline.tell(f"最后预警已送达（{'、'.join(channels)}），{DELAY_S} 秒后可断电")
    meter = await Meter.get(account_id=account_id)
    await _until(ctx, "断电", lambda: _verified(meter.id, Relay.OFF))
    timeline.tell("两次复抄确认欠费，断电并回读确认")
    began = running.clock.monotonic()
    await hero.pay(RESTORE_FEN)
    await _until(ctx, "送电", lambda: _verified(meter.id, Relay.ON), 0.02)
    timeline.tell("微信交电费 50 元：已付款 → 已入账 → 已下发 → 采集服务 → 电表应答 → 回读确认")
    await running.switch_mall(meter=hero.serial, fault="extra_w", value=0)
    return {
        "story_ok": True,
        "story_channels": channels,
        "story_paid_to_seen_s": round(running.clock.monotonic() - began, 2),
    }


async def _many(ctx: Context, running: Stack, timeline: Timeline, poor: list[Shopper]) -> dict[str, Any]:
    wanted = {int(person.account_id) for person in poor}
    await _until(ctx, f"{len(poor)} 户全部断电", lambda: _all_off(wanted), 1.0)
    timeline.tell(f"{len(poor)} 户欠费商铺都已由引擎断电并回读确认")
    source = random.Random(1)
    source.shuffle(poor)
    await running.client.post(f"{running.mall_url}/mark")
    tasks: list[asyncio.Task[str]] = []
    for person in poor:
        tasks.append(asyncio.create_task(person.pay(RESTORE_FEN)))
        await ctx.clock.sleep(source.expovariate(PAYMENTS_PER_S))
    orders = await asyncio.gather(*tasks)
    timeline.tell(f"{len(orders)} 笔付款已随机到达（每秒 {PAYMENTS_PER_S:.0f} 笔）")
    await _until(ctx, "全部恢复供电", lambda: _all_on(wanted), 0.5)
    taken = paid_to_verified(running.folder / "logs" / "backend.log", set(orders))
    figures = spread(list(taken.values()))
    timeline.tell(f"全部恢复供电，从回调最后一字节到回读确认入库：p95 {figures['p95']} s")
    if figures["n"] != len(poor):
        raise RuntimeError(f"only {figures['n']} of {len(poor)} payments were followed to their end")
    line_use = await _line_use(running)
    reads = await read_at_random(ctx, running, len(poor))
    read_now = spread([taken_s for found in reads.values() for taken_s in found])
    timeline.tell(f"{read_now['n']} 次立即抄表：p95 {read_now['p95']} s")
    return {
        "paid_to_verified_s": figures,
        "paid_to_verified_by_line_s": await _by_line(poor, orders, taken),
        "read_now_s": read_now,
        "read_now_by_line_s": {kind: spread(found) for kind, found in sorted(reads.items())},
        "steps_s": await _steps(set(orders)),
        "line_use": line_use,
    }


async def _steps(orders: set[str]) -> dict[str, dict[str, float]]:
    """Return how long each step of the restores took: from the row of the step before to its own."""
    names = ("ordered_at", "fetched_at", "sent_at", "acknowledged_at", "verified_at", "ended_at")
    taken: dict[str, list[float]] = {name: [] for name in names[1:]}
    for order in await SupplyOrder.filter(relay=Relay.ON, cause__startswith="top_up:"):
        if order.cause.removeprefix("top_up:") not in orders:
            continue
        times = [getattr(order, name) for name in names]
        for name, before, after in zip(names[1:], times, times[1:], strict=False):
            if before is not None and after is not None:
                taken[name].append((after - before).total_seconds())
    return {name.removesuffix("_at"): spread(seconds) for name, seconds in taken.items()}


async def _by_line(
    poor: list[Shopper], orders: Sequence[str], taken: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return the payments' times by kind of line: 2400 baud are not 9600."""
    meters = {str(meter.account_id): meter.id for meter in await Meter.filter(account_id__isnull=False)}
    kinds = await line_kinds()
    seconds: dict[str, list[float]] = {}
    for person, order in zip(poor, orders, strict=True):
        seconds.setdefault(kinds[meters[person.account_id]], []).append(taken[order])
    return {kind: spread(found) for kind, found in sorted(seconds.items())}


def paid_to_verified(log: Path, orders: set[str]) -> dict[str, float]:
    """Read from the backend's own log how long each payment took, by order and the backend's clock.

    From the callback's last byte to the commit of the verified outcome.
    """
    received: dict[str, datetime] = {}
    done: dict[str, datetime] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        if '"callback_taken"' not in line and '"supply_verified"' not in line:
            continue
        event = json.loads(line)
        if event["event"] == "callback_taken":
            received.setdefault(event["order_no"], datetime.fromisoformat(event["received_at"]))
        elif event["cause"].startswith("top_up:"):
            order_no = event["cause"].removeprefix("top_up:")
            done.setdefault(order_no, datetime.fromisoformat(event["committed_at"]))
    return {
        order: (done[order] - received[order]).total_seconds()
        for order in orders & done.keys() & received.keys()
    }


def spread(seconds: list[float]) -> dict[str, float]:
    """Return p50, p95, max and n."""
    if not seconds:
        return {"p50": 0.0, "p95": 0.0, "max": 0.0, "n": 0}
    ordered = sorted(seconds)
    return {
        "p50": round(ordered[len(ordered) // 2], 3),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 3),
        "max": round(ordered[-1], 3),
        "n": len(ordered),
    }


async def _line_use(running: Stack) -> dict[str, float]:
    """Return how the lines were used while the payments came, as the simulator measured it."""
    lines = (await running.client.get(f"{running.mall_url}/lines")).json()["lines"]
    shares = [item["use"]["share"] for item in lines]
    return {"min": round(min(shares), 3), "max": round(max(shares), 3)}


async def _each(people: list[Shopper], work: Callable[[Shopper], Awaitable[Any]], at_once: int) -> None:
    gate = asyncio.Semaphore(at_once)

    async def one(person: Shopper) -> None:
        async with gate:
            await work(person)

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(one(person))


async def _until(ctx: Context, what: str, is_so: Callable[[], Awaitable[bool]], every_s: float = 0.2) -> None:
    deadline = ctx.clock.monotonic() + WAIT_S
    while not await is_so():
        if ctx.clock.monotonic() > deadline:
            raise RuntimeError(f"等了 {WAIT_S:.0f} 秒仍没有：{what}")
        await ctx.clock.sleep(every_s)


async def _was_read(account_id: int) -> bool:
    found = await rows(
        "SELECT COUNT(*) AS n FROM meter_state WHERE account_id = ? AND read_at IS NOT NULL", [account_id]
    )
    return bool(found[0]["n"])


async def _noticed(account_id: int, level: str) -> bool:
    return await Notice.exists(account_id=account_id, level=level)


async def _proved(account_id: int) -> bool:
    return await ArrearsEpisode.exists(account_id=account_id, ended_at=None, proof_at__isnull=False)


async def _channels(account_id: int) -> list[str]:
    notice = await Notice.get(account_id=account_id, level="LAST")
    found = await Delivery.filter(notice_id=notice.id, state=DeliveryState.DELIVERED)
    return sorted({row.channel for row in found})


async def _verified(meter_id: int, relay: Relay) -> bool:
    order = await SupplyOrder.filter(meter_id=meter_id).order_by("-generation").first()
    return order is not None and order.relay is relay and order.end_stage is Stage.VERIFIED


async def _all_off(accounts: set[int]) -> bool:
    return await _count(accounts, Relay.OFF) == len(accounts)


async def _all_on(accounts: set[int]) -> bool:
    return await _count(accounts, Relay.ON) == len(accounts)


async def _count(accounts: set[int], relay: Relay) -> int:
    found = await Supply.filter(account_id__in=sorted(accounts), desired=relay)
    return len({row.account_id for row in found if row.generation == row.verified_generation > 0})
