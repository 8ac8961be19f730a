"""Faults of communication as they come: one alarm for each root cause, told once, healed by itself."""

from pathlib import Path

import pytest

from backend.models.meters import Meter
from backend.models.operations import Alarm, Collector
from backend.services.alarm_book import raise_alarm
from backend.store import rows, unit_of_work
from common.wire import Stage
from tests.services.shafts import Shafts, two_gateways


@pytest.fixture
async def shafts(store: str, tmp_path: Path) -> Shafts:
    return await two_gateways(tmp_path)


@pytest.mark.mariadb
async def test_a_gateway_that_goes_is_told_once_within_a_minute(shafts: Shafts) -> None:
    shafts.down = {"L1", "L2"}
    await shafts.go_on(45)

    assert await shafts.roots() == ["gateway_down "]
    await shafts.go_on(600)
    alarm = await Alarm.get()
    assert (alarm.severity, await shafts.steps(alarm)) == ("urgent", ["raised"])
    assert "1 号强电井 通讯管理机 G1" in alarm.text
    assert "2 条总线、6 块表" in alarm.text
    assert "已付费商铺用电不受影响" in alarm.text
    assert len(alarm.text) < 200


async def test_lines_that_go_seconds_apart_are_one_gateway(shafts: Shafts) -> None:
    shafts.down = {"L1"}
    await shafts.report()
    shafts.mall.clock.advance(8)
    shafts.down = {"L1", "L2"}
    await shafts.report()
    shafts.mall.clock.advance(13)
    await shafts.look()
    assert await shafts.roots() == []

    shafts.mall.clock.advance(7)
    await shafts.look()

    assert await Alarm.all().values_list("kind", flat=True) == ["gateway_down"]


async def test_a_line_that_only_one_report_misses_is_not_told(shafts: Shafts) -> None:
    shafts.down = {"L1"}
    await shafts.go_on(15)
    shafts.down = set()
    await shafts.go_on(120)

    assert await Alarm.all().count() == 0


async def test_one_line_of_two_is_the_line_and_a_cut_cable_its_own_kind(shafts: Shafts) -> None:
    shafts.down, shafts.cut = {"L1"}, {"L3"}
    await shafts.go_on(300)

    assert await shafts.roots() == ["line_down L1", "line_silent L3"]
    assert await shafts.children() == []


@pytest.mark.mariadb
async def test_a_line_becomes_the_gateways_child_and_stands_alone_when_it_heals(shafts: Shafts) -> None:
    shafts.down = {"L1"}
    await shafts.go_on(60)
    shafts.down = {"L1", "L2"}
    await shafts.go_on(60)
    assert (await shafts.roots(), await shafts.children()) == (["gateway_down "], ["line_down L1"])

    shafts.down = {"L1"}
    await shafts.go_on(60)

    assert (await shafts.roots(), await shafts.children()) == (["line_down L1"], [])
    assert await shafts.steps(await shafts.alarm("line_down")) == ["raised", "joined", "left"]
    assert await shafts.steps(await shafts.alarm("gateway_down")) == ["raised", "child_joined", "cleared"]


async def test_a_single_meter_is_told_after_three_cycles(shafts: Shafts) -> None:
    await shafts.mall.read("A001")
    shafts.silent = {"T0001"}
    await shafts.go_on(165)
    assert await shafts.roots() == []

    await shafts.go_on(15)

    assert await shafts.roots() == ["meter_silent T0001"]
    alarm = await Alarm.get()
    assert "1 号强电井 总线 L1 表 T0001（1 号，A001 商铺A001）" in alarm.text
    assert (alarm.severity, alarm.account_id) == ("major", (await shafts.mall.account()).id)
    assert alarm.since_at == (await shafts.mall.state()).shown_at
    shafts.silent = set()
    await shafts.report()
    assert await shafts.roots() == []


async def test_when_a_line_is_back_its_meters_get_their_time_to_answer(shafts: Shafts) -> None:
    shafts.cut = {"L1"}
    await shafts.go_on(1_800)
    shafts.cut, shafts.silent = set(), {"T0001", "T0002"}
    await shafts.go_on(120)
    assert await shafts.roots() == []
    shafts.silent = {"T0002"}

    await shafts.go_on(120)

    assert await shafts.roots() == ["meter_silent T0002"]


@pytest.mark.mariadb
async def test_a_collector_that_is_not_heard_is_one_alarm_over_all(shafts: Shafts) -> None:
    shafts.cut = {"L3"}
    await shafts.go_on(60)
    await shafts.be_away(90)
    assert await shafts.roots() == ["line_silent L3"]

    await shafts.be_away(45)

    assert (await shafts.roots(), await shafts.children()) == (["collector_away c1"], ["line_silent L3"])
    await shafts.be_away(600)
    assert await Alarm.all().count() == 2
    await shafts.report()
    assert (await shafts.roots(), await shafts.children()) == (["line_silent L3"], [])


async def test_after_an_outage_of_ours_no_collector_is_told_of(shafts: Shafts) -> None:
    shafts.mall.clock.advance(3_600)
    await shafts.be_away(15)  # Our first look; the collector asks a moment later.
    await shafts.report()
    await shafts.be_away(60)

    assert await Alarm.all().count() == 0
    assert (await Collector.get()).away_since_at is None


async def test_a_wrong_clock_is_told_and_ends(shafts: Shafts) -> None:
    shafts.offset_s = -7.0
    await shafts.go_on(30)
    assert await shafts.roots() == ["collector_clock c1"]
    assert "慢 7 秒" in (await Alarm.get()).text
    shafts.offset_s = 0.2

    await shafts.go_on(30)

    assert await shafts.roots() == []


async def test_a_meter_that_is_taken_out_takes_its_alarm_along(shafts: Shafts) -> None:
    shafts.silent = {"P2"}
    await shafts.go_on(240)
    assert await shafts.roots() == ["meter_silent P2"]
    await Meter.filter(serial="P2").update(retired_at=shafts.mall.clock.now())

    await shafts.look()

    assert await shafts.roots() == []


async def test_a_trip_that_cannot_be_told_is_a_child_but_a_restore_speaks_for_itself(shafts: Shafts) -> None:
    mall = shafts.mall
    one, two = (await mall.meter("A001")).id, (await mall.meter("A002")).id
    shafts.down = {"L1", "L2"}
    await shafts.go_on(60)

    for meter_id, severity in ((one, "major"), (two, "urgent")):
        await unit_of_work(
            lambda meter_id=meter_id, severity=severity: raise_alarm(  # type: ignore[misc]
                mall.ctx, mall.site_id, "order_unreachable", str(meter_id), "x", severity=severity,
                meter_id=meter_id,
            )
        )  # fmt: skip

    assert await shafts.children() == ["order_unreachable "]
    assert await shafts.roots() == ["gateway_down ", "order_unreachable "]
    shafts.down = set()
    await shafts.report()
    assert await shafts.roots() == ["order_unreachable ", "order_unreachable "]


async def test_while_all_is_well_a_report_costs_one_look(
    shafts: Shafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    async def counted(sql: str, values: object = ()) -> list[dict[str, object]]:
        looks.append(sql)
        return await rows(sql, values)  # type: ignore[arg-type]

    monkeypatch.setattr("backend.services.line_faults.rows", counted)
    monkeypatch.setattr("backend.services.fault_facts.rows", counted)

    await shafts.report()

    assert len(looks) == 1


async def test_no_fault_touches_supply(shafts: Shafts) -> None:
    await shafts.mall.cut_off("A002")
    shafts.down = {"L1", "L2"}
    await shafts.go_on(300)

    assert (await shafts.mall.supply("A002")).stage is Stage.VERIFIED
    assert (await shafts.mall.supply("A001")).generation == 0
