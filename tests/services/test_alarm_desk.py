"""The alarm centre: what an alarm is about, several acknowledged at once, who may be given one."""

import pytest

from backend.errors import NotFound
from backend.models.operations import Alarm, AlarmEvent
from backend.models.people import Role, Staff, StaffRole
from backend.models.site import Gateway
from backend.services.alarm_book import clear_alarm, raise_alarm
from backend.services.colleagues import list_colleagues
from backend.services.handle_alarms import acknowledge_many
from backend.services.permissions import seed_roles
from backend.services.show_alarms import list_alarms, list_history
from backend.store import unit_of_work
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def raised(mall: SmallMall, kind: str, key: str, **more: object) -> Alarm:
    return await unit_of_work(
        lambda: raise_alarm(mall.ctx, mall.site_id, kind, key, "出错了", **more)  # type: ignore[arg-type]
    )


async def hire(mall: SmallMall, number: int, name: str, role: str) -> None:
    await Staff.create(id=number, site_id=mall.site_id, username=f"u{number}", name=name, password_hash="x")
    found = await Role.get(site_id=mall.site_id, code=role)
    await StaffRole.create(id=mall.ctx.ids.new(), staff_id=number, role_id=found.id)


async def test_an_alarm_says_what_it_is_about_and_where(mall: SmallMall) -> None:
    meter, gateway = await mall.meter(), await Gateway.get(code="G1")
    await raised(mall, "meter_clock", str(meter.id), meter_id=meter.id, account_id=meter.account_id)
    await raised(mall, "gateway_down", str(gateway.id), severity="urgent")
    await raised(mall, "collector_clock", str(mall.collector.id))
    await raised(mall, "ledger_differs", "x", severity="minor")

    found = {one.kind: one.object for one in await list_alarms(mall.as_staff(5))}

    of_meter = found["meter_clock"]
    assert (of_meter.kind, of_meter.title) == ("meter", "A001 商铺A001")
    assert (of_meter.place, of_meter.meter_id) == ("1 号强电井 L1-1 表 T0001", str(meter.id))
    assert (found["gateway_down"].title, found["gateway_down"].gateway_id) == (
        "1 号通讯管理机",
        str(gateway.id),
    )
    assert found["collector_clock"].title == f"采集服务 {mall.collector.name}"
    assert found["ledger_differs"].kind == "platform"


async def test_several_are_acknowledged_at_once_and_what_has_ended_is_counted(mall: SmallMall) -> None:
    one, two, over = [await raised(mall, "meter_clock", key) for key in ("1", "2", "3")]
    await unit_of_work(lambda: clear_alarm(mall.ctx, "meter_clock", "3"))

    result = await acknowledge_many(mall.as_staff(5), [str(row.id) for row in (one, two, over)], "在处理")

    assert (result.alarms, result.over) == (2, 1)
    assert await Alarm.filter(acknowledged_at__isnull=False).count() == 2
    assert await AlarmEvent.filter(kind="acknowledged", note="在处理").count() == 2


async def test_one_that_is_not_there_leaves_all_as_they_were(mall: SmallMall) -> None:
    one = await raised(mall, "meter_clock", "1")

    with pytest.raises(NotFound):
        await acknowledge_many(mall.as_staff(5), [str(one.id), "77"], "")

    assert await Alarm.filter(acknowledged_at__isnull=False).count() == 0


async def test_an_alarm_is_given_to_people_who_see_to_alarms(mall: SmallMall) -> None:
    await seed_roles(mall.ctx, mall.site_id)
    await hire(mall, 11, "电工甲", "electrician")
    await hire(mall, 12, "收银乙", "cashier")
    alarm = await raised(mall, "meter_clock", "1")
    await Alarm.filter(id=alarm.id).update(assigned_to=11)

    people = await list_colleagues(mall.as_staff(5))

    assert [(one.name, one.roles, one.alarms) for one in people] == [("电工甲", ["电工"], 1)]


async def test_history_is_found_by_severity_and_shaft(mall: SmallMall) -> None:
    meter = await mall.meter()
    await raised(mall, "meter_clock", "1", meter_id=meter.id, severity="minor")
    await raised(mall, "meter_clock", "2", severity="urgent")
    none = {"from_at": None, "to_at": None, "meter_id": None, "kind": None, "before": None, "limit": 10}

    urgent = await list_history(mall.as_staff(5), severity="urgent", **none)  # type: ignore[arg-type]
    here = await list_history(mall.as_staff(5), shaft="S1", **none)  # type: ignore[arg-type]

    assert [one.severity for one in urgent.alarms] == ["urgent"]
    assert [one.severity for one in here.alarms] == ["minor"]
