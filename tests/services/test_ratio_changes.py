"""Another ratio: two people, from a reading on, and no interval priced by the wrong one."""

from datetime import timedelta

import pytest

from backend.errors import Invalid
from backend.models.meters import MeterState, RatioChange
from backend.services.approvals import AlreadyAsked, AlreadyDecided, OwnRequest
from backend.services.ratio_changes import (
    NothingReplaced,
    RatioBody,
    ask_ratio_change,
    decide_ratio_change,
    list_ratio_changes,
    report_replaced,
)
from backend.services.show_meter import show_meter
from tests.services.mall import SmallMall

ELECTRICIAN, MANAGER = 5, 6


async def asked(mall: SmallMall, *, replaced: bool = False, ct_ratio: int = 40, **more: str) -> int:
    body = RatioBody(ct_ratio=ct_ratio, rated_power_w=400_000, replaced=replaced, reason="原档案有误", **more)  # type: ignore[arg-type]
    return int(await ask_ratio_change(mall.as_staff(ELECTRICIAN), (await mall.meter()).id, body))


async def approved(mall: SmallMall, *, replaced: bool = False) -> int:
    number = await asked(mall, replaced=replaced)
    await decide_ratio_change(mall.as_staff(MANAGER), number, granted=True)
    return number


async def energies(mall: SmallMall) -> int:
    return (await mall.state()).accrued_wh


async def state_of(mall: SmallMall) -> str:
    return (await list_ratio_changes(mall.as_staff(MANAGER)))[0].state


@pytest.mark.mariadb
async def test_a_corrected_ratio_holds_from_the_next_reading_on(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(600)
    await approved(mall)
    mall.clock.advance(5)

    await mall.read(used_wh=100)  # Up to here the old ratio.
    mall.clock.advance(600)
    await mall.read(used_wh=100)

    assert await energies(mall) == 100 + 4_000
    assert await state_of(mall) == "applied"
    assert (await mall.meter()).rated_power_w == 400_000


async def test_until_another_person_approves_nothing_changes(mall: SmallMall) -> None:
    await mall.read()
    number = await asked(mall)
    with pytest.raises(OwnRequest):
        await decide_ratio_change(mall.as_staff(ELECTRICIAN), number, granted=True)
    mall.clock.advance(600)

    for _ in range(2):
        await mall.read(used_wh=100)
        mall.clock.advance(600)

    assert await energies(mall) == 200
    assert await state_of(mall) == "asked"


async def test_readings_from_before_the_approval_keep_the_old_ratio_however_late_they_come(
    mall: SmallMall,
) -> None:
    await mall.read()
    meter, began_at = await mall.meter(), mall.clock.now()
    mall.clock.advance(1_800)
    await approved(mall)
    mall.clock.advance(60)

    await mall.push(
        *(
            mall.reading(meter, 1_000_000 + 100 * n, read_at=began_at + timedelta(minutes=10 * n))
            for n in (1, 2)
        ),
        mall.reading(meter, 1_000_300),
    )
    mall.clock.advance(600)
    await mall.push(mall.reading(meter, 1_000_400))

    assert await energies(mall) == 300 + 4_000


async def test_replaced_transformers_wait_until_somebody_reports_them(mall: SmallMall) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    mall.clock.advance(600)

    await mall.read(used_wh=100)

    assert await energies(mall) == 100
    assert (await RatioChange.get(id=number)).applied_at is None
    assert await state_of(mall) == "approved"


@pytest.mark.mariadb
async def test_the_register_at_the_replacement_splits_its_interval(mall: SmallMall) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(ELECTRICIAN), number, 1_000_060)
    mall.clock.advance(300)

    await mall.read(used_wh=100)

    assert await energies(mall) == 60 + 40 * 40
    assert await mall.alarms() == []


async def test_without_a_register_the_next_reading_is_the_boundary(mall: SmallMall) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(ELECTRICIAN), number, None)
    mall.clock.advance(2)

    await mall.read(used_wh=60)  # The shop is off: it was asked for at once.
    mall.clock.advance(300)
    await mall.read(used_wh=40)

    assert await energies(mall) == 60 + 40 * 40


@pytest.mark.parametrize("register_wh", [999_990, 1_900_000])
async def test_a_register_where_the_meter_cannot_stand_is_refused(mall: SmallMall, register_wh: int) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    mall.clock.advance(300)

    with pytest.raises(Invalid):
        await report_replaced(mall.as_staff(ELECTRICIAN), number, register_wh)


async def test_a_meter_that_stands_below_what_was_written_down_is_charged_by_neither(mall: SmallMall) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(ELECTRICIAN), number, 1_000_500)
    mall.clock.advance(300)

    await mall.read(used_wh=100)

    assert await mall.verdicts() == ["first", "accepted", "fallen"]
    assert await energies(mall) == 500  # What was written down, by the old ratio.
    assert await mall.alarms() == ["reading_fallen"]


async def test_what_was_read_past_the_replacement_meanwhile_waits_for_a_person(mall: SmallMall) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(ELECTRICIAN), number, 1_000_010)
    before = mall.reading(await mall.meter(), 1_000_050, read_at=mall.clock.now() - timedelta(seconds=1))
    mall.clock.advance(60)
    await mall.push(before)

    await mall.read(used_wh=100)

    assert await energies(mall) == 50
    assert await mall.verdicts() == ["first", "accepted", "fallen", "jumped"]


async def test_after_a_person_accepted_a_register_past_the_boundary_the_new_ratio_holds(
    mall: SmallMall,
) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(ELECTRICIAN), number, None)
    mall.clock.advance(60)
    accepted = {"read_at": mall.clock.now(), "register_wh": 1_000_000}
    await MeterState.filter(meter_id=(await mall.meter()).id).update(**accepted)
    mall.clock.advance(600)

    await mall.read(used_wh=100)

    assert await energies(mall) == 4_000


async def test_a_batch_that_is_run_again_uses_the_old_ratio_up_to_the_boundary(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    await approved(mall)
    mall.clock.advance(600)
    meter = await mall.meter()
    batch = [mall.reading(meter, 1_000_100)]

    await mall.push(*batch)
    await mall.push(*batch)

    assert await energies(mall) == 100


async def test_old_readings_are_shown_by_the_ratio_of_their_time(mall: SmallMall) -> None:
    await mall.read(power_w=1_000)
    mall.clock.advance(60)
    await approved(mall)
    mall.clock.advance(5)

    await mall.read(power_w=1_000)

    shown = await show_meter(mall.as_staff(MANAGER), (await mall.meter()).id)
    assert [one.power_w for one in shown.readings] == [40_000, 1_000]
    assert shown.power_w == 40_000


async def test_a_change_stands_once_is_taken_back_once_and_makes_room(mall: SmallMall) -> None:
    await mall.read()
    number = await approved(mall, replaced=True)
    with pytest.raises(AlreadyAsked):
        await asked(mall)

    await decide_ratio_change(mall.as_staff(MANAGER), number, granted=False)

    with pytest.raises(AlreadyDecided):
        await decide_ratio_change(mall.as_staff(MANAGER), number, granted=False)
    with pytest.raises(NothingReplaced):
        await report_replaced(mall.as_staff(ELECTRICIAN), number, None)
    assert await state_of(mall) == "refused"
    assert await asked(mall)


async def test_the_same_ratio_is_no_change(mall: SmallMall) -> None:
    meter = await mall.meter()
    body = RatioBody(ct_ratio=1, rated_power_w=meter.rated_power_w, replaced=False, reason="核对")

    with pytest.raises(Invalid):
        await ask_ratio_change(mall.as_staff(ELECTRICIAN), meter.id, body)


async def test_primary_side_registers_are_multiplied_by_nothing(mall: SmallMall) -> None:
    await mall.read()
    number = await asked(mall, energy_side="primary")
    await decide_ratio_change(mall.as_staff(MANAGER), number, granted=True)
    mall.clock.advance(5)
    await mall.read()
    mall.clock.advance(600)

    await mall.read(used_wh=100, power_w=1_000)

    assert (await energies(mall), (await mall.state()).power_w) == (100, 1_000)
