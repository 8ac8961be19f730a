"""Keep-supply: asked by one person, answered by another, and only arrears are kept away by it."""

from datetime import timedelta

import pytest

from backend.errors import Invalid, NotFound
from backend.models.accounts import KeepSupply
from backend.services.approvals import AlreadyDecided, OwnRequest
from backend.services.control_supply import trip
from backend.services.keep_supply import ask_keep_supply, decide_keep_supply, release_keep_supply
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
