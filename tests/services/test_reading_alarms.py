"""What a reading says about the meter itself: back on its own money, held, a wrong clock."""

from datetime import timedelta

import pytest

from backend.models.operations import Alarm
from tests.services.mall import SmallMall


@pytest.mark.mariadb
async def test_a_meter_back_on_its_own_money_is_urgent_until_it_is_forced_again(mall: SmallMall) -> None:
    await mall.read(forced=True)
    assert await mall.alarms() == []
    for _ in range(3):
        mall.clock.advance(60)
        await mall.read(forced=False)

    alarm = await Alarm.get()
    assert (alarm.kind, alarm.severity, alarm.account_id) == (
        "own_money",
        "urgent",
        (await mall.account()).id,
    )
    assert alarm.text.startswith("1 号强电井 G1/L1 表 T0001（A001 商铺A001）")
    mall.clock.advance(60)
    await mall.read(forced=True)
    assert await mall.alarms() == []


async def test_a_meter_that_does_not_say_is_not_told_of(mall: SmallMall) -> None:
    await mall.read(forced=None)

    assert await mall.alarms() == []


async def test_a_held_meter_and_a_wrong_clock_are_told(mall: SmallMall) -> None:
    await mall.read(held=True, meter_clock_offset_s=-1_200.0)

    texts = {alarm.kind: alarm.text for alarm in await Alarm.all()}
    assert texts.keys() == {"meter_held", "meter_clock"}
    assert "慢 20 分钟" in texts["meter_clock"]
    mall.clock.advance(60)
    await mall.read()  # Clock and hold are not read every time: silence ends nothing.
    assert await mall.alarms() == ["meter_clock", "meter_held"]
    mall.clock.advance(60)
    await mall.read(held=False, meter_clock_offset_s=2.0)
    assert await mall.alarms() == []


async def test_what_waited_in_a_spool_says_nothing_about_now(mall: SmallMall) -> None:
    old = mall.clock.now() - timedelta(hours=1)
    await mall.read(forced=False, held=True, read_at=old)

    assert await mall.alarms() == []
