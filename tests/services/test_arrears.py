"""From arrears to a fair trip: what it waits for, who is asked, and what ends it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.models.accounts import Account
from backend.models.messages import Notice
from backend.models.operations import Collector, StaffTask
from backend.models.payments import TopUpState
from backend.models.supply import ArrearsEpisode, ReadRequest
from backend.services.collector_link import note_health, poll_desired
from backend.services.staff_tasks import NotInArrears, decide_trip, finish_task
from common.wire import DesiredQuery, Health, Relay
from tests.services.mall import SmallMall, small_mall
from tests.services.site import site_text


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


async def ready(mall: SmallMall) -> None:
    """Warned, proved, the delay over: only the two readings are missing."""
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.contact()


async def windowed(folder: Path, when: str, shops: int = 1) -> SmallMall:
    text = site_text(shops).replace("no_trip_windows = []", f'no_trip_windows = ["{when}"]')
    return await small_mall(folder, text=text)


async def mean_of(mall: SmallMall, mean_fen: int) -> None:
    """The shop's mean daily use: the debt cap is two days of it."""
    account = await mall.account()
    await Account.filter(id=account.id).update(mean_daily_nano=mean_fen * 10_000_000)


async def test_arrears_begin_once_and_tell_the_last_warning_once(mall: SmallMall) -> None:
    await mall.drain()
    for _ in range(3):
        mall.clock.advance(60)
        await mall.read(used_wh=100)

    assert await ArrearsEpisode.all().count() == 1
    assert await Notice.filter(level="LAST").count() == 1
    assert (await mall.supply()).desired is Relay.ON


async def test_one_reading_confirms_nothing(mall: SmallMall) -> None:
    await ready(mall)

    await mall.read(used_wh=1)

    assert await mall.holds() == ["not_confirmed"]
    (asked,) = await ReadRequest.filter(purpose="confirm")
    assert asked.due_at == mall.clock.now() + timedelta(seconds=5)


async def test_two_readings_four_seconds_apart_confirm_nothing(mall: SmallMall) -> None:
    await ready(mall)
    await mall.read(used_wh=1)
    mall.clock.advance(4)

    await mall.read(used_wh=1)

    assert (await mall.supply()).desired is Relay.ON


async def test_a_reading_from_before_the_delay_ended_confirms_nothing(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(50)
    await mall.read(used_wh=1)
    mall.clock.advance(11)
    await mall.contact()

    await mall.read(used_wh=1)

    assert await mall.holds() == ["not_confirmed"]


async def test_the_collector_is_asked_for_the_confirming_reads_when_they_are_due(mall: SmallMall) -> None:
    await ready(mall)
    await mall.read(used_wh=1)
    query = DesiredQuery(held={}, wait_s=0, clock_offset_s=0.0)
    early = await poll_desired(mall.as_collector, query)
    mall.clock.advance(6)

    due = await poll_desired(mall.as_collector, query)

    assert (early.read_requests, len(due.read_requests)) == ([], 1)


async def test_an_unarmed_shop_is_never_tripped(mall: SmallMall) -> None:
    account = await mall.account()
    await Account.filter(id=account.id).update(armed=False)
    await ready(mall)

    await mall.confirm()

    assert await mall.holds() == ["not_armed"]
    assert (await mall.supply()).desired is Relay.ON


async def test_a_collector_with_a_wrong_clock_trips_nobody(mall: SmallMall) -> None:
    await ready(mall)
    await Collector.all().update(clock_offset_ms=6_000)
    meter = await mall.meter()
    for number in range(2):
        mall.clock.advance(6)
        await Collector.all().update(seen_at=mall.clock.now())
        await mall.push(mall.reading(meter, 1_001_201 + number))

    assert "doubt" in await mall.holds()
    assert (await mall.supply()).desired is Relay.ON


async def test_a_collector_that_does_not_know_its_offset_trips_nobody(mall: SmallMall) -> None:
    await ready(mall)
    await Collector.all().update(seen_at=None)
    health = Health(sent_at=mall.clock.now(), version="t", spool_backlog=0, clock_offset_s=None, lines=[])
    await note_health(mall.as_collector, health)
    meter = await mall.meter()
    for number in range(2):
        await mall.push(mall.reading(meter, 1_001_201 + number))
        mall.clock.advance(6)

    assert "doubt" in await mall.holds()


async def test_a_collector_that_was_away_trips_nobody(mall: SmallMall) -> None:
    await ready(mall)
    await Collector.all().update(seen_at=mall.clock.now() - timedelta(seconds=91))
    meter = await mall.meter()
    for number in range(2):
        await mall.push(mall.reading(meter, 1_001_201 + number))
        mall.clock.advance(6)

    assert "doubt" in await mall.holds()


async def test_another_lines_dead_collector_holds_no_trip_here(mall: SmallMall) -> None:
    await Collector.create(
        id=9, site_id=mall.site_id, name="c9", token_hash="y", line_codes='["L9"]', clock_offset_ms=None
    )
    await ready(mall)

    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF


async def test_a_line_that_no_collector_serves_trips_nobody(mall: SmallMall) -> None:
    await ready(mall)
    await mall.read(used_wh=1)
    await Collector.all().update(line_codes='["L9"]')
    account = await mall.account()
    mall.clock.advance(6)

    await mall.runner.run_due()
    await decide_trip(mall.as_staff(5), account.id, True, "看一下")

    assert "doubt" in await mall.holds()


async def test_in_a_window_the_trip_waits_and_is_confirmed_anew_at_its_end(
    store: str, tmp_path: Path
) -> None:
    mall = await windowed(tmp_path, "10:00-12:00")
    await ready(mall)
    await mall.confirm()
    assert await mall.holds() == ["window"]

    mall.clock.move_to(at("2026-03-02T11:59:59"))
    await mall.read()
    mall.clock.move_to(at("2026-03-02T12:10:01"))  # The spread is ten minutes at most.
    await mall.wait(0)

    assert await mall.holds() == ["not_confirmed"]
    mall.clock.advance(6)
    await mall.read()
    assert (await mall.supply()).desired is Relay.OFF


async def test_after_a_window_the_trips_of_a_mall_are_spread(store: str, tmp_path: Path) -> None:
    mall = await windowed(tmp_path, "10:00-12:00", shops=5)
    shops = [f"A{number:03d}" for number in range(1, 6)]
    for shop in shops:
        await mall.pay(100, shop)
        await mall.read(shop)
    mall.clock.advance(600)
    for shop in shops:
        await mall.read(shop, used_wh=1_200)
        await mall.prove(shop)
    mall.clock.move_to(at("2026-03-02T12:00:00"))
    off_after = []
    for _ in range(25):
        await mall.contact()
        for shop in shops:
            await mall.read(shop)
        await mall.runner.run_due()
        off_after.append(sum([(await mall.supply(shop)).desired is Relay.OFF for shop in shops]))
        if off_after[-1] == len(shops):
            break
        mall.clock.advance(30)

    assert off_after[-1] == len(shops)
    assert len(set(off_after)) >= 3  # Not all of them at once.


async def test_without_proof_a_person_calls_and_their_word_starts_the_delay(mall: SmallMall) -> None:
    await mall.drain()
    await mall.wait(599)
    assert await mall.tasks() == []
    await mall.wait(2)
    assert await mall.tasks() == ["no_proof"]
    task = await StaffTask.get()
    staff = mall.as_staff(5)

    await finish_task(staff, task.id, "已电话通知张三")

    episode = await ArrearsEpisode.get()
    assert (episode.proof, episode.proof_at) == ("staff:5", mall.clock.now())
    assert await mall.holds() == ["delay"]
    await mall.wait(61)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF
    await finish_task(staff, task.id, "再说一次")
    assert (await StaffTask.get()).note == "已电话通知张三"


@pytest.mark.mariadb
async def test_over_the_debt_cap_the_manager_is_asked_once_and_may_trip(mall: SmallMall) -> None:
    await mean_of(mall, 5)  # The cap: 0.10 yuan below zero.
    await mall.drain()
    await mall.wait(601)
    for _ in range(3):
        await mall.wait(60)
    assert {"no_proof", "over_cap"} <= set(await mall.tasks())
    account = await mall.account()

    await decide_trip(mall.as_staff(7), account.id, True, "已多次联系无人接听")
    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF
    assert (await ArrearsEpisode.get()).decided_by == 7


async def test_below_the_debt_cap_the_managers_word_lifts_no_missing_proof(mall: SmallMall) -> None:
    await mean_of(mall, 5_000)
    await mall.drain()
    account = await mall.account()

    await decide_trip(mall.as_staff(7), account.id, True, "现在就断")
    await mall.confirm()

    assert await mall.holds() == ["no_proof"]


async def test_the_managers_veto_holds_any_arrears_trip(mall: SmallMall) -> None:
    await ready(mall)
    account = await mall.account()

    await decide_trip(mall.as_staff(7), account.id, False, "已承诺今日付款")
    await mall.confirm()

    assert await mall.holds() == ["veto"]
    await decide_trip(mall.as_staff(7), account.id, True, "未付款")
    mall.clock.advance(1)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF


async def test_there_is_nothing_to_decide_about_a_shop_that_has_paid(mall: SmallMall) -> None:
    account = await mall.account()

    with pytest.raises(NotInArrears):
        await decide_trip(mall.as_staff(7), account.id, True, "断")


@pytest.mark.mariadb
async def test_somebody_who_is_paying_holds_the_trip_twice_at_most(mall: SmallMall) -> None:
    await ready(mall)
    await mall.order(5_000)
    await mall.confirm()
    assert await mall.holds() == ["open_order"]
    await mall.wait(601)

    for expected in (["open_order"], []):
        await mall.order(5_000)
        await mall.confirm()
        assert await mall.holds() == expected
        mall.clock.advance(601)
        await mall.contact()

    assert (await ArrearsEpisode.get()).order_holds == 2
    assert (await mall.supply()).desired is Relay.OFF


async def test_an_order_that_was_closed_holds_nothing(mall: SmallMall) -> None:
    await ready(mall)
    order = await mall.order(5_000)
    order.state = TopUpState.CLOSED
    await order.save()

    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF


async def test_after_the_end_of_arrears_a_new_episode_warns_anew(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(1_200)
    mall.clock.advance(3_600)
    await mall.read(used_wh=13_000)

    assert await ArrearsEpisode.all().count() == 2
    assert await Notice.filter(level="LAST").count() == 2
    assert await mall.holds() == ["no_proof"]
    assert (await mall.supply()).desired is Relay.ON


async def test_a_trip_stays_although_its_data_grow_old(mall: SmallMall) -> None:
    await mall.cut_off()

    await mall.wait(7_200, shop=None)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, 1)


async def test_a_price_in_days_warns_before_the_money_is_low(mall: SmallMall) -> None:
    await mall.pay(50_000)
    await mean_of(mall, 15_000)
    await mall.read()
    mall.clock.advance(60)

    await mall.read(used_wh=10)

    assert [notice.level for notice in await Notice.all()] == ["LOW"]


async def test_a_level_is_told_once_and_again_after_a_top_up(mall: SmallMall) -> None:
    await mall.pay(10_100)
    await mall.read()
    for used_wh in (2_000, 100, 100):
        mall.clock.advance(600)
        await mall.read(used_wh=used_wh)
    assert await Notice.filter(level="LOW").count() == 1

    await mall.pay(1_200)
    mall.clock.advance(3_600)
    await mall.read(used_wh=12_500)

    assert await Notice.filter(level="LOW").count() == 2
