"""What people do about alarms, and how an alarm lives: flapping, snooze, worse, history."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from backend.errors import NotFound
from backend.models.operations import Alarm, AlarmEvent
from backend.models.people import Staff
from backend.services.alarm_book import clear_alarm, raise_alarm
from backend.services.handle_alarms import (
    AlarmIsOver,
    EndsByItself,
    WrongSnooze,
    acknowledge,
    assign,
    clear,
    snooze,
)
from backend.services.show_alarms import list_alarms, list_history, measure_alarms, show_alarm
from backend.store import unit_of_work
from tests.services.mall import SmallMall


async def wrong(mall: SmallMall, kind: str = "order_contradicted", key: str = "1", **more: Any) -> Alarm:
    return await unit_of_work(
        lambda: raise_alarm(mall.ctx, mall.site_id, kind, key, more.pop("text", "x"), **more)
    )


async def well(mall: SmallMall, kind: str = "order_contradicted", key: str = "1") -> None:
    await unit_of_work(lambda: clear_alarm(mall.ctx, kind, key))


async def steps(alarm: Alarm) -> list[str]:
    return [one.kind for one in await AlarmEvent.filter(alarm_id=alarm.id).order_by("id")]


@pytest.fixture
async def person(mall: SmallMall) -> Staff:
    return await Staff.create(id=5, site_id=mall.site_id, username="e", name="李电工", password_hash="x")


@pytest.mark.mariadb
async def test_the_same_cause_is_raised_once(mall: SmallMall) -> None:
    first = await wrong(mall)
    second = await wrong(mall)

    assert (second.id, await Alarm.all().count(), await steps(first)) == (first.id, 1, ["raised"])


@pytest.mark.mariadb
async def test_two_that_find_the_same_at_once_raise_one(mall: SmallMall) -> None:
    found = await asyncio.gather(*(wrong(mall) for _ in range(6)))

    assert len({alarm.id for alarm in found}) == 1
    assert await steps(found[0]) == ["raised"]
    await well(mall)
    again = await asyncio.gather(*(wrong(mall) for _ in range(6)))
    assert {alarm.id for alarm in again} == {found[0].id}
    assert (await Alarm.get()).reopened == 1
    assert await steps(found[0]) == ["raised", "cleared", "reopened"]


@pytest.mark.mariadb
async def test_what_comes_back_within_minutes_is_the_same_alarm_again_counted(mall: SmallMall) -> None:
    alarm = await wrong(mall)
    for _ in range(2):
        await well(mall)
        mall.clock.advance(300)
        await wrong(mall)

    again = await Alarm.get()
    assert (again.id, again.reopened, again.cleared_at, again.raised_at) == (
        alarm.id, 2, None, alarm.raised_at,
    )  # fmt: skip
    assert await steps(alarm) == ["raised", "cleared", "reopened", "cleared", "reopened"]
    await well(mall)
    mall.clock.advance(601)
    assert (await wrong(mall)).id != alarm.id


async def test_a_snoozed_alarm_that_gets_worse_speaks_again(mall: SmallMall, person: Staff) -> None:
    alarm = await wrong(mall, severity="major")
    staff = mall.as_staff(person.id)
    await acknowledge(staff, alarm.id, "")
    await snooze(staff, alarm.id, mall.clock.now() + timedelta(hours=2), "等备件")
    await wrong(mall, severity="minor")
    (view,) = await list_alarms(staff)
    assert (view.snoozed_until_at is not None, view.severity) == (True, "major")

    await wrong(mall, severity="urgent", text="更严重")

    (view,) = await list_alarms(staff)
    assert (view.snoozed_until_at, view.acknowledged_at) == (None, None)
    assert (view.severity, view.text) == ("urgent", "更严重")


async def test_a_snoozed_alarm_that_returns_speaks_again(mall: SmallMall, person: Staff) -> None:
    alarm = await wrong(mall)
    await snooze(mall.as_staff(person.id), alarm.id, mall.clock.now() + timedelta(hours=2), "等备件")
    await well(mall)
    mall.clock.advance(60)

    await wrong(mall)

    (view,) = await list_alarms(mall.as_staff(person.id))
    assert (view.snoozed_until_at, view.reopened) == (None, 1)


async def test_a_snooze_ends_by_time(mall: SmallMall, person: Staff) -> None:
    alarm = await wrong(mall)
    await snooze(mall.as_staff(person.id), alarm.id, mall.clock.now() + timedelta(hours=2), "等备件")
    mall.clock.advance(7_201)

    (view,) = await list_alarms(mall.as_staff(person.id))

    assert view.snoozed_until_at is None


@pytest.mark.parametrize("hours", [-1, 0, 169])
async def test_a_snooze_ends_within_seven_days(mall: SmallMall, hours: int) -> None:
    alarm = await wrong(mall)

    with pytest.raises(WrongSnooze):
        await snooze(mall.as_staff(5), alarm.id, mall.clock.now() + timedelta(hours=hours), "等备件")


@pytest.mark.mariadb
async def test_it_is_acknowledged_once_assigned_and_ended_by_word(mall: SmallMall, person: Staff) -> None:
    staff = mall.as_staff(person.id)
    alarm = await wrong(mall)
    await acknowledge(staff, alarm.id, "马上去")
    await acknowledge(mall.as_staff(6), alarm.id, "")
    await assign(staff, alarm.id, person.id)
    (mine,) = await list_alarms(staff, mine=True)
    assert (mine.acknowledged_by, mine.assigned_to, mine.may_be_cleared) == ("李电工", "李电工", True)
    mall.clock.advance(90)

    await clear(staff, alarm.id, "已更换继电器")

    detail = await show_alarm(staff, alarm.id)
    assert [(one.step, one.actor) for one in detail.steps] == [
        ("raised", ""),
        ("acknowledged", "李电工"),
        ("assigned", "李电工"),
        ("cleared", "李电工"),
    ]
    assert (detail.alarm.duration_s, detail.alarm.may_be_cleared) == (90, False)
    with pytest.raises(AlarmIsOver):
        await acknowledge(staff, alarm.id, "")


async def test_a_fault_that_facts_end_is_not_ended_by_word(mall: SmallMall) -> None:
    alarm = await wrong(mall, "gateway_down")

    with pytest.raises(EndsByItself):
        await clear(mall.as_staff(5), alarm.id, "好了")


async def test_it_is_given_to_people_of_the_mall_alone(mall: SmallMall) -> None:
    alarm = await wrong(mall)
    await Staff.create(id=9, site_id=mall.site_id + 1, username="z", name="别处", password_hash="x")

    for number in (9, 10):
        with pytest.raises(NotFound):
            await assign(mall.as_staff(5), alarm.id, number)


async def test_the_list_shows_roots_the_worst_first_and_can_be_narrowed(
    mall: SmallMall, person: Staff
) -> None:
    meter = await mall.meter()
    root = await wrong(mall, "line_down", "1", severity="urgent")
    await wrong(mall, "order_refused", "2", severity="minor", meter_id=meter.id)
    await wrong(mall, "meter_clock", "3", severity="major")
    await wrong(mall, "meter_silent", "4", root_id=root.id)
    staff = mall.as_staff(person.id)
    await acknowledge(staff, root.id, "")

    async def kinds(**filters: Any) -> list[str]:
        return [view.kind for view in await list_alarms(staff, **filters)]

    assert await kinds() == ["line_down", "meter_clock", "order_refused"]
    assert await kinds(kind="meter_clock") == ["meter_clock"]
    assert await kinds(severity="urgent") == ["line_down"]
    assert await kinds(shaft="S1") == ["order_refused"]
    assert await kinds(shaft="S9") == []
    assert await kinds(unacknowledged=True) == ["meter_clock", "order_refused"]
    assert (await list_alarms(staff))[0].children.alarms == 1
    assert [one.kind for one in (await show_alarm(staff, root.id)).children] == ["meter_silent"]


async def test_history_is_paged_by_time_meter_and_kind(mall: SmallMall) -> None:
    meter, began = await mall.meter(), mall.clock.now()
    for number in range(5):
        await wrong(mall, "meter_silent", str(number), meter_id=meter.id if number % 2 else None)
        await well(mall, "meter_silent", str(number))
        mall.clock.advance(60)
    everything: dict[str, Any] = {
        "from_at": None, "to_at": None, "meter_id": None, "kind": None, "before": None, "limit": 2,
    }  # fmt: skip

    async def page(**more: Any) -> tuple[list[float], str | None]:
        found = await list_history(mall.as_staff(5), **{**everything, **more})
        return [(one.raised_at - began).total_seconds() for one in found.alarms], found.next_before

    first, more = await page()
    assert more is not None
    second, more = await page(before=int(more))
    assert more is not None
    assert (first, second, await page(before=int(more))) == ([240, 180], [120, 60], ([0], None))
    assert (await page(meter_id=meter.id))[0] == [180, 60]
    assert await page(kind="line_down") == ([], None)
    assert (await page(from_at=began, to_at=began + timedelta(seconds=61)))[0] == [60, 0]


async def test_what_stands_is_measured_and_what_is_over_is_none(
    mall: SmallMall, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[tuple[str, str], int]] = []
    monkeypatch.setattr("backend.services.show_alarms.set_alarms", told.append)
    root = await wrong(mall, "gateway_down", severity="urgent")
    await wrong(mall, "meter_silent", root_id=root.id)
    await measure_alarms()
    await well(mall, "gateway_down")

    await measure_alarms()

    assert told == [{("gateway_down", "urgent"): 1}, {("meter_silent", "major"): 1}]
