"""What a replaced meter leaves to the next one: its ratio, its power limit, and nothing that waits."""

from datetime import timedelta

import pytest

from backend.models.accounts import Account
from backend.models.meters import RatioChange
from backend.models.people import Approval
from backend.models.power import PowerWatch
from backend.models.supply import OffReason, Supply
from backend.services.approvals import AlreadyDecided
from backend.services.control_supply import restore, trip
from backend.services.meter_changes import Replacement, ask_change, decide_change
from backend.services.meter_succession import RatioIsDue
from backend.services.power_limits import Limits, list_watches, set_limits
from backend.services.ratio_changes import RatioBody, ask_ratio_change, decide_ratio_change, report_replaced
from backend.services.site_meters import NewMeter, add_meters, retire_meters
from backend.store import rows
from common.wire import Relay
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb
PEAK = 952_000


async def change_meter(mall: SmallMall, old_wh: int | None, serial: str = "NEW1", **more: object) -> None:
    told = {"changed_at": None, "confirmed": True, **more}
    new = Replacement(serial=serial, register_wh=20)
    meter = await mall.meter()
    number = await ask_change(
        mall.as_staff(5),
        meter.id,
        new,
        reason="烧表",
        old_register_wh=old_wh,
        **told,  # type: ignore[arg-type]
    )
    await decide_change(mall.as_staff(6), int(number), granted=True)


async def ask_ratio(mall: SmallMall, *, replaced: bool = True) -> int:
    body = RatioBody(ct_ratio=40, rated_power_w=528_000, replaced=replaced, reason="更换互感器")
    return int(await ask_ratio_change(mall.as_staff(5), (await mall.meter()).id, body))


async def approved_ratio(mall: SmallMall, *, replaced: bool = True) -> int:
    number = await ask_ratio(mall, replaced=replaced)
    await decide_ratio_change(mall.as_staff(6), number, granted=True)
    return number


async def charged_wh(mall: SmallMall) -> int:
    (row,) = await rows("SELECT SUM(energy_wh) AS n FROM accrual")
    return int(row["n"] or 0)


async def test_a_register_at_replaced_transformers_divides_the_last_interval_of_a_meter(
    mall: SmallMall,
) -> None:
    await mall.read()
    number = await approved_ratio(mall)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(5), number, 1_000_060)
    mall.clock.advance(300)

    await change_meter(mall, 1_000_100)

    assert await charged_wh(mall) == 60 + 40 * 40
    new = await mall.meter()
    assert (new.serial, new.ct_ratio, new.rated_power_w) == ("NEW1", 40, 528_000)
    mall.clock.advance(60)
    await mall.push(mall.reading(new, 30))
    assert await charged_wh(mall) == 60 + 40 * 40 + 10 * 40


async def test_a_ratio_that_is_due_holds_for_the_meter_that_follows(mall: SmallMall) -> None:
    await mall.read()
    await approved_ratio(mall, replaced=False)
    mall.clock.advance(300)

    await change_meter(mall, None)

    assert ((await mall.meter()).ct_ratio, await charged_wh(mall)) == (40, 0)
    assert await RatioChange.filter(standing_key__isnull=False).count() == 0


async def test_a_meter_taken_off_before_its_new_ratio_waits_until_that_is_settled(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(600)
    number = await approved_ratio(mall, replaced=False)

    with pytest.raises(RatioIsDue):
        await change_meter(mall, 1_000_100, changed_at=mall.clock.now() - timedelta(seconds=300))

    assert (await mall.meter()).serial == "T0001"
    await decide_ratio_change(mall.as_staff(6), number, granted=False)


async def test_a_register_that_was_written_down_later_than_the_last_reading_is_not_passed_over(
    mall: SmallMall,
) -> None:
    await mall.read()
    number = await approved_ratio(mall)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(5), number, 1_000_060)
    mall.clock.advance(300)

    with pytest.raises(RatioIsDue):
        await change_meter(mall, None)

    assert await charged_wh(mall) == 0
    assert (await mall.meter()).serial == "T0001"


async def test_a_wish_for_a_ratio_goes_with_its_meter(mall: SmallMall) -> None:
    await mall.read()
    number = await ask_ratio(mall)
    await change_meter(mall, None)

    with pytest.raises(AlreadyDecided):
        await decide_ratio_change(mall.as_staff(6), number, granted=True)

    assert await Approval.filter(kind="ratio_change", standing_key__isnull=False).count() == 0
    assert (await mall.meter()).ct_ratio == 1


async def draw(mall: SmallMall, power_w: int, seconds: int) -> None:
    """Draw so much for so long, read every five seconds by a meter whose register stands still."""
    meter = await mall.meter()
    register_wh = (await mall.state()).register_wh or 0
    for _ in range(seconds // 5):
        mall.clock.advance(5)
        await mall.contact()
        await mall.push(mall.reading(meter, register_wh, power_w=power_w, relay=Relay.ON))
        await mall.runner.run_due()


async def over_limit(mall: SmallMall, retries: int = 3) -> None:
    limits = Limits(
        power_limit_w=6_000, night_limit_w=None, tell_s=10, trip_s=30, restore_s=600, retries=retries
    )
    await set_limits(mall.as_staff(5), (await mall.account()).id, limits, "合同容量")
    await mall.pay(100_000)
    await mall.read()
    await draw(mall, 9_000, 60)
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_trip_for_power_ends_by_rule_behind_the_meter_that_follows(mall: SmallMall) -> None:
    await over_limit(mall)
    old = await mall.meter()
    await change_meter(mall, None)

    (watch,) = await list_watches(mall.as_staff(5))
    new = await mall.meter()
    assert (watch.meter_id, watch.state, watch.serial) == (str(new.id), "tripped", "NEW1")
    assert not await PowerWatch.exists(meter_id=old.id)
    mall.clock.advance(601)
    await mall.contact()
    await mall.runner.run_due()

    assert (await mall.supply()).desired is Relay.ON
    assert (await PowerWatch.get(meter_id=new.id)).retries == 1
    assert await OffReason.filter(standing_key__isnull=False).count() == 0


async def test_a_shop_held_off_for_power_is_held_behind_the_meter_that_follows(mall: SmallMall) -> None:
    await over_limit(mall, retries=0)
    await change_meter(mall, None)
    mall.clock.advance(86_400)
    await mall.contact()
    await mall.runner.run_due()
    assert (await mall.supply()).desired is Relay.OFF

    await restore(mall.as_staff(5, "staff.restore"), (await mall.meter()).id, "已减少用电")

    assert (await mall.supply()).desired is Relay.ON
    assert await mall.tasks() == []


async def test_the_meter_that_follows_proves_its_own_samples(mall: SmallMall) -> None:
    await mall.pay(100_000)
    await mall.read()
    limits = Limits(power_limit_w=6_000, night_limit_w=None, tell_s=10, trip_s=30)
    await set_limits(mall.as_staff(5), (await mall.account()).id, limits, "合同容量")
    await draw(mall, 9_000, 15)
    await change_meter(mall, None)

    await draw(mall, 9_000, 15)

    assert (await mall.supply()).desired is Relay.ON
    await draw(mall, 9_000, 45)
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_retired_meter_takes_no_reason_to_be_off_to_its_next_shop(mall: SmallMall) -> None:
    await over_limit(mall)
    meter = await mall.meter()
    await trip(mall.as_staff(5), meter.id, "退租")
    await Account.filter(id=meter.account_id).update(closed_at=mall.clock.now())
    await retire_meters(mall.as_staff(5), [str(meter.id)], "退租")
    part = NewMeter(
        serial=meter.serial,
        unit=meter.unit,
        kind="prepaid",
        profile=meter.profile,
        rated_power_w=13_200,
        shop_code="A002",
    )

    await add_meters(mall.as_staff(5), meter.line_id, [part])

    assert await OffReason.filter(standing_key__isnull=False).count() == 0
    assert not await PowerWatch.exists(meter_id=meter.id)
    await mall.pay(1_000, "A002")
    assert (await Supply.get(meter_id=meter.id)).desired is Relay.ON
