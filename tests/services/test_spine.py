"""One shop from first reading to power again, on the services alone."""

import pytest

from backend.models.ledger import Entry, Posting
from backend.models.messages import Notice
from backend.models.supply import ArrearsEpisode, ReadRequest, SupplyOrder
from backend.services.verify_books import verify_books
from common.wire import Relay, Stage
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def test_a_first_reading_begins_and_charges_nothing(mall: SmallMall) -> None:
    await mall.read()

    state = await mall.state()

    assert (state.register_wh, state.accrued_nano) == (1_000_000, 0)


async def test_energy_accrues_at_the_peak_price(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(600)

    await mall.read(used_wh=1_000)

    assert (await mall.state()).accrued_nano == 1_000 * 952_000


async def test_the_same_batch_again_changes_nothing(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(600)
    meter = await mall.meter()
    reading = mall.reading(meter, 1_001_000)
    await mall.push(reading)

    await mall.push(reading)

    assert (await mall.state()).accrued_nano == 1_000 * 952_000


async def test_a_payment_is_booked_and_the_books_are_right(mall: SmallMall) -> None:
    booked = await mall.pay(12_345)

    assert booked.is_first
    assert (await mall.account()).settled_fen == 12_345
    assert await Entry.all().count() == 1
    assert sorted([p.amount_fen for p in await Posting.all()]) == [-12_345, 12_345]
    assert await verify_books(mall.ctx.settings.ledger_key) == []


async def test_a_drained_shop_is_warned_then_tripped_then_powered_after_paying(mall: SmallMall) -> None:
    await mall.drain()
    account = await mall.account()
    assert account.in_arrears
    assert await Notice.filter(account_id=account.id, level="LAST").count() == 1
    assert await mall.holds() == ["no_proof"]

    await mall.prove()
    assert await mall.holds() == ["delay"]

    mall.clock.advance(61)
    await mall.contact()
    await mall.runner.run_due()
    assert await mall.holds() == ["not_confirmed"]
    assert await ReadRequest.filter(purpose="confirm").count() == 1
    await mall.read(used_wh=1)
    assert (await mall.supply()).desired is Relay.ON
    mall.clock.advance(6)
    await mall.read(used_wh=1)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, 1)
    await mall.outcome(Stage.SENT)
    await mall.outcome(Stage.VERIFIED, relay=Relay.OFF)
    assert (await mall.supply()).verified_generation == 1
    assert (await mall.state()).relay is Relay.OFF

    mall.clock.advance(60)
    await mall.pay(5_000)
    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.ON, 2)
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)
    order = await SupplyOrder.get(generation=2)
    assert order.end_stage is Stage.VERIFIED
    assert (await mall.account()).in_arrears is False
    assert await ArrearsEpisode.filter(ended_at=None).count() == 0
