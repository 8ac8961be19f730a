"""The collector's link: its plan, its orders, how it is, and what its faults set going."""

import asyncio
from datetime import timedelta

import pytest

from backend.errors import Forbidden
from backend.models.meters import Meter
from backend.models.operations import Alarm, Collector
from backend.models.site import Line
from backend.models.supply import SupplyOrder
from backend.services.collector_link import own_collector, plan_for, poll_desired
from backend.services.control_supply import restore, trip
from backend.services.line_faults import note_faults
from common.wire import DesiredAnswer, DesiredQuery, LineHealth, Relay, Stage
from tests.services.mall import SmallMall


async def poll(mall: SmallMall, wait_s: float = 0, **held: int) -> DesiredAnswer:
    query = DesiredQuery(held=held, wait_s=wait_s, clock_offset_s=0.0)
    return await poll_desired(mall.as_collector, query)


async def report(mall: SmallMall, *silent: str, connected: bool = True) -> None:
    """Let the collector report its line and the silent meters on it."""
    line = await Line.get()
    health = LineHealth(line_id=str(line.id), connected=connected, silent_meters=list(silent))
    await note_faults(mall.ctx, await own_collector(mall.as_collector), [health])


async def test_the_plan_names_every_meter_of_the_collectors_lines(mall: SmallMall) -> None:
    plan = await plan_for(mall.as_collector)

    (line,) = plan.lines
    assert [meter.unit for meter in line.meters] == [1, 2, 3, 4]
    assert [meter.prepaid for meter in line.meters] == [True, True, True, False]


async def test_a_collector_of_other_lines_gets_no_plan_and_no_orders(mall: SmallMall) -> None:
    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")
    await Collector.all().update(line_codes='["L9"]')

    assert (await plan_for(mall.as_collector)).lines == []
    assert (await poll(mall)).desired == []


async def test_a_collector_that_was_taken_out_is_forbidden(mall: SmallMall) -> None:
    await Collector.all().delete()

    with pytest.raises(Forbidden):
        await poll(mall)


async def test_a_trip_carries_how_long_its_first_write_may_take(mall: SmallMall) -> None:
    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")
    mall.clock.advance(20)

    (desired,) = (await poll(mall)).desired

    assert (desired.relay, desired.generation, desired.first_write_within_s) == (Relay.OFF, 1, 40.0)
    mall.clock.advance(60)
    assert (await poll(mall)).desired[0].first_write_within_s == 0


async def test_a_restore_has_no_limit(mall: SmallMall) -> None:
    meter = await mall.meter()
    await trip(mall.as_staff(5), meter.id, "线路检修")
    await restore(mall.as_staff(5), meter.id, "已排除")

    (desired,) = (await poll(mall, **{str(meter.id): 1})).desired

    assert (desired.relay, desired.generation, desired.first_write_within_s) == (Relay.ON, 2, None)


async def test_what_the_collector_holds_is_not_sent_again(mall: SmallMall) -> None:
    meter = await mall.meter()
    await trip(mall.as_staff(5), meter.id, "线路检修")

    assert (await poll(mall, **{str(meter.id): 1})).desired == []


async def test_the_first_handing_over_is_remembered(mall: SmallMall) -> None:
    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")
    mall.clock.advance(3)
    await poll(mall)
    first = mall.clock.now()
    mall.clock.advance(3)

    await poll(mall)

    assert (await SupplyOrder.get()).fetched_at == first


async def test_a_waiting_collector_is_answered_with_the_order(mall: SmallMall) -> None:
    waiting = asyncio.create_task(poll(mall, wait_s=20))
    await asyncio.sleep(0.05)

    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")

    assert len((await asyncio.wait_for(waiting, 5)).desired) == 1


async def test_a_silence_of_the_collector_is_seen_as_a_new_beginning(mall: SmallMall) -> None:
    await poll(mall)
    first = mall.clock.now()
    mall.clock.advance(60)
    await poll(mall)
    assert (await Collector.get()).first_seen_at == first
    mall.clock.advance(91)

    await poll(mall)

    assert (await Collector.get()).first_seen_at == mall.clock.now()


async def test_a_lost_gateway_is_one_urgent_alarm_not_one_for_each_meter(mall: SmallMall) -> None:
    meters = [str(meter.id) for meter in await Meter.all()]
    for _ in range(3):
        await report(mall, *meters, connected=False)
        mall.clock.advance(60)

    assert await mall.alarms() == ["gateway_down"]
    assert (await Alarm.get()).severity == "urgent"
    assert (await mall.state()).silent_since_at == mall.clock.now() - timedelta(seconds=180)
    await report(mall)
    assert await mall.alarms() == []
    assert (await mall.state()).silent_since_at is None


async def test_a_meter_that_misses_a_poll_is_not_told_of(mall: SmallMall) -> None:
    meter = str((await mall.meter()).id)
    await report(mall, meter)
    mall.clock.advance(60)

    await report(mall)

    assert await Alarm.all().count() == 0


async def test_a_silent_meter_is_told_after_two_minutes_and_once(mall: SmallMall) -> None:
    meter = str((await mall.meter()).id)
    for _ in range(5):
        await report(mall, meter)
        mall.clock.advance(60)
    assert await mall.alarms() == ["meter_silent"]
    assert await Alarm.all().count() == 1

    await report(mall)

    assert await mall.alarms() == []


async def test_meters_that_are_not_on_the_line_are_ignored(mall: SmallMall) -> None:
    await report(mall, "1", "x", str(2**70))
    mall.clock.advance(600)
    await report(mall, "1", "x", str(2**70))

    assert await Alarm.all().count() == 0


async def test_a_fault_takes_nobodys_power(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.read(used_wh=1)
    await report(mall, str((await mall.meter()).id), connected=False)
    mall.clock.advance(6)
    await mall.runner.run_due()

    assert (await mall.supply()).desired is Relay.ON
    await mall.cut_off("A002")
    assert (await mall.supply("A002")).stage is Stage.VERIFIED


async def test_a_trip_that_is_not_for_debt_lifts_the_meters_own_keep_supply_first(mall: SmallMall) -> None:
    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")

    assert [one.release_hold for one in (await poll(mall)).desired] == [True]


@pytest.mark.mariadb
async def test_an_arrears_trip_does_not_until_another_reason_joins_it(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()
    assert [(one.generation, one.release_hold) for one in (await poll(mall)).desired] == [(1, False)]

    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")

    assert [(one.generation, one.release_hold) for one in (await poll(mall)).desired] == [(2, True)]
