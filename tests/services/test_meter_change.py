"""A meter is replaced: nothing charged twice, no energy lost, the shop as it was, two people."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from backend.domain.ledger import EntryKind
from backend.errors import Invalid
from backend.models.ledger import Entry
from backend.models.meters import Meter, MeterChange, MeterState
from backend.models.site import Site
from backend.models.supply import OffReason, Supply, SupplyOrder
from backend.services.approvals import AlreadyAsked, AlreadyDecided, OwnRequest
from backend.services.control_supply import trip
from backend.services.cut_day import cut_day
from backend.services.meter_changes import (
    RegisterHasPassed,
    Replacement,
    SerialInUse,
    UnitInUse,
    UnlikelyRegister,
    ask_change,
    decide_change,
    list_changes,
)
from backend.services.verify_books import verify_books
from backend.store import rows
from common.units import NANOYUAN_PER_FEN
from common.wire import Relay, Stage
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb
PEAK = 952_000


async def ask(mall: SmallMall, old_wh: int | None = None, serial: str = "NEW1", **more: Any) -> int:
    told = {"changed_at": None, "confirmed": False, **more}
    columns = {name: told.pop(name) for name in ("unit", "ct_ratio") if name in told}
    new = Replacement(serial=serial, register_wh=20, **columns)
    meter = await mall.meter()
    return int(
        await ask_change(mall.as_staff(5), meter.id, new, reason="烧表", old_register_wh=old_wh, **told)
    )


async def change(mall: SmallMall, old_wh: int | None = None, **more: Any) -> None:
    await decide_change(mall.as_staff(6), await ask(mall, old_wh, **more), granted=True)


async def owed_nano(mall: SmallMall) -> int:
    """What the account has been charged and what accrues, all in all."""
    account = await mall.account()
    accrued = await rows("SELECT SUM(accrued_nano) AS n FROM meter_state WHERE account_id = ?", [account.id])
    paid = await rows("SELECT SUM(amount_fen) AS n FROM top_up WHERE booked_at IS NOT NULL")
    balance = account.settled_fen * NANOYUAN_PER_FEN - account.carried_nano - int(accrued[0]["n"])
    return int(paid[0]["n"] or 0) * NANOYUAN_PER_FEN - balance


async def test_the_old_interval_is_closed_and_the_new_meter_begins_at_its_own_register(
    mall: SmallMall,
) -> None:
    old = await mall.meter()
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=500)
    mall.clock.advance(600)

    await change(mall, 1_000_700)

    new = await mall.meter()
    assert (new.serial, new.unit, new.id == old.id) == ("NEW1", old.unit, False)
    mall.clock.advance(60)
    await mall.push(mall.reading(new, 120))
    assert await owed_nano(mall) == 800 * PEAK
    assert (await mall.state()).accrued_wh == 100
    gone = await Meter.get(id=old.id)
    assert (gone.retired_at is not None, gone.account_id) == (True, None)
    left = await MeterState.get(meter_id=old.id)
    assert (left.account_id, left.accrued_nano, left.accrued_wh) == (None, 0, 0)
    kinds = await rows(
        "SELECT meter_id, register_wh FROM reading WHERE kind = 'changed' ORDER BY register_wh"
    )
    assert [(row["meter_id"], row["register_wh"]) for row in kinds] == [(new.id, 20), (old.id, 1_000_700)]


async def test_the_next_cut_charges_the_rest_and_the_books_balance(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=500)
    await change(mall, 1_000_500)
    mall.clock.advance(600)
    await mall.push(mall.reading(await mall.meter(), 1_020))

    await cut_day(mall.ctx, mall.site_id, mall.clock.now().date())
    await cut_day(mall.ctx, mall.site_id, mall.clock.now().date())

    assert await owed_nano(mall) == 1_500 * PEAK
    assert await Entry.filter(kind=EntryKind.ENERGY).count() == 2
    assert await verify_books(mall.ctx.settings.ledger_key) == []


async def test_the_old_meters_late_readings_are_refused(mall: SmallMall) -> None:
    old = await mall.meter()
    await mall.read()
    mall.clock.advance(600)
    await change(mall, 1_000_700)

    answer = await mall.push(mall.reading(old, 1_000_300, read_at=mall.clock.now() - timedelta(seconds=60)))

    assert set(answer.refused) == {str(old.id)}
    assert await owed_nano(mall) == 700 * PEAK


async def test_a_register_that_was_read_is_the_newest_one_at_the_approval(mall: SmallMall) -> None:
    await mall.read()
    number = await ask(mall)
    mall.clock.advance(600)
    await mall.read(used_wh=300)

    await decide_change(mall.as_staff(6), number, granted=True)

    done = await MeterChange.get(id=number)
    assert (done.old_source, done.old_register_wh, done.energy_wh) == ("read", 1_000_300, 0)
    assert await owed_nano(mall) == 300 * PEAK


async def test_a_typed_register_that_was_passed_meanwhile_is_refused_and_nothing_happens(
    mall: SmallMall,
) -> None:
    await mall.read()
    mall.clock.advance(60)
    number = await ask(mall, 1_000_100)
    await mall.read(used_wh=200)

    with pytest.raises(RegisterHasPassed):
        await decide_change(mall.as_staff(6), number, granted=True)

    assert (await Meter.filter(serial="NEW1").count(), (await mall.state()).accrued_wh) == (0, 200)


async def test_an_unlikely_register_wants_a_second_look(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    with pytest.raises(UnlikelyRegister):
        await ask(mall, 1_100_000)
    with pytest.raises(RegisterHasPassed):
        await ask(mall, 999_999)

    await change(mall, 1_100_000, confirmed=True)

    assert await owed_nano(mall) == 100_000 * PEAK


async def test_nobody_approves_their_own_change_and_nobody_twice(mall: SmallMall) -> None:
    await mall.read()
    number = await ask(mall)
    with pytest.raises(OwnRequest):
        await decide_change(mall.as_staff(5), number, granted=True)
    with pytest.raises(AlreadyAsked):
        await ask(mall)

    done = await asyncio.gather(
        *[decide_change(mall.as_staff(who), number, granted=True) for who in (6, 7, 8)],
        return_exceptions=True,
    )

    assert sum(isinstance(one, AlreadyDecided) for one in done) == 2
    assert await Meter.filter(serial="NEW1").count() == 1


async def test_a_refused_change_changes_nothing(mall: SmallMall) -> None:
    await mall.read()
    old = await mall.meter()

    await decide_change(mall.as_staff(6), await ask(mall), granted=False)

    assert (await mall.meter()).id == old.id
    assert [one.state for one in await list_changes(mall.as_staff(5))] == ["refused"]
    await change(mall)


async def test_a_change_must_fit_the_line(mall: SmallMall) -> None:
    await mall.read()
    other = await mall.meter("A002")

    with pytest.raises(SerialInUse):
        await ask(mall, serial=other.serial)
    with pytest.raises(UnitInUse):
        await ask(mall, unit=other.unit)
    with pytest.raises(Invalid):
        await ask(mall, changed_at=mall.clock.now() - timedelta(days=4))


async def test_the_new_ratio_counts_from_the_new_register_on(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(600)
    await change(mall, 1_000_100, ct_ratio=10)
    mall.clock.advance(600)

    await mall.push(mall.reading(await mall.meter(), 30))

    assert await owed_nano(mall) == (100 + 100) * PEAK


async def test_a_quarantined_register_ends_with_its_meter(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    await mall.read(used_wh=-500_000)  # The new one is in already.
    assert await mall.alarms() == ["reading_fallen"]

    await change(mall, 1_000_050)

    assert await mall.alarms() == []
    assert "doubt" not in await mall.holds()
    assert await owed_nano(mall) == 50 * PEAK


async def test_a_shop_with_power_gets_it_ordered_on_the_new_meter(mall: SmallMall) -> None:
    await mall.read()
    await change(mall)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.ON, 1)
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)
    assert (await mall.supply()).verified_generation == 1


async def test_a_shop_cut_for_arrears_stays_off_until_it_pays(mall: SmallMall) -> None:
    await mall.cut_off()
    await change(mall)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, 1)
    await mall.outcome(Stage.VERIFIED, relay=Relay.OFF)
    await mall.pay(10_000)
    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.ON, 2)


async def test_what_the_staff_switched_off_stays_off(mall: SmallMall) -> None:
    await mall.read()
    await trip(mall.as_staff(5), (await mall.meter()).id, "检修")
    await change(mall)

    new = await mall.meter()
    assert (await mall.supply()).desired is Relay.OFF
    standing = await OffReason.filter(standing_key__isnull=False)
    assert [(row.meter_id, row.reason) for row in standing] == [(new.id, "staff")]


async def test_undo_is_another_change_and_the_generation_goes_on(mall: SmallMall) -> None:
    old = await mall.meter()
    await mall.read()
    await mall.pay(10_000)
    await trip(mall.as_staff(5), old.id, "检修")
    before = (await mall.supply()).generation
    await change(mall)

    await change(mall, serial=old.serial)

    back = await mall.meter()
    supply = await mall.supply()
    assert (back.id, back.unit, back.retired_at) == (old.id, old.unit, None)
    assert supply.generation > before
    assert await SupplyOrder.filter(meter_id=old.id, ended_at=None).count() == 1
    mall.clock.advance(60)
    await mall.push(mall.reading(back, 120))
    assert await owed_nano(mall) == 100 * PEAK


async def test_the_collectors_plan_has_the_new_meter(mall: SmallMall) -> None:
    await mall.read()
    version = (await Site.get(id=mall.site_id)).plan_version

    await change(mall)

    assert (await Site.get(id=mall.site_id)).plan_version != version
    assert await Supply.filter(account_id=(await mall.account()).id).count() == 1
