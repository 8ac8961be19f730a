"""The watch list: meters near a limit are read often, few enough for their line, and each for a reason."""

import asyncio
from pathlib import Path

import pytest

from backend.models.accounts import Account
from backend.models.operations import Collector
from backend.services.collector_link import poll_desired
from backend.services.control_supply import trip
from common.wire import DesiredAnswer, DesiredQuery
from tests.services.mall import SmallMall, small_mall


async def poll(mall: SmallMall, watching: list[str] | None = None, wait_s: float = 0) -> DesiredAnswer:
    meters = {str((await mall.supply(f"A{n:03d}")).meter_id): 99 for n in (1, 2, 3)}
    query = DesiredQuery(held=meters, wait_s=wait_s, clock_offset_s=0.0, watching=watching or [])
    return await poll_desired(mall.as_collector, query)


async def name(mall: SmallMall, shop: str = "A001") -> str:
    return str((await mall.meter(shop)).id)


async def limit(mall: SmallMall, power_limit_w: int, shop: str = "A001") -> None:
    account = await mall.account(shop)
    await Account.filter(id=account.id).update(power_limit_w=power_limit_w)


@pytest.fixture
async def rich(mall: SmallMall) -> SmallMall:
    """Every shop has 500 yuan and was read."""
    for shop in ("A001", "A002", "A003"):
        await mall.pay(50_000, shop)
        await mall.read(shop, power_w=100)
    return mall


async def test_nobody_near_a_limit_is_watched(rich: SmallMall) -> None:
    assert (await poll(rich)).watch == []


@pytest.mark.mariadb
async def test_a_meter_at_four_fifths_of_its_limit_is_watched_and_leaves_below_seven_tenths(
    rich: SmallMall,
) -> None:
    await limit(rich, 1_000)
    meter = await name(rich)
    found = []
    watching: list[str] = []
    for power_w in (790, 800, 700, 699, 790):
        rich.clock.advance(10)
        await rich.read(power_w=power_w)
        watching = (await poll(rich, watching)).watch
        found.append(watching)

    assert found == [[], [meter], [meter], [], []]


@pytest.mark.mariadb
async def test_an_account_near_a_level_or_its_end_is_watched(mall: SmallMall) -> None:
    await mall.pay(10_150)  # The low level is 100 yuan.
    await mall.pay(190, "A002")
    await mall.pay(30_000, "A003")
    for shop in ("A001", "A002", "A003"):
        await mall.read(shop, power_w=8_000)  # Two yuan in ten minutes.

    assert (await poll(mall)).watch == sorted([await name(mall), await name(mall, "A002")])


async def test_two_yuan_last_a_kiosk_for_hours(mall: SmallMall) -> None:
    await mall.pay(200)
    await mall.read(power_w=300)

    assert (await poll(mall)).watch == []


async def test_ten_minutes_of_a_busy_shop_count_by_its_mean_too(rich: SmallMall) -> None:
    account = await rich.account()
    day_nano = 144 * 200 * 10**9  # 400 yuan in ten busy minutes.
    await Account.filter(id=account.id).update(mean_daily_nano=day_nano, level=2)

    assert (await poll(rich)).watch == []
    await Account.filter(id=account.id).update(mean_daily_nano=day_nano * 2)
    assert (await poll(rich)).watch == [await name(rich)]


async def test_a_meter_that_is_tripped_is_not_watched(mall: SmallMall) -> None:
    await mall.pay(190)
    await mall.read(power_w=8_000)
    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")

    assert (await poll(mall)).watch == []


async def test_an_account_in_arrears_is_not_watched_all_night(mall: SmallMall) -> None:
    await mall.drain()

    assert (await poll(mall)).watch == []


async def test_a_collector_that_holds_the_list_waits(mall: SmallMall) -> None:
    await mall.pay(190)
    await mall.read(power_w=8_000)
    waiting = asyncio.create_task(poll(mall, [await name(mall)], wait_s=20))
    await asyncio.sleep(0.05)

    assert not waiting.done()
    waiting.cancel()


@pytest.mark.mariadb
async def test_a_waiting_collector_is_woken_when_the_list_changes(rich: SmallMall) -> None:
    await limit(rich, 1_000)
    waiting = asyncio.create_task(poll(rich, wait_s=20))
    await asyncio.sleep(0.1)
    rich.clock.advance(5)

    await rich.read(power_w=900)

    meter = await name(rich)
    assert (await asyncio.wait_for(waiting, 5)).watch == [meter]
    assert (await Collector.get()).watching == f'["{meter}"]'


async def test_each_line_has_its_most_urgent_eight(store: str, tmp_path: Path) -> None:
    mall = await small_mall(tmp_path, shops=10)
    for number in range(1, 11):
        shop = f"A{number:03d}"
        await mall.pay(50_000, shop)
        await limit(mall, 1_000, shop)
        await mall.read(shop, power_w=800 + 10 * number)

    watch = (await poll(mall)).watch

    assert len(watch) == 8
    assert await name(mall, "A001") not in watch
    assert await name(mall, "A010") in watch


async def test_an_order_goes_out_with_the_list_as_it_is_held(rich: SmallMall) -> None:
    await limit(rich, 1_000)
    rich.clock.advance(5)
    await rich.read(power_w=900)
    await trip(rich.as_staff(5), (await rich.meter("A002")).id, "线路检修")

    found = []
    for held in ({}, {await name(rich, "A002"): 1}):
        query = DesiredQuery(held=held, wait_s=0, clock_offset_s=0.0)
        answer = await poll_desired(rich.as_collector, query)
        found.append((len(answer.desired), answer.watch))

    assert found == [(1, []), (0, [await name(rich)])]
