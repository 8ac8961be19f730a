"""Relay orders as the staff see and steer them: filters, pages, taking back, sending again."""

import pytest

from backend.errors import Forbidden, NotFound
from backend.models.supply import OffReason, SupplyOrder
from backend.services.control_supply import emergency_trip, restore, trip
from backend.services.show_commands import ENGINE, Command, CommandQuery, Shown, list_commands
from backend.services.steer_commands import (
    AlreadySent,
    NothingToRetry,
    NotYours,
    cancel_command,
    retry_command,
)
from common.wire import Relay, Stage
from tests.services.mall import SmallMall

RIGHTS = ("staff.trip", "staff.restore", "staff.command.view")


async def newest(mall: SmallMall, number: int = 5, **query: object) -> Command:
    page = await list_commands(mall.as_staff(number, *RIGHTS), CommandQuery(**query))  # type: ignore[arg-type]
    return page.commands[0]


async def shown(mall: SmallMall, **query: object) -> list[int]:
    page = await list_commands(mall.as_staff(5, *RIGHTS), CommandQuery(**query))  # type: ignore[arg-type]
    return [one.generation for one in page.commands]


async def trip_one(mall: SmallMall, shop: str = "A001", number: int = 5) -> int:
    await trip(mall.as_staff(number, *RIGHTS), (await mall.meter(shop)).id, "线路检修")
    return int((await newest(mall, shop=shop)).order_id)


async def test_a_command_says_who_gave_it_why_and_how_far_it_came(mall: SmallMall) -> None:
    await trip_one(mall)
    await mall.outcome(Stage.SENT)

    one = await newest(mall)

    assert (one.shop_code, one.ordered_by, one.note, one.reasons) == ("A001", "5", "线路检修", ["staff"])
    assert (one.sent_at is not None, one.acknowledged_at, one.retries) == (True, None, 0)


@pytest.mark.mariadb
async def test_commands_are_found_by_state_shop_person_and_action(mall: SmallMall) -> None:
    await trip_one(mall)
    await mall.outcome(Stage.VERIFIED, relay=Relay.OFF)
    await restore(mall.as_staff(6, *RIGHTS), (await mall.meter()).id, "已排除")
    await mall.outcome(Stage.SENT)
    await mall.outcome(Stage.UNREACHABLE)

    assert await shown(mall, shown=Shown.OPEN) == [2]
    assert await shown(mall, shown=Shown.VERIFIED) == [1]
    assert await shown(mall, shown=Shown.STUCK) == [2]
    assert await shown(mall, shown=Shown.WAITING) == []
    assert await shown(mall, relay=Relay.OFF) == [1]
    assert await shown(mall, by="6") == [2]
    assert await shown(mall, by=ENGINE) == []
    assert await shown(mall, by="nobody") == []
    assert await shown(mall, shop="a0") == [2, 1]
    assert await shown(mall, shop="%") == []


async def test_commands_come_in_pages(mall: SmallMall) -> None:
    for _ in range(2):
        await trip_one(mall)
        await restore(mall.as_staff(5, *RIGHTS), (await mall.meter()).id, "已排除")

    page = await list_commands(mall.as_staff(5), CommandQuery(limit=3))
    assert page.next_before is not None
    rest = await list_commands(mall.as_staff(5), CommandQuery(limit=3, before=int(page.next_before)))

    assert [one.generation for one in (*page.commands, *rest.commands)] == [4, 3, 2, 1]
    assert rest.next_before is None


@pytest.mark.mariadb
async def test_a_trip_that_was_not_sent_is_taken_back_by_who_gave_it(mall: SmallMall) -> None:
    order_id = await trip_one(mall)
    assert (await newest(mall)).may_cancel

    await cancel_command(mall.as_staff(5, *RIGHTS), order_id, "走错铺")

    assert (await mall.supply()).desired is Relay.ON
    assert (await SupplyOrder.get(id=order_id)).end_stage is Stage.SUPERSEDED
    assert (await OffReason.get()).lifted_by == 5


async def test_a_trip_that_debt_ordered_is_nobodys_to_take_back(mall: SmallMall) -> None:
    await mall.cut_off()
    await trip_one(mall)
    order = await SupplyOrder.get(generation=1)
    assert (order.reasons, order.sent_at) == ('["staff","arrears"]', None)

    with pytest.raises(NotYours):
        await cancel_command(mall.as_staff(5, *RIGHTS), order.id, "走错铺")

    assert (await mall.supply()).desired is Relay.OFF


async def test_what_was_sent_or_is_anothers_is_not_taken_back(mall: SmallMall) -> None:
    order_id = await trip_one(mall)

    with pytest.raises(NotYours):
        await cancel_command(mall.as_staff(6, *RIGHTS), order_id, "走错铺")
    await mall.outcome(Stage.SENT)
    with pytest.raises(AlreadySent):
        await cancel_command(mall.as_staff(5, *RIGHTS), order_id, "走错铺")

    assert (await mall.supply()).generation == 1
    assert not (await newest(mall)).may_cancel


async def test_an_emergency_and_a_restore_are_not_taken_back_here(mall: SmallMall) -> None:
    meter_id = (await mall.meter()).id
    await emergency_trip(mall.as_staff(5, *RIGHTS), meter_id, "冒烟")
    emergency = int((await newest(mall)).order_id)
    with pytest.raises(AlreadySent):
        await cancel_command(mall.as_staff(5, *RIGHTS), emergency, "误操作")
    await restore(mall.as_staff(5, *RIGHTS), meter_id, "误操作")
    restored = int((await newest(mall)).order_id)

    with pytest.raises(NotYours):
        await cancel_command(mall.as_staff(5, *RIGHTS), restored, "误操作")


@pytest.mark.mariadb
async def test_a_trip_that_the_meter_refused_is_sent_again_for_the_same_reasons(mall: SmallMall) -> None:
    order_id = await trip_one(mall)
    await mall.outcome(Stage.REFUSED)
    assert (await newest(mall)).may_retry

    await retry_command(mall.as_staff(6, *RIGHTS), order_id)

    again = await newest(mall)
    assert (again.generation, again.retries, again.reasons, again.note) == (2, 1, ["staff"], "线路检修")
    assert (again.ordered_by, again.relay) == ("5", "OFF")


async def test_what_is_not_stuck_or_not_the_newest_is_not_sent_again(mall: SmallMall) -> None:
    order_id = await trip_one(mall)
    with pytest.raises(NothingToRetry):
        await retry_command(mall.as_staff(5, *RIGHTS), order_id)
    await mall.outcome(Stage.REFUSED)
    await retry_command(mall.as_staff(5, *RIGHTS), order_id)

    with pytest.raises(NothingToRetry):
        await retry_command(mall.as_staff(5, *RIGHTS), order_id)

    assert (await mall.supply()).generation == 2


async def test_sending_a_trip_again_takes_the_right_to_trip(mall: SmallMall) -> None:
    order_id = await trip_one(mall)
    await mall.outcome(Stage.REFUSED)

    with pytest.raises(Forbidden):
        await retry_command(mall.as_staff(5, "staff.restore"), order_id)


async def test_another_malls_command_is_not_found(mall: SmallMall) -> None:
    order_id = await trip_one(mall)
    mall.site_id += 1

    for steer in (
        cancel_command(mall.as_staff(5, *RIGHTS), order_id, "x"),
        retry_command(mall.as_staff(5), 1),
    ):
        with pytest.raises(NotFound):
            await steer
