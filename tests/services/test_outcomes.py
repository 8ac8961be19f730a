"""How relay orders went: each step once, the newest generation alone, and no restore given up."""

from datetime import timedelta

import pytest

from backend.errors import Forbidden
from backend.models.operations import Alarm
from backend.models.supply import SupplyOrder
from backend.services.control_supply import trip
from backend.services.verify_books import verify_books
from backend.store import rows
from common.wire import Relay, Stage
from tests.services.mall import SmallMall


async def order(mall: SmallMall, generation: int) -> SupplyOrder:
    return await SupplyOrder.get(generation=generation)


@pytest.mark.mariadb
async def test_every_step_is_kept_with_its_time(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)
    steps = (Stage.SENT, Stage.ACKNOWLEDGED, Stage.COMMANDED, Stage.VERIFIED)
    for stage in steps:
        mall.clock.advance(1)
        await mall.outcome(stage, relay=Relay.ON, detail="0001")

    done = await order(mall, 2)
    times = [done.sent_at, done.acknowledged_at, done.commanded_at, done.verified_at]
    assert times == [mall.clock.now() - timedelta(seconds=left) for left in (3, 2, 1, 0)]
    assert (done.end_stage, done.ended_at) == (Stage.VERIFIED, mall.clock.now())
    supply = await mall.supply()
    assert (supply.stage, supply.verified_generation) == (Stage.VERIFIED, 2)
    assert (await mall.state()).relay is Relay.ON


async def test_a_step_that_is_told_again_keeps_its_first_time(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)
    await mall.outcome(Stage.SENT)
    first = (await order(mall, 2)).sent_at
    mall.clock.advance(30)

    await mall.outcome(Stage.SENT)

    assert (await order(mall, 2)).sent_at == first


async def test_steps_in_the_wrong_order_never_take_a_stage_back(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)
    await mall.outcome(Stage.ACKNOWLEDGED)

    await mall.outcome(Stage.SENT)

    assert (await mall.supply()).stage is Stage.ACKNOWLEDGED


async def test_an_old_generation_verifies_nothing(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)

    await mall.outcome(Stage.VERIFIED, generation=1, relay=Relay.OFF)

    supply = await mall.supply()
    assert (supply.verified_generation, supply.stage) == (1, None)


async def test_a_superseded_order_stays_superseded(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()
    await mall.pay(5_000)

    await mall.outcome(Stage.VERIFIED, generation=1, relay=Relay.OFF)

    assert (await order(mall, 1)).end_stage is Stage.SUPERSEDED
    assert (await mall.state()).relay is Relay.UNKNOWN


async def test_a_generation_that_was_never_ordered_is_ignored(mall: SmallMall) -> None:
    await mall.outcome(Stage.VERIFIED, generation=77, relay=Relay.OFF)

    assert (await mall.supply()).verified_generation == 0


async def test_a_silent_meter_raises_one_urgent_alarm_that_ends_when_it_is_verified(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)
    for _ in range(3):
        await mall.outcome(Stage.UNREACHABLE)
    assert await mall.alarms() == ["order_unreachable"]
    assert (await Alarm.get()).severity == "urgent"

    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)

    assert await mall.alarms() == []
    assert (await order(mall, 2)).trouble is None


async def test_current_that_flows_through_an_open_contact_is_an_urgent_alarm(mall: SmallMall) -> None:
    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")

    await mall.outcome(Stage.CONTRADICTED, relay=Relay.OFF)

    assert await mall.alarms() == ["order_contradicted"]
    assert (await mall.supply()).verified_generation == 0


async def test_current_that_flows_after_a_verified_trip_is_an_alarm_too(mall: SmallMall) -> None:
    await mall.cut_off()

    await mall.outcome(Stage.CONTRADICTED, relay=Relay.OFF)
    await mall.outcome(Stage.CONTRADICTED, relay=Relay.OFF)

    assert await mall.alarms() == ["order_contradicted"]
    assert (await order(mall, 1)).end_stage is Stage.VERIFIED


async def test_a_refused_trip_ends_and_is_told(mall: SmallMall) -> None:
    await trip(mall.as_staff(5), (await mall.meter()).id, "线路检修")

    await mall.outcome(Stage.REFUSED, detail="exception 02")

    ended = await order(mall, 1)
    assert (ended.end_stage, await mall.alarms()) == (Stage.REFUSED, ["order_refused"])


@pytest.mark.parametrize("stage", [Stage.REFUSED, Stage.EXPIRED])
async def test_a_restore_is_not_given_up_whatever_the_meter_says(mall: SmallMall, stage: Stage) -> None:
    await mall.cut_off()
    await mall.pay(5_000)

    await mall.outcome(stage)

    assert (await order(mall, 2)).ended_at is None
    await mall.wait(70, shop=None)
    assert "restore_late" in await mall.alarms()
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)
    assert (await order(mall, 2)).end_stage is Stage.VERIFIED
    await mall.wait(31, shop=None)
    assert await mall.alarms() == []


async def test_a_restore_is_watched_until_it_is_verified(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)
    await mall.wait(55, shop=None)
    assert await mall.alarms() == []

    await mall.wait(10, shop=None)

    assert await mall.alarms() == ["restore_late"]
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)
    await mall.wait(31, shop=None)
    assert await mall.alarms() == []
    assert await rows("SELECT * FROM outbox WHERE kind = 'watch_restore'") == []


async def test_a_meter_without_contact_bits_stays_commanded_without_an_alarm(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)

    await mall.outcome(Stage.COMMANDED)
    await mall.wait(90, shop=None)

    assert ((await mall.supply()).stage, await mall.alarms()) == (Stage.COMMANDED, [])
    assert (await mall.supply()).verified_generation == 1


@pytest.mark.mariadb
async def test_an_expired_arrears_trip_is_taken_back_and_confirmed_anew(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()
    mall.clock.advance(180)
    await mall.contact()

    await mall.outcome(Stage.EXPIRED)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.ON, 2)
    assert await mall.holds() == ["stale"]


async def test_an_old_step_never_overwrites_a_newer_reading_of_the_relay(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)
    earlier = mall.clock.now()
    mall.clock.advance(60)
    await mall.read(relay=Relay.ON)

    await mall.outcome(Stage.ACKNOWLEDGED, relay=Relay.OFF, at=earlier)

    assert (await mall.state()).relay is Relay.ON


async def test_another_collectors_outcome_is_forbidden(mall: SmallMall) -> None:
    await mall.cut_off()
    mall.collector.line_codes = '["L9"]'
    await mall.collector.save()

    with pytest.raises(Forbidden):
        await mall.outcome(Stage.CONTRADICTED)


async def test_the_books_are_right_after_a_cut_and_a_restore(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.pay(5_000)

    assert await verify_books(mall.ctx.settings.ledger_key) == []
