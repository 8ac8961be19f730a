"""An outage over midnights: each day is charged by the register that the meter kept (日冻结)."""

from datetime import UTC, datetime

import pytest

from backend.services.cut_day import cut_day
from backend.store import rows
from common.wire import FrozenDay
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb
DAY_TABLE = ((0, 4), (480, 3), (600, 2), (780, 3), (1_020, 2), (1_320, 3))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


async def days(mall: SmallMall) -> list[tuple[int, int, int]]:
    found = await rows("SELECT charge_on, energy_wh, estimated FROM accrual ORDER BY charge_on")
    return [(row["charge_on"], row["energy_wh"], row["estimated"]) for row in found]


async def kinds(mall: SmallMall) -> list[tuple[str, str]]:
    found = await rows("SELECT kind, verdict FROM reading ORDER BY read_at_ms")
    return [(row["kind"], row["verdict"]) for row in found]


async def out(mall: SmallMall, *registers: int, **more: object) -> None:
    """Be silent from the second of March at 22:30 to the fifth at 09:00; midnights as given."""
    mall.clock.move_to(at("2026-03-02T22:30:00"))
    await mall.read()
    mall.clock.move_to(at("2026-03-05T09:00:00"))
    frozen = tuple(
        FrozenDay(at=at(f"2026-03-0{3 + number}T00:00:00"), register_wh=register_wh)
        for number, register_wh in enumerate(registers)
    )
    await mall.read(used_wh=40_000, frozen=frozen, **more)


async def test_each_day_of_an_outage_is_charged_apart_and_ends_at_midnight(mall: SmallMall) -> None:
    await out(mall, 1_005_000, 1_020_000, 1_036_000)

    assert [(day, wh) for day, wh, _ in await days(mall)] == [
        (20260302, 5_000),
        (20260303, 15_000),
        (20260304, 16_000),
        (20260305, 4_000),
    ]
    assert (await kinds(mall))[1:] == [("frozen", "accepted")] * 3 + [("poll", "accepted")]
    assert (await mall.state()).register_wh == 1_040_000


async def test_the_same_batch_again_charges_nothing_twice(mall: SmallMall) -> None:
    await out(mall, 1_005_000, 1_020_000, 1_036_000)
    frozen = (FrozenDay(at=at("2026-03-03T00:00:00"), register_wh=1_005_000),)

    await mall.push(mall.reading(await mall.meter(), 1_040_000, frozen=frozen))

    assert (await mall.state()).accrued_wh == 40_000
    assert len(await kinds(mall)) == 5


async def test_without_midnights_all_of_it_is_charged_on_the_last_day_and_estimated(mall: SmallMall) -> None:
    await out(mall)

    assert await days(mall) == [(20260305, 40_000, 1)]


async def test_a_midnight_that_cannot_be_is_kept_as_evidence_alone(mall: SmallMall) -> None:
    await out(mall, 1_005_000, 900_000, 1_036_000)

    assert [(day, wh) for day, wh, _ in await days(mall)] == [
        (20260302, 5_000),
        (20260304, 31_000),
        (20260305, 4_000),
    ]
    state = await mall.state()
    assert (state.accrued_wh, state.quarantined_at) == (40_000, None)
    assert await mall.alarms() == []
    assert ("frozen", "fallen") in await kinds(mall)


async def test_midnights_beside_a_doubtful_register_wait_with_it(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T23:30:00"))
    await mall.read()
    mall.clock.move_to(at("2026-03-03T00:30:00"))
    frozen = (FrozenDay(at=at("2026-03-03T00:00:00"), register_wh=1_001_000),)

    await mall.read(used_wh=900_000, frozen=frozen)

    assert (await mall.state()).accrued_wh == 0
    assert (await kinds(mall))[1:] == [("frozen", "unused"), ("poll", "jumped")]


async def test_days_with_registers_by_period_are_not_estimated(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T22:30:00"))
    await mall.read(period_registers_wh=(0, 400_000, 400_000, 200_000))
    mall.clock.move_to(at("2026-03-03T09:00:00"))
    kept = FrozenDay(
        at=at("2026-03-03T00:00:00"),
        register_wh=1_005_000,
        period_registers_wh=(0, 400_000, 405_000, 200_000),
    )

    await mall.read(
        used_wh=8_000,
        period_registers_wh=(0, 400_000, 405_500, 202_500),
        frozen=(kept,),
        period_table=DAY_TABLE,
        meter_clock_offset_s=4.0,
    )

    assert await days(mall) == [(20260302, 5_000, 0), (20260303, 3_000, 0)]
    (row,) = await rows("SELECT flat_wh, valley_wh FROM accrual WHERE charge_on = 20260303")
    assert (row["flat_wh"], row["valley_wh"]) == (500, 2_500)


async def test_a_table_that_was_set_meanwhile_splits_nothing_before_it_was_read(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T22:30:00"))
    right = {"period_table": DAY_TABLE, "meter_clock_offset_s": 0.0}
    wrong = {**right, "period_table": ((0, 3),)}
    await mall.read(period_registers_wh=(0, 400_000, 400_000, 200_000), **wrong)
    mall.clock.move_to(at("2026-03-03T01:00:00"))
    await mall.read(used_wh=8_000, period_registers_wh=(0, 400_000, 408_000, 200_000), **right)
    mall.clock.move_to(at("2026-03-03T09:00:00"))
    await mall.read(used_wh=8_000, period_registers_wh=(0, 400_000, 408_500, 207_500), **right)

    assert await days(mall) == [(20260303, 16_000, 1)]
    (row,) = await rows("SELECT flat_wh, valley_wh FROM accrual")
    assert (row["flat_wh"], row["valley_wh"]) == (4_800 + 500, 3_200 + 7_500)


async def test_midnights_by_a_wrong_clock_are_marked_estimated(mall: SmallMall) -> None:
    await out(mall, 1_005_000, 1_020_000, 1_036_000, meter_clock_offset_s=1_200.0)

    assert [estimated for _, _, estimated in await days(mall)] == [1, 1, 1, 1]


async def test_the_days_are_cut_one_by_one(mall: SmallMall) -> None:
    await out(mall, 1_005_000, 1_020_000, 1_036_000)

    cut = await cut_day(mall.ctx, mall.site_id, at("2026-03-05T12:00:00").date())

    assert cut.entries == 4
    state = await mall.state()
    assert (state.accrued_nano, state.accrued_wh) == (0, 0)
