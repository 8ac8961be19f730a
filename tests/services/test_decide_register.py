"""A person decides about a register in doubt: charged once, or never, and nothing is held afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backend.errors import Invalid, NotFound
from backend.models.audit import AuditRecord
from backend.models.meters import Meter, MeterKind, RegisterDecision
from backend.services.decide_register import (
    Decided,
    DecidedOtherwise,
    NothingInDoubt,
    RegisterBelowLast,
    decide_register,
)
from backend.services.ratio_changes import RatioBody, ask_ratio_change, decide_ratio_change, report_replaced
from backend.services.show_doubts import list_doubts
from backend.store import rows
from common.wire import FrozenDay, Relay
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb
PEAK, FLAT = 952_000, 700_000


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


async def jump(mall: SmallMall, used_wh: int = 10_000) -> datetime:
    """Let the register rise by more than the meter could have carried in a minute."""
    await mall.read()
    mall.clock.advance(60)
    await mall.read(used_wh=used_wh)
    return mall.clock.now()


async def decide(mall: SmallMall, read_at: datetime, accept: bool = True, **more: datetime) -> Decided:
    meter = await mall.meter()
    return await decide_register(
        mall.as_staff(5), meter.id, read_at, accept=accept, reason="现场核对", **more
    )


async def test_what_waits_is_listed_with_its_evidence(mall: SmallMall) -> None:
    read_at = await jump(mall)

    (doubt,) = await list_doubts(mall.as_staff(5))

    assert (doubt.shop_code, doubt.last_register_wh) == ("A001", 1_000_000)
    (one,) = doubt.readings
    assert (one.read_at, one.register_wh, one.rise_wh, one.verdict) == (read_at, 1_010_000, 10_000, "jumped")
    assert one.most_wh < one.rise_wh


async def test_an_accepted_register_is_charged_once_and_the_alarm_ends(mall: SmallMall) -> None:
    read_at = await jump(mall)

    decided = await decide(mall, read_at)
    again = await decide(mall, read_at)

    assert (decided.energy_wh, again) == (10_000, decided)
    state = await mall.state()
    assert (state.accrued_wh, state.accrued_nano) == (10_000, 10_000 * PEAK)
    assert (state.register_wh, state.quarantined_at) == (1_010_000, None)
    assert await mall.alarms() == []
    assert await list_doubts(mall.as_staff(5)) == []
    assert await mall.verdicts() == ["first", "accepted"]
    mall.clock.advance(60)
    await mall.read(used_wh=100)
    assert (await mall.state()).accrued_wh == 10_100


async def test_two_people_at_once_charge_it_once(mall: SmallMall) -> None:
    read_at = await jump(mall)

    await asyncio.gather(*[decide(mall, read_at) for _ in range(4)])

    assert (await mall.state()).accrued_wh == 10_000
    assert await RegisterDecision.all().count() == 1


async def test_what_came_after_an_accepted_register_is_charged_too(mall: SmallMall) -> None:
    read_at = await jump(mall)
    for _ in range(3):
        mall.clock.advance(60)
        await mall.read(used_wh=50)

    await decide(mall, read_at)

    state = await mall.state()
    assert (state.accrued_wh, state.read_at) == (10_150, mall.clock.now())
    assert await mall.verdicts() == ["first"] + ["accepted"] * 4


async def test_a_later_register_of_the_same_jump_charges_what_was_read_on_the_way(mall: SmallMall) -> None:
    await jump(mall)
    mall.clock.advance(60)
    await mall.read(used_wh=50)

    decided = await decide(mall, mall.clock.now())

    assert decided.energy_wh == 10_050
    assert (await mall.state()).accrued_wh == 10_050


async def test_a_second_jump_waits_for_a_decision_of_its_own_however_long(mall: SmallMall) -> None:
    first_at = await jump(mall)
    mall.clock.advance(60)
    await mall.read(used_wh=20_000)
    second_at = mall.clock.now()

    await decide(mall, first_at)

    assert (await mall.state()).quarantined_at is not None
    assert (await mall.state()).accrued_wh == 10_000
    assert await mall.alarms() == ["reading_jumped"]
    mall.clock.advance(36_000)  # Time enough for 20 kWh.
    await mall.read(used_wh=10)
    assert (await mall.state()).accrued_wh == 10_000
    await decide(mall, second_at)
    assert ((await mall.state()).accrued_wh, (await mall.state()).quarantined_at) == (30_010, None)
    assert await mall.alarms() == []


async def test_a_register_at_replaced_transformers_divides_what_a_person_accepts(mall: SmallMall) -> None:
    await mall.read()
    meter = await mall.meter()
    body = RatioBody(ct_ratio=40, rated_power_w=528_000, replaced=True, reason="更换互感器")
    number = int(await ask_ratio_change(mall.as_staff(5), meter.id, body))
    await decide_ratio_change(mall.as_staff(6), number, granted=True)
    mall.clock.advance(300)
    await report_replaced(mall.as_staff(5), number, 1_000_500)
    await mall.push(mall.reading(meter, 1_000_050, read_at=mall.clock.now() - timedelta(seconds=1)))
    mall.clock.advance(60)
    await mall.read(used_wh=600)
    assert await mall.verdicts() == ["first", "accepted", "jumped", "jumped"]

    decided = await decide(mall, mall.clock.now())

    assert decided.energy_wh == 450 + 100 * 40
    assert (await mall.state()).accrued_wh == 50 + 450 + 100 * 40
    assert (await mall.meter()).ct_ratio == 40
    mall.clock.advance(60)
    await mall.read(used_wh=10)
    assert (await mall.state()).accrued_wh == 50 + 450 + 110 * 40


async def test_a_rejected_register_is_never_charged_and_stays_in_doubt_when_it_comes_again(
    mall: SmallMall,
) -> None:
    read_at = await jump(mall)
    await decide(mall, read_at, accept=False)
    state = await mall.state()
    assert (state.accrued_wh, state.register_wh, state.quarantined_at) == (0, 1_000_000, None)
    assert (await mall.alarms(), await mall.verdicts()) == ([], ["first", "rejected"])

    mall.clock.advance(7_200)  # By now it would be possible.
    await mall.read(used_wh=0)
    assert (await mall.state()).accrued_wh == 0
    assert await mall.alarms() == ["reading_jumped"]

    mall.clock.advance(60)
    await mall.push(mall.reading(await mall.meter(), 1_000_300))
    state = await mall.state()
    assert (state.accrued_wh, state.rejected_wh) == (300, None)


async def test_another_decision_about_the_same_register_is_refused(mall: SmallMall) -> None:
    read_at = await jump(mall)
    await decide(mall, read_at, accept=False)

    with pytest.raises(DecidedOtherwise):
        await decide(mall, read_at)


async def test_a_fallen_register_cannot_be_accepted(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    await mall.read(used_wh=-100)

    with pytest.raises(RegisterBelowLast):
        await decide(mall, mall.clock.now())
    await decide(mall, mall.clock.now(), accept=False)

    assert (await mall.state()).quarantined_at is None


async def test_there_must_be_a_doubt_and_it_must_be_that_one(mall: SmallMall) -> None:
    await mall.read()
    with pytest.raises(NothingInDoubt):
        await decide(mall, mall.clock.now())
    mall.clock.advance(60)
    await mall.read(used_wh=10_000)
    with pytest.raises(NotFound):
        await decide(mall, mall.clock.now() - timedelta(seconds=1))


async def test_a_stated_price_date_prices_all_of_it(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T12:59:00"))
    await mall.read()
    mall.clock.move_to(at("2026-03-02T13:00:30"))
    await mall.read(used_wh=10_000)

    with pytest.raises(Invalid):
        await decide(mall, mall.clock.now(), priced_at=at("2026-03-02T11:00:00"))
    await decide(mall, mall.clock.now(), priced_at=at("2026-03-02T13:00:10"))

    (row,) = await rows("SELECT flat_wh, peak_wh, total_nano, estimated FROM accrual")
    assert (row["flat_wh"], row["peak_wh"], row["total_nano"]) == (10_000, 0, 10_000 * FLAT)
    assert row["estimated"] == 1


async def test_midnights_that_waited_beside_it_give_each_day_its_own(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T23:30:00"))
    await mall.read()
    mall.clock.move_to(at("2026-03-03T00:30:00"))
    frozen = (FrozenDay(at=at("2026-03-03T00:00:00"), register_wh=1_030_000),)
    await mall.read(used_wh=50_000, frozen=frozen)

    await decide(mall, mall.clock.now())

    found = await rows("SELECT charge_on, energy_wh FROM accrual ORDER BY charge_on")
    assert [(row["charge_on"], row["energy_wh"]) for row in found] == [(20260302, 30_000), (20260303, 20_000)]


@pytest.mark.parametrize("accept", [True, False])
async def test_a_decided_register_holds_no_trip_any_more(mall: SmallMall, accept: bool) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.contact()
    await mall.push(mall.reading(await mall.meter(), 1_101_200))
    assert "doubt" in await mall.holds()

    await decide(mall, mall.clock.now(), accept=accept)

    assert "doubt" not in await mall.holds()
    if accept:
        mall.registers["A001"] = 1_101_200
    mall.clock.advance(6)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_balance_that_was_unknown_for_long_gives_the_delay_anew(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(60)
    await mall.push(mall.reading(await mall.meter(), 1_101_200))
    read_at = mall.clock.now()
    mall.clock.advance(1_200)
    await mall.contact()

    await decide(mall, read_at)

    mall.registers["A001"] = 1_101_200
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.ON
    assert await mall.holds() == ["delay"]


async def test_public_meters_are_decided_about_without_an_account(mall: SmallMall) -> None:
    meter = await Meter.get(kind=MeterKind.PUBLIC)
    await mall.push(mall.reading(meter, 0))
    mall.clock.advance(60)
    await mall.push(mall.reading(meter, 90_000))

    decided = await decide_register(
        mall.as_staff(5), meter.id, mall.clock.now(), accept=True, reason="现场核对"
    )

    assert decided.energy_wh == 90_000
    (day,) = await rows("SELECT energy_wh FROM usage_day WHERE meter_id = ?", [meter.id])
    assert day["energy_wh"] == 90_000


async def test_each_decision_is_on_record_with_its_reason(mall: SmallMall) -> None:
    await decide(mall, await jump(mall))

    row = await AuditRecord.all().order_by("-sequence").first()

    assert row is not None
    assert (row.operation, row.reason, row.actor) == ("staff.reading.decide", "现场核对", "staff:5")
