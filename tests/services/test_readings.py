"""Readings on their way in: what is accepted, priced, rolled up, refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from backend.errors import Forbidden
from backend.models.meters import Meter, MeterKind
from backend.models.supply import ReadRequest
from backend.services.control_supply import read_now
from backend.services.show_board import show_board
from backend.services.show_meter import show_meter, show_read
from backend.services.show_usage import usage_of
from backend.services.take_readings import TooManyReadings
from backend.store import rows
from common.wire import Relay
from tests.services.mall import SmallMall, small_mall
from tests.services.site import meter_text, site_text

PEAK = 952_000  # Microyuan per kWh: 1 Wh costs so many nanoyuan.
FLAT = 700_000
DAY_TABLE = ((0, 4), (480, 3), (600, 2), (780, 3), (1_020, 2), (1_320, 3))  # The tariff's own.


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


async def test_a_batch_sent_again_after_a_lost_answer_charges_nothing_twice(mall: SmallMall) -> None:
    meter = await mall.meter()
    await mall.push(mall.reading(meter, 1_000_000))
    mall.clock.advance(120)
    batch = [
        mall.reading(meter, 1_000_100, read_at=mall.clock.now() - timedelta(seconds=60)),
        mall.reading(meter, 1_000_200),
    ]
    await mall.push(*batch)

    await mall.push(*batch)

    assert (await mall.state()).accrued_wh == 200
    assert await mall.verdicts() == ["first", "accepted", "accepted"]


async def test_a_late_reading_is_kept_and_not_charged(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=500)

    late = mall.reading(await mall.meter(), 1_000_200, read_at=mall.clock.now() - timedelta(seconds=300))
    await mall.push(late)

    assert await mall.verdicts() == ["first", "late", "accepted"]
    assert (await mall.state()).accrued_wh == 500


async def test_a_meter_that_is_gone_is_named_and_the_others_are_taken(mall: SmallMall) -> None:
    meter = await mall.meter()
    gone = await mall.meter("A002")
    await Meter.filter(id=gone.id).update(retired_at=mall.clock.now())
    strange = ["7", "99999999999999999999999999", "９", "²", "-1", ""]
    readings = [mall.reading(meter, 1_000), mall.reading(gone, 1_000)]
    readings += [msgspec.structs.replace(readings[0], meter_id=key) for key in strange]

    answer = await mall.push(*readings)

    assert set(answer.refused) == {str(gone.id), *strange}
    assert (await mall.state()).register_wh == 1_000


async def test_another_collectors_meter_is_forbidden_and_nothing_is_taken(mall: SmallMall) -> None:
    mall.collector.line_codes = '["L9"]'
    await mall.collector.save()

    with pytest.raises(Forbidden):
        await mall.push(mall.reading(await mall.meter(), 1_000))

    assert (await mall.state()).read_at is None


async def test_more_than_a_thousand_readings_are_too_many(mall: SmallMall) -> None:
    meter = await mall.meter()
    with pytest.raises(TooManyReadings):
        await mall.push(*[mall.reading(meter, 1_000)] * 1_001)


async def test_a_silly_request_id_answers_nothing(mall: SmallMall) -> None:
    await mall.read(request_id="99999999999999999999999999")

    assert await mall.verdicts() == ["first"]


async def test_a_reading_asked_for_answers_its_request(mall: SmallMall) -> None:
    staff = mall.as_staff(5)
    asked = await read_now(staff, (await mall.meter()).id)
    assert await read_now(staff, (await mall.meter()).id) == asked

    await mall.read(request_id=asked)

    assert (await show_read(staff, int(asked))).state == "answered"
    assert await ReadRequest.filter(standing_key__isnull=False).count() == 0


async def test_a_doubtful_reading_answers_no_request(mall: SmallMall) -> None:
    await mall.read()
    asked = await read_now(mall.as_staff(5), (await mall.meter()).id)
    mall.clock.advance(30)

    await mall.read(used_wh=-50, request_id=asked)

    assert (await show_read(mall.as_staff(5), int(asked))).state == "waiting"


async def test_both_meters_of_a_shop_draw_on_one_balance(store: str, tmp_path: Path) -> None:
    second = meter_text("T9001", 9, 'shop = "A001"')
    mall = await small_mall(tmp_path, text=site_text(1, more=second))
    meters = await Meter.filter(kind=MeterKind.PREPAID).order_by("unit")
    await mall.push(*[mall.reading(meter, 0) for meter in meters])
    await mall.pay(1_000)
    mall.clock.advance(600)
    await mall.push(mall.reading(meters[0], 1_000))

    await mall.push(mall.reading(meters[1], 2_000))

    board = await show_board(mall.as_staff(5))
    shown = {row.estimated_fen for row in board.rows if row.account_id is not None}
    assert shown == {1_000 - 286}  # 3 kWh at 0.952: 2.856 yuan, cut down, on both rows.
    account = await mall.account()
    assert account.in_arrears is False


async def test_the_balance_is_unknown_while_a_meter_was_never_read(mall: SmallMall) -> None:
    await mall.pay(1_000)

    board = await show_board(mall.as_staff(5))

    assert {row.estimated_fen for row in board.rows} == {None}


async def test_the_ct_ratio_counts_once_everywhere(store: str, tmp_path: Path) -> None:
    mall = await small_mall(tmp_path, text=site_text(1, ct_ratio=40))
    await mall.read()
    mall.clock.advance(600)

    await mall.read(used_wh=1_000, power_w=6_000, current_ma=(1_500, 1_600, 1_700), voltage_mv=(230_000,) * 3)

    state = await mall.state()
    meter = await mall.meter()
    assert (state.register_wh, state.accrued_wh) == (1_001_000, 40_000)
    assert state.accrued_nano == 40_000 * PEAK
    shown = await show_meter(mall.as_staff(5), meter.id)
    assert (shown.power_w, shown.readings[0].power_w) == (240_000, 240_000)
    assert shown.electrical == {"voltage_mv": [230_000] * 3, "current_ma": [60_000, 64_000, 68_000]}
    row = next(row for row in (await show_board(mall.as_staff(5))).rows if row.meter_id == str(meter.id))
    assert row.power_w == 240_000


async def test_public_meters_roll_up_without_an_account(mall: SmallMall) -> None:
    meter = await Meter.get(kind=MeterKind.PUBLIC)
    await mall.push(mall.reading(meter, 0))
    mall.clock.advance(600)

    await mall.push(mall.reading(meter, 1_000))

    (day,) = await rows("SELECT * FROM usage_day WHERE meter_id = ?", [meter.id])
    assert (day["account_id"], day["energy_wh"], day["cost_nano"]) == (None, 1_000, 1_000 * PEAK)
    assert await rows("SELECT * FROM accrual") == []


async def test_hours_and_days_sum_to_what_is_charged(mall: SmallMall) -> None:
    await mall.read()
    for minutes, used_wh in ((7, 300), (90, 4_001), (55, 777), (600, 20_003), (3, 50)):
        mall.clock.advance(minutes * 60)
        await mall.read(used_wh=used_wh)
    meter = await mall.meter()

    sums = []
    for table, cost in (("usage_hour", "cost_nano"), ("usage_day", "cost_nano"), ("accrual", "total_nano")):
        sql = f"SELECT SUM(energy_wh) AS e, SUM({cost}) AS c FROM {table} WHERE meter_id = ?"
        sums += await rows(sql, [meter.id])

    state = await mall.state()
    assert {(int(one["e"]), int(one["c"])) for one in sums} == {(25_131, state.accrued_nano)}
    (parts,) = await rows(
        "SELECT SUM(energy_nano+line_loss_nano+transmission_nano+system_nano+funds_nano) AS c FROM accrual"
    )
    assert int(parts["c"]) == state.accrued_nano


async def test_a_reading_at_midnight_belongs_to_the_day_that_ends(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T23:30:00"))
    await mall.read()
    mall.clock.move_to(at("2026-03-03T00:00:00"))
    await mall.read(used_wh=1_000)
    mall.clock.move_to(at("2026-03-03T00:30:00"))
    await mall.read(used_wh=2_000)

    found = await rows("SELECT charge_on, energy_wh FROM accrual ORDER BY charge_on")

    assert [(row["charge_on"], row["energy_wh"]) for row in found] == [(20260302, 1_000), (20260303, 2_000)]


async def test_an_interval_over_midnight_is_charged_next_day_and_shown_by_time(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T23:45:00"))
    await mall.read()
    mall.clock.move_to(at("2026-03-03T00:15:00"))
    await mall.read(used_wh=1_000)

    (charged,) = await rows("SELECT charge_on, energy_wh FROM accrual")
    account = await mall.account()
    days = await usage_of(account.id, date(2026, 3, 1), date(2026, 3, 4), "day")

    assert (charged["charge_on"], charged["energy_wh"]) == (20260303, 1_000)
    assert [(day.on, day.energy_wh) for day in days][-2:] == [("2026-03-02", 500), ("2026-03-03", 500)]


async def test_what_was_estimated_once_stays_marked_for_its_day(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T12:50:00"))
    await mall.read()
    mall.clock.move_to(at("2026-03-02T13:10:00"))
    await mall.read(used_wh=1_000)  # Over a boundary of periods, with no registers by period.
    mall.clock.move_to(at("2026-03-02T13:20:00"))

    await mall.read(used_wh=1_000)

    marks = [
        (await rows(f"SELECT MAX(estimated) AS e FROM {table}"))[0]["e"]
        for table in ("accrual", "usage_day", "usage_hour")
    ]
    assert [bool(mark) for mark in marks] == [True, True, True]


async def test_period_registers_split_what_crosses_a_boundary(mall: SmallMall) -> None:
    mall.clock.move_to(at("2026-03-02T12:50:00"))
    await mall.read(
        period_registers_wh=(0, 500_000, 400_000, 100_000), meter_clock_offset_s=10.0, period_table=DAY_TABLE
    )
    mall.clock.move_to(at("2026-03-02T13:10:00"))

    await mall.read(used_wh=1_000, period_registers_wh=(0, 500_900, 400_100, 100_000))

    (row,) = await rows("SELECT * FROM accrual")
    assert (row["peak_wh"], row["flat_wh"], row["estimated"]) == (900, 100, 0)
    assert row["total_nano"] == 900 * PEAK + 100 * FLAT


async def test_a_relay_that_was_not_read_stays_as_it_was_seen(mall: SmallMall) -> None:
    await mall.read(relay=Relay.ON)
    mall.clock.advance(60)

    await mall.read(relay=Relay.UNKNOWN)

    state = await mall.state()
    assert state.relay is Relay.ON
    assert state.relay_at == mall.clock.now() - timedelta(seconds=60)
