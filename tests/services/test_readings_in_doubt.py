"""Registers that fall, jump or come from the future: shown, never charged, and nobody is cut on them."""

from datetime import timedelta
from pathlib import Path

from backend.models.operations import Alarm
from backend.models.tariffs import TariffVersion
from backend.services.tariff_book import versions_by_tariff
from common.wire import Relay
from tests.services.mall import SmallMall, small_mall
from tests.services.site import site_text


async def test_a_fallen_register_is_quarantined_and_told_once(mall: SmallMall) -> None:
    await mall.read()
    for _ in range(3):
        mall.clock.advance(60)
        await mall.push(mall.reading(await mall.meter(), 900_000))

    state = await mall.state()
    assert (state.register_wh, state.accrued_nano) == (1_000_000, 0)
    assert state.quarantined_at == mall.clock.now() - timedelta(seconds=120)
    assert await mall.alarms() == ["reading_fallen"]
    where = "1 号强电井 G1/L1 表 T0001（A001 商铺A001）"
    assert (await Alarm.get()).text.startswith(f"{where}示数 900.00 kWh 低于上次示数")


async def test_a_slip_heals_with_the_next_good_reading(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    await mall.push(mall.reading(await mall.meter(), 900_000))
    mall.clock.advance(60)

    await mall.read(used_wh=100)

    state = await mall.state()
    assert (state.accrued_wh, state.quarantined_at) == (100, None)
    assert await mall.alarms() == []
    assert await mall.verdicts() == ["first", "fallen", "accepted"]


async def test_a_jump_is_not_charged_however_long_it_stands(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    await mall.push(mall.reading(await mall.meter(), 1_010_000))  # 10 kWh in a minute.
    for hour in range(1, 4):  # After an hour 13.2 kWh would have been possible.
        mall.clock.advance(3_600)
        await mall.push(mall.reading(await mall.meter(), 1_010_000 + hour))

    state = await mall.state()
    assert (state.register_wh, state.accrued_wh) == (1_000_000, 0)
    assert await mall.verdicts() == ["first", "jumped", "jumped", "jumped", "jumped"]


async def test_a_jump_that_was_a_misread_heals_below_it(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    meter = await mall.meter()
    jumped = mall.reading(meter, 1_010_000)
    mall.clock.advance(60)

    await mall.push(jumped, mall.reading(meter, 1_000_100))

    assert (await mall.state()).accrued_wh == 100
    assert await mall.alarms() == []
    mall.clock.advance(3_600)
    await mall.push(mall.reading(meter, 1_010_000))  # Now it may well be.
    assert (await mall.state()).accrued_wh == 10_000


async def test_a_reading_from_the_future_is_not_used(mall: SmallMall) -> None:
    await mall.read()
    ahead = mall.reading(await mall.meter(), 1_000_010, read_at=mall.clock.now() + timedelta(seconds=61))

    await mall.push(ahead)

    state = await mall.state()
    assert (state.register_wh, state.quarantined_at) == (1_000_000, None)
    assert await mall.alarms() == ["reading_future"]
    mall.clock.advance(120)
    await mall.read(used_wh=20)
    assert await mall.alarms() == []


async def test_nobody_is_cut_on_a_register_in_doubt(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.contact()
    await mall.push(mall.reading(await mall.meter(), 1))
    mall.clock.advance(1)

    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF  # Healed by two good readings.


async def test_a_standing_quarantine_holds_the_trip(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.contact()
    for _ in range(3):
        await mall.push(mall.reading(await mall.meter(), 1))
        mall.clock.advance(6)

    assert (await mall.supply()).desired is Relay.ON
    assert "doubt" in await mall.holds()


async def test_energy_before_any_tariff_waits_for_a_person(store: str, tmp_path: Path) -> None:
    text = site_text(1).replace('valid_from = "2026-01-01"', 'valid_from = "2026-04-01"')
    mall = await small_mall(tmp_path, text=text)
    assert await TariffVersion.all().count() == len((await versions_by_tariff(mall.site_id)).popitem()[1])
    await mall.read()
    mall.clock.advance(600)

    await mall.read(used_wh=100)

    state = await mall.state()
    assert (state.accrued_nano, state.register_wh) == (0, 1_000_000)
    assert await mall.alarms() == ["reading_jumped"]


async def test_an_outage_gives_the_delay_anew(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(3_600)  # Nothing was read for an hour; the delay of a minute is long over.

    await mall.confirm()

    assert await mall.holds() == ["delay"]
    assert (await mall.supply()).desired is Relay.ON
    await mall.wait(61)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_short_gap_is_no_outage(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(14 * 60)

    await mall.confirm()

    assert (await mall.supply()).desired is Relay.OFF
