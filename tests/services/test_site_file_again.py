"""A site file loaded again while the mall runs: nothing in use changes hands, and nothing collides."""

import pytest

from backend.models.meters import Meter, MeterState
from backend.models.site import Line
from backend.services.meter_changes import Replacement, ask_change, decide_change
from backend.services.site_file import read_site_file
from backend.services.site_load import OwnerInForce, UnitTaken, load_site
from backend.services.site_meters import NewMeter, add_meters
from tests.services.mall import SmallMall
from tests.services.site import meter_text, site_text

pytestmark = pytest.mark.mariadb


async def replace_meter(mall: SmallMall, **more: int) -> Meter:
    """Put NEW1 in the place of the first shop's meter."""
    await mall.read()
    asked = await ask_change(
        mall.as_staff(5),
        (await mall.meter()).id,
        Replacement(serial="NEW1", register_wh=0, **more),
        reason="烧表",
        old_register_wh=None,
        changed_at=None,
        confirmed=False,
    )
    await decide_change(mall.as_staff(6), int(asked), granted=True)
    return await mall.meter()


@pytest.mark.parametrize("unit", [{}, {"unit": 77}])
async def test_a_site_file_from_before_a_meter_change_leaves_both_meters_alone(
    mall: SmallMall, unit: dict[str, int]
) -> None:
    new = await replace_meter(mall, **unit)

    loaded = await load_site(mall.ctx, read_site_file(site_text(3)))

    assert (loaded.made, loaded.replaced) == (0, ("T0001",))
    old = await Meter.get(serial="T0001")
    assert old.retired_at is not None
    assert old.account_id is None
    assert ((await mall.meter()).id, (await mall.meter()).unit) == (new.id, new.unit)
    assert await MeterState.filter(account_id=(await mall.account()).id).count() == 1

    text = (
        site_text(3)
        .replace('serial = "T0001"', 'serial = "NEW1"')
        .replace("unit = 1\n", f"unit = {new.unit}\n")
    )
    assert (await load_site(mall.ctx, read_site_file(text))).replaced == ()


async def test_a_site_file_names_an_address_that_another_meter_has(mall: SmallMall) -> None:
    text = site_text(3).replace('serial = "T0001"', 'serial = "T0009"')

    with pytest.raises(UnitTaken) as caught:
        await load_site(mall.ctx, read_site_file(text))

    assert "T0009" in caught.value.text()
    assert "T0001" in caught.value.text()
    assert await Meter.filter(serial="T0009").count() == 0


async def test_a_site_file_takes_no_meter_from_an_open_account(mall: SmallMall) -> None:
    await mall.read()
    text = site_text(3).replace('shop = "A001"', 'shop = "A002"')

    with pytest.raises(OwnerInForce):
        await load_site(mall.ctx, read_site_file(text))

    assert (await mall.meter()).serial == "T0001"


async def test_a_site_file_gives_a_waiting_meter_to_a_shop_from_its_next_reading_on(mall: SmallMall) -> None:
    line = await Line.get(code="L1")
    spare = NewMeter(serial="N9", unit=9, kind="prepaid", profile="acrel-ddsy1352", rated_power_w=13_200)
    (added,) = await add_meters(mall.as_staff(5), line.id, [spare])
    meter = await Meter.get(id=int(added.meter_id))
    await mall.push(mall.reading(meter, 500_000))
    mall.clock.advance(600)
    text = site_text(3, more=meter_text(meter.serial, 9, 'shop = "A002"'))

    await load_site(mall.ctx, read_site_file(text))

    account = await mall.account("A002")
    state = await MeterState.get(meter_id=meter.id)
    assert (state.account_id, state.register_wh) == (account.id, None)
    await mall.push(mall.reading(meter, 500_300))
    assert (await MeterState.get(meter_id=meter.id)).accrued_wh == 0
