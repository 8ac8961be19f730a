"""Keep-supply: asked by one person, answered by another, and only arrears are kept away by it."""

from datetime import timedelta

import pytest

from backend.errors import Invalid, NotFound
from backend.models.accounts import KeepSupply
from backend.models.people import Staff
from backend.services.approvals import AlreadyDecided, OwnRequest
from backend.services.control_supply import trip
from backend.services.keep_supply import ask_keep_supply, decide_keep_supply, release_keep_supply
from backend.services.show_keep_supplies import list_keep_supplies
from common.wire import Relay
from tests.services.mall import SmallMall

ASKS, ANSWERS = 5, 6


async def wish(mall: SmallMall, hours: float = 24) -> int:
    account = await mall.account()
    until_at = mall.clock.now() + timedelta(hours=hours)
    return int(await ask_keep_supply(mall.as_staff(ASKS), account.id, until_at, "冷库有货"))


async def keep(mall: SmallMall, hours: float = 24) -> int:
    wish_id = await wish(mall, hours)
    await decide_keep_supply(mall.as_staff(ANSWERS), wish_id, True)
    return wish_id


async def ready(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.contact()


async def test_a_kept_shop_is_not_tripped_for_arrears(mall: SmallMall) -> None:
    await ready(mall)
    await keep(mall)

    await mall.confirm()

    assert await mall.holds() == ["keep_supply"]
    assert (await mall.supply()).desired is Relay.ON


async def test_a_wish_alone_keeps_nothing(mall: SmallMall) -> None:
    await ready(mall)
    await wish(mall)

    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF


async def test_nobody_answers_their_own_wish(mall: SmallMall) -> None:
    wish_id = await wish(mall)

    for granted in (True, False):
        with pytest.raises(OwnRequest):
            await decide_keep_supply(mall.as_staff(ASKS), wish_id, granted)


async def test_a_wish_is_answered_once(mall: SmallMall) -> None:
    wish_id = await keep(mall)

    with pytest.raises(AlreadyDecided):
        await decide_keep_supply(mall.as_staff(8), wish_id, False)


async def test_a_refused_wish_keeps_nothing_and_does_not_take_effect_later(mall: SmallMall) -> None:
    await ready(mall)
    wish_id = await wish(mall)
    await decide_keep_supply(mall.as_staff(ANSWERS), wish_id, False)
    await mall.wait(601)

    await mall.confirm()

    assert (await KeepSupply.get()).effective_at is None
    assert (await mall.supply()).desired is Relay.OFF


@pytest.mark.mariadb
async def test_a_wish_that_nobody_answers_takes_effect_for_a_day_and_is_reviewed(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    await wish(mall, hours=72)
    await mall.wait(599)
    assert (await KeepSupply.get()).effective_at is None

    await mall.wait(2)

    row = await KeepSupply.get()
    assert row.until_at == mall.clock.now() + timedelta(hours=24)
    assert "review_keep_supply" in await mall.tasks()


async def test_the_review_may_refuse_what_took_effect_by_itself(mall: SmallMall) -> None:
    await ready(mall)
    wish_id = await wish(mall)
    await mall.wait(601)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.ON

    await decide_keep_supply(mall.as_staff(ANSWERS), wish_id, False)
    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF


async def test_keep_supply_ends_by_itself_and_the_shop_is_confirmed_anew(mall: SmallMall) -> None:
    await ready(mall)
    await keep(mall, hours=1)
    for _ in range(6):
        await mall.wait(600)
    assert (await mall.supply()).desired is Relay.ON

    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF


@pytest.mark.mariadb
async def test_keeping_a_shop_brings_its_power_back(mall: SmallMall) -> None:
    await mall.cut_off()

    await keep(mall)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.ON, 2)


async def test_a_released_shop_is_tripped_by_the_rules_again(mall: SmallMall) -> None:
    await ready(mall)
    wish_id = await keep(mall)
    await release_keep_supply(mall.as_staff(ANSWERS), wish_id)
    await release_keep_supply(mall.as_staff(ANSWERS), wish_id)

    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF


async def test_a_kept_shop_is_still_tripped_by_the_staff(mall: SmallMall) -> None:
    await keep(mall)

    await trip(mall.as_staff(ANSWERS), (await mall.meter()).id, "装修")

    assert (await mall.supply()).desired is Relay.OFF


@pytest.mark.parametrize("hours", [0, -1, 72.1])
async def test_keep_supply_has_an_end_within_three_days(mall: SmallMall, hours: float) -> None:
    with pytest.raises(Invalid):
        await wish(mall, hours)


async def test_another_malls_account_is_not_found(mall: SmallMall) -> None:
    account = await mall.account()
    wish_id = await wish(mall)
    mall.site_id += 1
    until_at = mall.clock.now() + timedelta(hours=1)

    with pytest.raises(NotFound):
        await ask_keep_supply(mall.as_staff(ANSWERS), account.id, until_at, "冷库有货")
    with pytest.raises(NotFound):
        await decide_keep_supply(mall.as_staff(ANSWERS), wish_id, True)
    with pytest.raises(NotFound):
        await release_keep_supply(mall.as_staff(ANSWERS), wish_id)


async def test_the_same_wish_again_is_the_one_that_waits(mall: SmallMall) -> None:
    assert await wish(mall) == await wish(mall)
    assert await KeepSupply.all().count() == 1


async def test_an_answered_wish_may_be_asked_for_again(mall: SmallMall) -> None:
    assert await keep(mall) != await wish(mall)


@pytest.mark.mariadb
async def test_the_staff_are_told_two_hours_before_the_end_while_there_is_debt(mall: SmallMall) -> None:
    await mall.drain()
    await keep(mall, hours=10)
    await mall.wait(8 * 3_600 - 60)
    before = await mall.tasks()

    await mall.wait(120)

    assert ("keep_supply_ends" in before, "keep_supply_ends" in await mall.tasks()) == (False, True)


async def test_nobody_is_told_of_the_end_once_the_debt_is_paid_or_the_time_is_extended(
    mall: SmallMall,
) -> None:
    await mall.drain()
    await keep(mall, hours=10)
    await keep(mall, hours=20)
    await mall.wait(9 * 3_600)
    extended = await mall.tasks()
    await mall.pay(50_000)

    await mall.wait(10 * 3_600)

    assert "keep_supply_ends" not in [*extended, *await mall.tasks()]


async def test_the_list_names_people_debt_and_what_waits_for_a_review(mall: SmallMall) -> None:
    for number, name in ((ASKS, "李收银"), (ANSWERS, "周经理")):
        await Staff.create(id=number, site_id=mall.site_id, username=name, name=name, password_hash="x")
    await mall.drain()
    await wish(mall)
    (asked,) = await list_keep_supplies(mall.as_staff(ASKS))
    await mall.wait(601)
    (kept,) = await list_keep_supplies(mall.as_staff(ANSWERS))
    await decide_keep_supply(mall.as_staff(ANSWERS), int(kept.keep_supply_id), True)
    (reviewed,) = await list_keep_supplies(mall.as_staff(ANSWERS))

    assert (asked.state, asked.is_own, asked.asked_by) == ("asked", True, "李收银")
    assert (kept.state, kept.needs_review, kept.is_own) == ("kept", True, False)
    assert (reviewed.needs_review, reviewed.approved_by) == (False, "周经理")
    assert reviewed.estimated_fen is not None
    assert reviewed.estimated_fen < 0


async def test_what_has_ended_is_a_list_of_its_own(mall: SmallMall) -> None:
    refused = await wish(mall, hours=5)
    await decide_keep_supply(mall.as_staff(ANSWERS), refused, False)
    await release_keep_supply(mall.as_staff(ANSWERS), await keep(mall, hours=6))
    await keep(mall, hours=1)
    await mall.wait(3_700)
    await keep(mall)

    ended = await list_keep_supplies(mall.as_staff(ASKS), ended=True)

    assert [one.state for one in ended] == ["over", "released", "refused"]
    assert [one.state for one in await list_keep_supplies(mall.as_staff(ASKS))] == ["kept"]
