"""A shop over its power limit: told, tripped, restored by rule, and in the end a person's matter."""

import pytest

from backend.models.accounts import Account
from backend.models.audit import AuditRecord
from backend.models.messages import Notice
from backend.models.operations import Alarm
from backend.models.power import PowerWatch
from backend.models.site import Site
from backend.models.supply import OffReason, SupplyOrder
from backend.services import control_supply
from backend.services.control_supply import NothingToLift, restore
from backend.services.keep_supply import ask_keep_supply
from common.wire import OrderClass, Relay, Stage
from tests.services.mall import SmallMall

LIMIT_W = 3_000


@pytest.fixture
async def limited(mall: SmallMall) -> SmallMall:
    """Shop A001 has 500 yuan and a limit of 3 kW: told at 30 s, tripped at 60, back after 100, twice."""
    await mall.pay(50_000)
    return await limit(mall)


async def limit(mall: SmallMall) -> SmallMall:
    account = await mall.account()
    account.power_limit_w, account.power_trip_s, account.power_restore_s = LIMIT_W, 60, 100
    account.power_retries = 2
    await account.save()
    await mall.read(power_w=0)
    return mall


async def over(mall: SmallMall, seconds: int, power_w: int = 5_000) -> None:
    """Let the shop draw so much for so long, read every ten seconds."""
    for _ in range(seconds // 10):
        mall.clock.advance(10)
        await mall.read(power_w=power_w, relay=Relay.ON)
        await mall.runner.run_due()


async def state(mall: SmallMall) -> str:
    return (await PowerWatch.get()).state


async def test_a_shop_under_its_limit_leaves_no_trace(limited: SmallMall) -> None:
    await over(limited, 60, power_w=LIMIT_W)

    assert await PowerWatch.all().count() == 0
    assert await limited.alarms() == []


async def test_one_sample_over_is_counted_and_nothing_else(limited: SmallMall) -> None:
    await over(limited, 10)

    assert await state(limited) == "counting"
    assert await limited.alarms() == []


@pytest.mark.mariadb
async def test_staff_and_tenant_are_told_before_the_trip(limited: SmallMall) -> None:
    await over(limited, 40)

    assert await state(limited) == "told"
    assert await limited.alarms() == ["over_power"]
    where = "1 号强电井 G1/L1 表 T0001（A001 商铺A001）"
    assert (await Alarm.get()).text == f"{where}功率 5.00 kW，超过限值 3.00 kW，继续超限将断电"
    assert [row.level for row in await Notice.all()] == ["POWER"]
    assert (await limited.supply()).desired is Relay.ON


@pytest.mark.mariadb
async def test_it_is_tripped_after_the_grace(limited: SmallMall) -> None:
    await over(limited, 70)

    supply = await limited.supply()
    assert (supply.desired, supply.order_class, supply.generation) == (Relay.OFF, OrderClass.TRIP, 1)
    order = await SupplyOrder.get()
    assert (order.reasons, order.cause) == ('["power_limit"]', "power_limit")
    assert (await OffReason.get()).note == "功率 5.00 kW，限值 3.00 kW"


async def test_less_power_in_the_grace_ends_it(limited: SmallMall) -> None:
    await over(limited, 50)
    await over(limited, 40, power_w=100)

    assert await state(limited) == "under"
    assert await limited.alarms() == []
    assert (await limited.supply()).generation == 0


async def test_a_meter_that_falls_silent_is_unknown_and_not_tripped(limited: SmallMall) -> None:
    await over(limited, 50)
    for _ in range(20):
        limited.clock.advance(10)
        await limited.runner.run_due()

    assert await state(limited) == "unknown"
    assert (await limited.supply()).generation == 0
    assert await limited.alarms() == ["over_power"]


async def trip(mall: SmallMall) -> None:
    await over(mall, 70)
    await mall.outcome(Stage.VERIFIED, relay=Relay.OFF)
    assert (await mall.supply()).desired is Relay.OFF


@pytest.mark.mariadb
async def test_a_top_up_does_not_lift_it(limited: SmallMall) -> None:
    await trip(limited)

    await limited.pay(100_000)

    supply = await limited.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, 1)


async def test_keep_supply_does_not_prevent_it(limited: SmallMall) -> None:
    account = await limited.account()
    until_at = limited.clock.now().replace(hour=20)
    await ask_keep_supply(limited.as_staff(5), account.id, until_at, "冷库有货")

    await trip(limited)

    assert (await limited.supply()).verified_generation == 1


async def test_no_window_holds_it_and_arming_has_no_part_in_it(limited: SmallMall) -> None:
    site = await Site.get()
    site.policy = site.policy.replace('"no_trip_windows":[]', '"no_trip_windows":["00:00-00:00"]')
    await site.save()
    account = await limited.account()
    account.armed = False
    await account.save()

    await trip(limited)

    assert (await limited.supply()).verified_generation == 1


@pytest.mark.mariadb
async def test_it_is_restored_by_rule_twice_and_then_by_a_person(limited: SmallMall) -> None:
    for number in (1, 2):
        await trip(limited)
        await limited.wait(100)
        supply = await limited.supply()
        assert (supply.desired, supply.generation) == (Relay.ON, 2 * number)
        assert await limited.alarms() == []
    await trip(limited)
    assert await state(limited) == "held"
    assert await limited.tasks() == ["power_limit"]
    await limited.wait(5_000)
    assert (await limited.supply()).desired is Relay.OFF

    await restore(limited.as_staff(5), (await limited.meter()).id, "已拆除电炉")

    assert (await limited.supply()).desired is Relay.ON
    audit = await AuditRecord.filter(operation="staff.restore").get()
    assert '"lifted":["power_limit"]' in audit.facts.replace(" ", "")
    row = await PowerWatch.get()
    assert (row.state, row.retries) == ("under", 0)
    assert (await limited.tasks(), await limited.alarms()) == ([], [])


async def test_arrears_keep_it_off_when_the_limit_lets_go(mall: SmallMall) -> None:
    await mall.pay(100)
    await limit(mall)
    await Account.filter(power_limit_w=LIMIT_W).update(power_restore_s=3_000)
    await trip(mall)
    mall.clock.advance(600)
    await mall.read(used_wh=1_200)
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()

    await mall.wait(3_000)

    assert (await mall.supply()).desired is Relay.OFF
    assert await OffReason.filter(standing_key__isnull=False).count() == 0
    assert (await SupplyOrder.get()).reasons == '["arrears"]'


@pytest.mark.parametrize("by", ["staff", "safety"])
async def test_what_people_switched_off_stays_off_when_the_limit_lets_go(limited: SmallMall, by: str) -> None:
    await trip(limited)
    meter_id = (await limited.meter()).id
    if by == "staff":
        await control_supply.trip(limited.as_staff(5), meter_id, "检修")
    else:
        await control_supply.emergency_trip(limited.as_staff(5), meter_id, "冒烟")
    generation = (await limited.supply()).generation

    await limited.wait(100)
    await limited.pay(50_000)

    supply = await limited.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, generation)
    assert await OffReason.filter(standing_key__isnull=False).values_list("reason", flat=True) == [by]
    assert (await SupplyOrder.get(generation=generation)).reasons == f'["{by}"]'


@pytest.mark.mariadb
async def test_a_night_limit_only_alarms(mall: SmallMall) -> None:
    await mall.pay(5_000)
    account = await mall.account()
    account.night_limit_w = 500
    await account.save()
    mall.clock.advance(13 * 3_600)
    await over(mall, 300, power_w=3_000)
    assert [(row.kind, row.severity) for row in await Alarm.filter(kind="night_power")] == [
        ("night_power", "minor")
    ]
    assert (await mall.supply()).generation == 0

    await over(mall, 10, power_w=400)

    assert await mall.alarms() == []


async def test_the_night_limit_is_none_by_day(mall: SmallMall) -> None:
    account = await mall.account()
    account.night_limit_w = 500
    await account.save()

    await over(mall, 300, power_w=3_000)

    assert await mall.alarms() == []


@pytest.mark.mariadb
async def test_the_meters_own_load_trip_is_shown_and_not_fought(mall: SmallMall) -> None:
    await mall.pay(5_000)
    await mall.read(relay=Relay.ON)
    mall.clock.advance(10)

    await mall.read(relay=Relay.OFF, load_tripped=True)

    assert await mall.alarms() == ["load_trip"]
    supply = await mall.supply()
    assert (supply.desired, supply.generation, (await mall.state()).relay) == (Relay.ON, 0, Relay.OFF)
    mall.clock.advance(10)
    await mall.read(relay=Relay.ON, load_tripped=False)
    assert await mall.alarms() == []


async def test_a_person_switches_a_load_tripped_meter_on_again(mall: SmallMall) -> None:
    await mall.pay(5_000)
    meter = await mall.meter()
    await mall.read(relay=Relay.OFF, load_tripped=True)

    await restore(mall.as_staff(5), meter.id, "已减少用电")

    supply = await mall.supply()
    assert (supply.desired, supply.generation, supply.order_class) == (Relay.ON, 1, OrderClass.RESTORE)
    mall.clock.advance(10)
    await mall.read(relay=Relay.ON)
    with pytest.raises(NothingToLift):
        await restore(mall.as_staff(5), meter.id, "再试")
