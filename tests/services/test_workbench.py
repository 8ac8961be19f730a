"""The workbench: tiles by right, each a number or why there is none; who runs out; what waits for whom."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from backend.context import Context
from backend.domain.ledger import top_up_entry
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.models.people import Staff
from backend.models.site import Shop
from backend.services.alarm_book import raise_alarm
from backend.services.approval_inbox import list_waiting
from backend.services.audit import record
from backend.services.books import book
from backend.services.cut_day import cut_day
from backend.services.keep_supply import ask_keep_supply
from backend.services.locks import lock_account
from backend.services.meter_changes import Replacement, ask_change
from backend.services.workbench import Workbench, show_workbench
from backend.services.workbench_tiles import Tile
from backend.store import unit_of_work
from common.units import Fen
from tests.services.mall import SmallMall

MANAGER = (
    "staff.board",
    "staff.command.view",
    "staff.report.sales",
    "staff.tenant.view",
    "staff.alarm.handle",
)


def tile(bench: Workbench, key: str) -> Tile:
    (found,) = [one for one in bench.tiles if one.key == key]
    return found


async def bench_of(mall: SmallMall, *permissions: str, number: int = 1) -> Workbench:
    return await show_workbench(mall.as_staff(number, *(permissions or MANAGER)))


async def take(mall: SmallMall, fen: int, staff_id: int, channel: str = "cash", shop: str = "A001") -> None:
    """A payment at the counter."""

    async def work() -> None:
        account = await lock_account((await mall.account(shop)).id)
        draft = top_up_entry(
            account_id=account.id,
            amount_fen=Fen(fen),
            cause=f"counter:{mall.ctx.ids.new()}",
            booked_at=mall.clock.now(),
            channel=channel,
            facts={"staff_id": str(staff_id), "method": channel},
        )
        await book(mall.ctx, mall.site_id, draft, [account])

    await unit_of_work(work)


@pytest.mark.mariadb
async def test_todays_money_is_the_ledgers_and_a_cashiers_is_the_own(mall: SmallMall) -> None:
    await take(mall, 10_000, staff_id=1)
    await take(mall, 5_000, staff_id=2)
    await take(mall, 99_900, staff_id=1, channel="practice")
    await mall.pay(2_000)

    everything = tile(await bench_of(mall), "top_ups")
    own = tile(await bench_of(mall, "staff.report.own"), "own_top_ups")

    assert (everything.value, everything.count) == (17_000, 3)
    assert (own.value, own.count) == (10_000, 1)


async def test_what_came_in_yesterday_is_not_todays(mall: SmallMall) -> None:
    await take(mall, 10_000, staff_id=1)
    mall.clock.move_to(datetime(2026, 3, 2, 16, 0, 1, tzinfo=UTC))  # One second after midnight here.

    assert tile(await bench_of(mall), "top_ups").value == 0


@pytest.mark.mariadb
async def test_todays_energy_stands_beside_yesterdays_up_to_the_same_minute(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(1_800)  # 11:00.
    await mall.read(used_wh=3_000)
    mall.clock.advance(86_400 - 1_800)  # 10:30 of the next day.
    await mall.read(used_wh=23_500)
    bench = await bench_of(mall)

    energy = tile(bench, "energy")
    assert bench.hours is not None
    assert energy.value == sum(hour.today_wh or 0 for hour in bench.hours)
    assert energy.compare == (bench.hours[10].yesterday_wh or 0) // 2 == 1_500
    assert bench.hours[20].today_wh is None


async def test_without_readings_there_is_no_energy_and_it_says_why(mall: SmallMall) -> None:
    energy = tile(await bench_of(mall), "energy")

    assert (energy.value, energy.why) == (None, "今天还没有抄表数据")


async def test_shops_that_run_out_come_with_the_fewest_days_first(mall: SmallMall) -> None:
    for shop, fen, mean_fen in (("A001", 10_000, 1_000), ("A002", 3_000, 6_000), ("A003", 50_000, 1_000)):
        await mall.pay(fen, shop)
        await mall.read(shop)
        account = await mall.account(shop)
        await Account.filter(id=account.id).update(mean_daily_nano=mean_fen * 10_000_000)

    bench = await bench_of(mall)

    assert bench.running_out is not None
    assert [row.shop_code for row in bench.running_out] == ["A002", "A001", "A003"]
    assert bench.running_out[0].phone == "13900000002"
    assert (tile(bench, "soon").value, tile(bench, "off").value) == (1, 0)


async def test_phones_are_for_those_who_may_see_them(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.read()
    await Account.all().update(mean_daily_nano=10_000_000_000)

    bench = await bench_of(mall, "staff.board")

    assert bench.running_out is not None
    assert [row.phone for row in bench.running_out] == [None]


async def test_a_shop_that_is_off_counts_as_off_and_runs_out_no_more(mall: SmallMall) -> None:
    await mall.cut_off()

    bench = await bench_of(mall)

    assert (tile(bench, "off").value, tile(bench, "soon").value) == (1, 0)
    assert bench.running_out == []


async def test_silent_meters_alarms_and_orders_are_counted(mall: SmallMall) -> None:
    meter = await mall.meter()
    await MeterState.filter(meter_id=meter.id).update(silent_since_at=mall.clock.now())
    await unit_of_work(lambda: raise_alarm(mall.ctx, mall.site_id, "meter_clock", "1", "t"))
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await MeterState.filter(meter_id=meter.id).update(silent_since_at=None)
    await mall.confirm()
    await MeterState.filter(meter_id=meter.id).update(silent_since_at=mall.clock.now())

    bench = await bench_of(mall)

    assert (tile(bench, "offline").value, tile(bench, "orders").value) == (1, 1)
    assert (tile(bench, "alarms").value or 0) >= 1


async def test_each_right_brings_its_tiles(mall: SmallMall) -> None:
    nothing = await bench_of(mall, "staff.users.view")
    electrician = await bench_of(mall, "staff.board", "staff.command.view", "staff.alarm.handle")

    assert [one.key for one in nothing.tiles] == ["approvals"]
    assert (nothing.running_out, nothing.hours, nothing.shafts) == (None, None, None)
    assert [one.key for one in electrician.tiles] == [
        "energy", "soon", "off", "offline", "alarms", "orders", "approvals",
    ]  # fmt: skip
    assert electrician.shafts is not None
    assert [(shaft.name, shaft.meters, shaft.silent) for shaft in electrician.shafts] == [
        ("1 号强电井", 4, 4)
    ]


async def test_a_practice_shop_counts_nowhere(mall: SmallMall) -> None:
    await mall.cut_off()
    await Shop.filter(code="A001").update(practice=True)

    assert tile(await bench_of(mall), "off").value == 0


async def act(mall: SmallMall, number: int, object_: str) -> None:
    await unit_of_work(lambda: record(mall.as_staff(number), "staff.trip", object_, reason="检修"))


async def test_my_last_actions_are_mine_and_named(mall: SmallMall) -> None:
    account = await mall.account()
    await act(mall, 1, f"account:{account.id}")
    await act(mall, 2, f"account:{account.id}")

    bench = await bench_of(mall)

    assert [(one.words, one.object, one.reason) for one in bench.actions] == [
        ("断电", "A001 商铺A001", "检修")
    ]


async def hire(mall: SmallMall, number: int, name: str) -> None:
    await Staff.create(id=number, site_id=mall.site_id, username=name, name=name, password_hash="x")


def deciding(mall: SmallMall, number: int) -> Context:
    return mall.as_staff(number, "staff.keep_supply.approve", "staff.meter.change.approve")


@pytest.mark.mariadb
async def test_what_waits_is_listed_for_whoever_may_decide_and_never_for_who_asked(mall: SmallMall) -> None:
    await hire(mall, 1, "张工")
    account, meter = await mall.account(), await mall.meter()
    await ask_keep_supply(mall.as_staff(1), account.id, mall.clock.now() + timedelta(hours=3), "冷库有货")
    mall.clock.advance(1)
    await ask_change(
        mall.as_staff(1),
        meter.id,
        Replacement(serial="NEW1", register_wh=0),
        reason="烧表",
        old_register_wh=5,
        changed_at=None,
        confirmed=False,
    )

    waiting = await list_waiting(deciding(mall, 2))

    assert [(one.words, one.title, one.reason, one.asked_by) for one in waiting] == [
        ("保电", "A001 商铺A001", "冷库有货", "张工"),
        ("换表", "A001 商铺A001 电表 T0001", "烧表", "张工"),
    ]
    assert {one.account_id for one in waiting} == {str(account.id)}
    assert await list_waiting(deciding(mall, 1)) == []
    assert await list_waiting(mall.as_staff(2, "staff.board")) == []
    assert tile(await show_workbench(deciding(mall, 2)), "approvals").value == 2


async def test_a_request_that_stood_for_a_day_waits_no_more(mall: SmallMall) -> None:
    await ask_change(
        mall.as_staff(1),
        (await mall.meter()).id,
        Replacement(serial="NEW1", register_wh=0),
        reason="烧表",
        old_register_wh=5,
        changed_at=None,
        confirmed=False,
    )
    mall.clock.advance(86_401)

    assert await list_waiting(deciding(mall, 2)) == []


async def test_another_malls_requests_are_not_seen(mall: SmallMall) -> None:
    account = await mall.account()
    await ask_keep_supply(mall.as_staff(1), account.id, mall.clock.now() + timedelta(hours=3), "冷库有货")
    here = deciding(mall, 2)
    stranger = replace(here, caller=replace(here.caller, site_id=mall.site_id + 1))

    assert (await list_waiting(stranger), (await show_workbench(stranger)).actions) == ([], [])


async def test_the_day_cut_leaves_the_workbench_as_it_was(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=1_000)
    await cut_day(mall.ctx, mall.site_id, date(2026, 3, 1))

    assert tile(await bench_of(mall), "energy").value == 1_000
