"""Trips by people: independent of money, an emergency first of all, and lifted by two."""

import asyncio
from datetime import timedelta

import pytest

from backend.errors import Forbidden, NotFound
from backend.models.meters import Meter, MeterKind
from backend.models.operations import StaffTask
from backend.models.people import Approval, Staff
from backend.models.supply import OffReason, ReadRequest, SupplyOrder
from backend.services.control_supply import (
    LIFT_PERMISSION,
    NobodyAsked,
    NothingToLift,
    NotPrepaid,
    SecondPersonNeeded,
    emergency_trip,
    read_now,
    refuse_lift,
    restore,
    trip,
)
from backend.services.emergency_reasons import NothingToExplain, explain_emergency
from backend.services.show_meter import show_meter
from backend.services.staff_tasks import finish_task
from common.wire import OrderClass, Relay, Stage
from tests.services.mall import SmallMall


async def meter_id(mall: SmallMall) -> int:
    return int((await mall.meter()).id)


async def lift(mall: SmallMall, number: int, *permissions: str) -> bool:
    """Let one person try to bring the power back; False while a second one is needed."""
    try:
        await restore(
            mall.as_staff(number, *(permissions or (LIFT_PERMISSION,))), await meter_id(mall), "已排除"
        )
    except SecondPersonNeeded:
        return False
    return True


async def test_staff_trip_a_shop_that_has_paid_and_bring_it_back(mall: SmallMall) -> None:
    await mall.pay(5_000)
    await mall.read()
    await trip(mall.as_staff(5), await meter_id(mall), "线路检修")
    assert (await mall.supply()).desired is Relay.OFF
    await mall.outcome(Stage.VERIFIED, relay=Relay.OFF)

    assert await lift(mall, 6, "staff.restore")

    supply = await mall.supply()
    assert (supply.desired, supply.generation, supply.order_class) == (Relay.ON, 2, OrderClass.RESTORE)


async def test_a_second_trip_for_the_same_reason_orders_nothing(mall: SmallMall) -> None:
    for _ in range(2):
        await trip(mall.as_staff(5), await meter_id(mall), "线路检修")

    assert (await mall.supply()).generation == 1
    assert await OffReason.all().count() == 1


@pytest.mark.mariadb
async def test_money_lifts_arrears_and_nothing_else(mall: SmallMall) -> None:
    await mall.cut_off()
    await trip(mall.as_staff(5), await meter_id(mall), "线路检修")

    await mall.pay(5_000)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, 1)
    assert (await SupplyOrder.get(generation=1)).reasons == '["staff"]'
    await lift(mall, 6)
    assert (await mall.supply()).desired is Relay.ON


async def test_lifting_a_staff_trip_leaves_the_arrears_trip(mall: SmallMall) -> None:
    await mall.cut_off()
    await trip(mall.as_staff(5), await meter_id(mall), "线路检修")

    await lift(mall, 6)

    assert (await mall.supply()).desired is Relay.OFF
    with pytest.raises(NothingToLift):
        await lift(mall, 6)


async def test_an_emergency_goes_ahead_of_everything_even_when_the_meter_is_off(mall: SmallMall) -> None:
    await mall.cut_off()

    await emergency_trip(mall.as_staff(5), await meter_id(mall), "")

    supply = await mall.supply()
    assert (supply.desired, supply.generation, supply.order_class) == (Relay.OFF, 2, OrderClass.SAFETY)


async def test_an_emergency_without_a_reason_asks_for_it_within_a_day(mall: SmallMall) -> None:
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "")
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "")

    assert [task.kind for task in await StaffTask.all()] == ["emergency_reason"]


async def test_a_mistaken_emergency_is_undone_by_the_same_person_within_a_minute(mall: SmallMall) -> None:
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "误操作")
    mall.clock.advance(60)

    assert await lift(mall, 5)
    assert (await mall.supply()).desired is Relay.ON


@pytest.mark.mariadb
async def test_after_a_minute_it_takes_a_second_person(mall: SmallMall) -> None:
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "冒烟")
    mall.clock.advance(61)

    assert not await lift(mall, 5)
    assert not await lift(mall, 5)
    assert (await mall.supply()).desired is Relay.OFF
    assert await lift(mall, 6)
    assert (await mall.supply()).desired is Relay.ON
    approval = await Approval.get()
    assert (approval.asked_by, approval.decided_by, approval.granted) == (5, 6, True)


async def test_somebody_else_cannot_undo_at_once_either(mall: SmallMall) -> None:
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "冒烟")

    assert not await lift(mall, 6)
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_wish_of_yesterday_is_no_first_person_today(mall: SmallMall) -> None:
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "冒烟")
    mall.clock.advance(61)
    assert not await lift(mall, 5)
    mall.clock.advance(24 * 3_600)

    assert not await lift(mall, 6)
    assert await lift(mall, 5)


async def test_lifting_an_emergency_takes_a_right_of_its_own(mall: SmallMall) -> None:
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "冒烟")
    mall.clock.advance(61)

    with pytest.raises(Forbidden):
        await lift(mall, 6, "staff.restore")

    assert await Approval.all().count() == 0


async def test_a_trip_that_was_not_started_in_time_is_ordered_anew_while_its_reason_stands(
    mall: SmallMall,
) -> None:
    await trip(mall.as_staff(5), await meter_id(mall), "线路检修")

    await mall.outcome(Stage.EXPIRED)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, 3)
    assert (await SupplyOrder.get(generation=1)).end_stage is Stage.EXPIRED


async def test_public_meters_have_no_relay(mall: SmallMall) -> None:
    public = await Meter.get(kind=MeterKind.PUBLIC)

    for control in (trip, emergency_trip, restore):
        with pytest.raises(NotPrepaid):
            await control(mall.as_staff(5), public.id, "试试")


async def test_another_malls_meter_is_not_found(mall: SmallMall) -> None:
    number = await meter_id(mall)
    mall.site_id += 1

    for control in (trip, emergency_trip, restore):
        with pytest.raises(NotFound):
            await control(mall.as_staff(5), number, "试试")


@pytest.mark.mariadb
async def test_two_clicks_at_once_ask_for_one_reading(mall: SmallMall) -> None:
    staff, meter = mall.as_staff(5), await mall.meter()

    for _ in range(5):
        asked = await asyncio.gather(*[read_now(staff, meter.id) for _ in range(4)])
        assert len(set(asked)) == 1
        mall.clock.advance(61)

    assert await ReadRequest.filter(meter_id=meter.id).count() == 5


async def test_an_emergency_is_explained_once_and_its_task_is_closed(mall: SmallMall) -> None:
    number = await meter_id(mall)
    await emergency_trip(mall.as_staff(5), number, "")

    await explain_emergency(mall.as_staff(6), number, "配电箱冒烟")

    assert (await OffReason.get()).note == "配电箱冒烟"
    assert await mall.tasks() == []
    with pytest.raises(NothingToExplain):
        await explain_emergency(mall.as_staff(6), number, "再说一次")


async def test_finishing_the_task_is_the_explanation(mall: SmallMall) -> None:
    await emergency_trip(mall.as_staff(5), await meter_id(mall), "")

    await finish_task(mall.as_staff(5), (await StaffTask.get()).id, "配电箱冒烟")

    assert (await OffReason.get()).note == "配电箱冒烟"


async def test_an_emergency_that_nobody_explains_is_an_alarm_after_a_day(mall: SmallMall) -> None:
    number = await meter_id(mall)
    await emergency_trip(mall.as_staff(5), number, "")
    await mall.wait(24 * 3_600 - 1)
    before = await mall.alarms()

    await mall.wait(2)
    after = await mall.alarms()
    await explain_emergency(mall.as_staff(5), number, "配电箱冒烟")

    assert ("emergency_unexplained" in before, "emergency_unexplained" in after) == (False, True)
    assert "emergency_unexplained" not in await mall.alarms()


async def test_a_wish_to_lift_is_refused_and_may_be_asked_for_again(mall: SmallMall) -> None:
    number = await meter_id(mall)
    await emergency_trip(mall.as_staff(5), number, "冒烟")
    mall.clock.advance(61)
    assert not await lift(mall, 5)

    await refuse_lift(mall.as_staff(6), number, "尚未排除")

    with pytest.raises(NobodyAsked):
        await refuse_lift(mall.as_staff(6), number, "尚未排除")
    assert not await lift(mall, 6)
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_meter_says_why_it_is_off_and_who_may_undo_it(mall: SmallMall) -> None:
    number = await meter_id(mall)
    await emergency_trip(mall.as_staff(5), number, "")

    (mine,) = (await show_meter(mall.as_staff(5), number)).off
    detail = await show_meter(mall.as_staff(6), number)

    assert mine.undo_until_at == mall.clock.now() + timedelta(seconds=60)
    assert (detail.off[0].reason, detail.off[0].undo_until_at, detail.unexplained) == ("safety", None, True)


async def test_a_meter_says_who_wants_an_emergency_lifted(mall: SmallMall) -> None:
    await Staff.create(id=5, site_id=mall.site_id, username="w", name="王电工", password_hash="x")
    number = await meter_id(mall)
    await emergency_trip(mall.as_staff(5), number, "冒烟")
    mall.clock.advance(61)
    await lift(mall, 5)

    (own,) = (await show_meter(mall.as_staff(5), number)).off
    (other,) = (await show_meter(mall.as_staff(6), number)).off

    assert (own.lift_is_own, other.lift_is_own, other.lift_asked_by) == (True, False, "王电工")


async def test_the_contact_is_for_who_may_see_tenants(mall: SmallMall) -> None:
    number = await meter_id(mall)

    assert (await show_meter(mall.as_staff(5), number)).contact is None
    assert (await show_meter(mall.as_staff(5, "staff.tenant.view"), number)).contact is not None
