"""A mall that grows while it runs: shafts, gateways, lines and meters, and what collectors see of it."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from backend.errors import Invalid, NotFound
from backend.models.audit import AuditRecord
from backend.models.meters import Meter, MeterState
from backend.models.operations import Alarm
from backend.models.site import Line, Site
from backend.services.collector_link import plan_for
from backend.services.line_faults import note_faults
from backend.services.line_owners import OtherCollector
from backend.services.meter_models import list_models
from backend.services.profile_alarms import note_profiles
from backend.services.show_site import show_site
from backend.services.site_build import (
    GatewayBody,
    LineBody,
    ShaftBody,
    put_gateway,
    put_line,
    put_shaft,
    remove_gateway,
    remove_line,
    remove_shaft,
)
from backend.services.site_file import read_site_file
from backend.services.site_load import RatioInForce, load_site
from backend.services.site_meters import (
    ChangedMeter,
    MeterInUse,
    NewMeter,
    add_meters,
    change_meter,
    retire_meters,
)
from backend.services.site_wiring import CodeTaken, NotEmpty
from common.wire import Health, LineHealth, PlanLine
from tests.services.mall import SmallMall, small_mall
from tests.services.site import site_text


def new(number: int, **more: object) -> NewMeter:
    values: dict[str, object] = {
        "serial": f"N{number:04d}",
        "unit": number,
        "kind": "public",
        "profile": "acrel-ddsy1352",
        "rated_power_w": 13_200,
        **more,
    }
    return NewMeter(**values)  # type: ignore[arg-type]


async def new_line(mall: SmallMall, code: str = "L9", **more: object) -> int:
    """A new shaft, gateway and line; returns the line's id."""
    staff = mall.as_staff(5)
    shaft_id = await put_shaft(staff, ShaftBody(code=f"S{code}", name="新井"))
    gateway = GatewayBody(shaft_id=shaft_id, code=f"G{code}", name="新机", host=f"10.0.0.{code[1:]}")
    gateway_id = await put_gateway(staff, gateway)
    values: dict[str, object] = {"protocol": "modbus-tcp", "port": 502, **more}
    return int(await put_line(staff, LineBody(gateway_id=gateway_id, code=code, **values)))  # type: ignore[arg-type]


async def version(mall: SmallMall) -> str:
    return (await Site.get(id=mall.site_id)).plan_version


async def lines_of(mall: SmallMall) -> dict[str, PlanLine]:
    return {line.name: line for line in (await plan_for(mall.as_collector)).lines}


@pytest.mark.mariadb
async def test_a_shaft_with_seventy_meters_comes_and_goes(mall: SmallMall) -> None:
    before, ticket = await version(mall), mall.ctx.wakes.ticket(f"desired:{mall.site_id}")
    line_id = await new_line(mall)
    added = await add_meters(mall.as_staff(5), line_id, [new(n) for n in range(1, 71)])

    grown = await lines_of(mall)

    assert len(grown["L9"].meters) == 70
    assert await version(mall) != before
    await mall.ctx.wakes.wait(f"desired:{mall.site_id}", ticket, 1.0)  # At once: collectors were woken.
    await retire_meters(mall.as_staff(5), [one.meter_id for one in added], "撤场")
    await remove_line(mall.as_staff(5), line_id, "撤场")
    assert (await lines_of(mall)).keys() == {"L1"}
    assert await version(mall) == before  # By content: it is the plan of before.
    assert await MeterState.filter(meter_id=int(added[0].meter_id)).exists()


async def test_a_meter_that_counts_for_an_open_account_stays(mall: SmallMall) -> None:
    meter = await mall.meter()

    with pytest.raises(MeterInUse):
        await retire_meters(mall.as_staff(5), [str(meter.id)], "撤场")

    assert (await Meter.get(id=meter.id)).retired_at is None


async def test_all_of_a_change_or_nothing(mall: SmallMall) -> None:
    meter, public = await mall.meter(), await Meter.get(serial="P0001")
    line = await Line.get(code="L1")

    with pytest.raises(MeterInUse):
        await retire_meters(mall.as_staff(5), [str(public.id), str(meter.id)], "撤场")
    with pytest.raises(Invalid):
        await add_meters(mall.as_staff(5), line.id, [new(100), new(1)])

    assert (await Meter.get(id=public.id)).retired_at is None
    assert not await Meter.exists(serial="N0100")


async def test_a_retired_meters_address_is_free_and_its_history_stays(mall: SmallMall) -> None:
    line_id = await new_line(mall)
    staff = mall.as_staff(5)
    (old,) = await add_meters(staff, line_id, [new(7)])
    await mall.push(mall.reading(await Meter.get(id=int(old.meter_id)), 5_000))
    await retire_meters(staff, [old.meter_id], "损坏")

    (again,) = await add_meters(staff, line_id, [new(7, serial="N0008")])

    (planned,) = (await lines_of(mall))["L9"].meters
    assert (planned.meter_id, planned.unit) == (again.meter_id, 7)
    assert (await MeterState.get(meter_id=int(old.meter_id))).register_wh == 5_000


async def test_a_meter_that_comes_back_begins_again(mall: SmallMall) -> None:
    line_id = await new_line(mall)
    staff = mall.as_staff(5)
    (old,) = await add_meters(staff, line_id, [new(7)])
    meter = await Meter.get(id=int(old.meter_id))
    await mall.push(mall.reading(meter, 5_000))
    await retire_meters(staff, [old.meter_id], "返厂")
    mall.clock.advance(86_400)

    (back,) = await add_meters(staff, line_id, [new(7)])
    await mall.push(mall.reading(meter, 400))

    assert back.meter_id == old.meter_id
    assert (await MeterState.get(meter_id=meter.id)).register_wh == 400
    assert await mall.alarms() == []


async def test_a_meter_is_hung_on_another_line_with_its_id(mall: SmallMall) -> None:
    line_id, meter = await new_line(mall), await mall.meter()
    hung = ChangedMeter(
        line_id=str(line_id), unit=33, profile=meter.profile, rated_power_w=13_200, shop_code="A001"
    )

    await change_meter(mall.as_staff(5), meter.id, hung)

    lines = await lines_of(mall)
    assert [(one.meter_id, one.unit) for one in lines["L9"].meters] == [(str(meter.id), 33)]
    assert str(meter.id) not in {one.meter_id for one in lines["L1"].meters}
    assert (await mall.account()).id == (await Meter.get(id=meter.id)).account_id


async def test_a_meter_changes_its_collector_only_when_the_old_one_holds_nothing_of_it(
    mall: SmallMall,
) -> None:
    line_id, staff = await new_line(mall), mall.as_staff(5)
    public = await Meter.get(serial="P0001")
    mall.collector.line_codes = '["L1"]'
    await mall.collector.save()
    hung = ChangedMeter(line_id=str(line_id), unit=4, profile=public.profile, rated_power_w=13_200)
    with pytest.raises(OtherCollector):
        await change_meter(staff, public.id, hung)
    await retire_meters(staff, [str(public.id)], "换井")
    again = [new(4, serial="P0001")]
    with pytest.raises(OtherCollector):
        await add_meters(staff, line_id, again)

    mall.clock.advance(60)
    await mall.contact()

    assert (await add_meters(staff, line_id, again))[0].meter_id == str(public.id)


async def test_a_shops_meter_does_not_change_hands_while_its_account_is_open(mall: SmallMall) -> None:
    meter = await mall.meter()
    hung = ChangedMeter(
        line_id=str(meter.line_id), unit=1, profile=meter.profile, rated_power_w=1, shop_code="A002"
    )

    with pytest.raises(MeterInUse):
        await change_meter(mall.as_staff(5), meter.id, hung)


async def test_a_vacant_meter_counts_for_its_tenant_from_the_next_reading_on(mall: SmallMall) -> None:
    line_id = await new_line(mall)
    (added,) = await add_meters(mall.as_staff(5), line_id, [new(7, kind="prepaid")])
    meter = await Meter.get(id=int(added.meter_id))
    await mall.push(mall.reading(meter, 1_000))
    mall.clock.advance(600)
    hung = ChangedMeter(
        line_id=str(line_id), unit=7, profile=meter.profile, rated_power_w=13_200, shop_code="A001"
    )
    await change_meter(mall.as_staff(5), meter.id, hung)

    for register_wh in (1_900, 2_000):
        await mall.push(mall.reading(meter, register_wh))
        mall.clock.advance(600)

    assert (await MeterState.get(meter_id=meter.id)).accrued_wh == 100


async def test_what_is_not_empty_cannot_be_removed(mall: SmallMall) -> None:
    staff = mall.as_staff(5)
    (shaft,) = await show_site(staff)
    (gateway,) = shaft.gateways

    with pytest.raises(NotEmpty):
        await remove_line(staff, int(gateway.lines[0].line_id), "撤场")
    with pytest.raises(NotEmpty):
        await remove_gateway(staff, int(gateway.gateway_id), "撤场")
    with pytest.raises(NotEmpty):
        await remove_shaft(staff, int(shaft.shaft_id), "撤场")


async def test_a_code_is_taken_while_it_is_used_and_comes_back_afterwards(mall: SmallMall) -> None:
    staff = mall.as_staff(5)
    line_id = await new_line(mall)
    gateway_id = str((await Line.get(id=line_id)).gateway_id)  # type: ignore[attr-defined]
    body = LineBody(gateway_id=gateway_id, code="L9", protocol="modbus-tcp", port=503)
    with pytest.raises(CodeTaken):
        await put_line(staff, body)

    await remove_line(staff, line_id, "撤场")

    assert int(await put_line(staff, body)) == line_id


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"protocol": "rtu-serial"}, "device"),
        ({"protocol": "rtu-tcp", "port": 0}, "port"),
        ({"protocol": "modbus-tcp", "device": "/dev/ttyS0"}, "device"),
    ],
)
async def test_a_line_is_checked_as_in_a_site_file(
    mall: SmallMall, more: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await new_line(mall, **more)

    assert list(caught.value.fields or {}) == [field]


async def test_a_dlt_meter_is_refused_without_its_address_or_with_anothers(mall: SmallMall) -> None:
    line_id = await new_line(mall, protocol="dlt645-tcp")
    await add_meters(mall.as_staff(5), line_id, [new(1, address="202611250001")])

    with pytest.raises(Invalid) as caught:
        await add_meters(mall.as_staff(5), line_id, [new(2, address="202611250001"), new(3)])

    assert list(caught.value.fields or {}) == ["N0002.address", "N0003.address"]


async def test_a_model_that_no_collector_can_read_is_refused_once_one_has_said_so(mall: SmallMall) -> None:
    line_id = await new_line(mall)
    (first,) = await add_meters(mall.as_staff(5), line_id, [new(1, profile="maker-x")])
    mall.collector.profiles = '{"acrel-ddsy1352": ["modbus", "contact"]}'
    await mall.collector.save()

    with pytest.raises(Invalid) as caught:
        await add_meters(mall.as_staff(5), line_id, [new(2, profile="maker-x")])

    assert first.profile_unconfirmed
    assert list(caught.value.fields or {}) == ["profile"]
    (model,) = await list_models(mall.site_id) or []
    assert (model.profile, model.protocol, model.unconfirmed) == ("acrel-ddsy1352", "modbus", ["contact"])
    unknown = [
        one for s in await show_site(mall.as_staff(5)) for g in s.gateways for one in g.lines[0].meters
    ]
    assert [one.serial for one in unknown if one.profile_known is False] == ["N0001"]


async def test_a_profile_that_cannot_be_used_is_told_once_and_over_when_it_can(mall: SmallMall) -> None:
    meter = await mall.meter()
    line = LineHealth(
        line_id=str(meter.line_id), connected=True, unusable={str(meter.id): "x.toml: 缺少 step"}
    )
    report = Health(
        sent_at=mall.clock.now(),
        version="t",
        spool_backlog=0,
        clock_offset_s=0.0,
        lines=[line],
        profiles={"acrel-ddsy1352": ["modbus"]},
    )
    for _ in range(2):
        await note_profiles(mall.ctx, mall.collector, report)
    assert await mall.alarms() == ["profile_unusable"]
    assert (await Alarm.get()).text.startswith("1 号强电井 G1/L1 表 ")
    assert [one.profile for one in await list_models(mall.site_id) or []] == ["acrel-ddsy1352"]

    usable = msgspec.structs.replace(report, lines=[msgspec.structs.replace(line, unusable={})])
    await note_profiles(mall.ctx, mall.collector, msgspec.structs.replace(report, lines=[]))
    assert await mall.alarms() == ["profile_unusable"]  # It said nothing of this line.
    await note_profiles(mall.ctx, mall.collector, usable)

    assert await mall.alarms() == []


async def test_a_password_is_in_no_list_and_no_record(mall: SmallMall) -> None:
    line_id = await new_line(mall, protocol="dlt645-tcp")
    secret = {"address": "202611250001", "control_password": "02876543", "operator": "98765432"}

    await add_meters(mall.as_staff(5), line_id, [new(1, **secret)])

    (planned,) = (await lines_of(mall))["L9"].meters
    assert (planned.control_password, planned.operator) == ("02876543", "98765432")
    seen = repr(await show_site(mall.as_staff(5))) + repr([one.facts for one in await AuditRecord.all()])
    assert "876543" not in seen


async def test_alarms_of_what_is_gone_end(mall: SmallMall) -> None:
    line_id = await new_line(mall)
    (added,) = await add_meters(mall.as_staff(5), line_id, [new(1)])
    health = LineHealth(line_id=str(line_id), connected=True, silent_meters=[added.meter_id])
    for _ in range(2):
        await note_faults(mall.ctx, mall.collector, [health])
        mall.clock.advance(timedelta(minutes=3).total_seconds())
    assert await Alarm.exists(meter_id=int(added.meter_id), cleared_at=None)

    await retire_meters(mall.as_staff(5), [added.meter_id], "撤场")

    assert not await Alarm.exists(meter_id=int(added.meter_id), cleared_at=None)


async def test_another_malls_things_are_not_there(store: str, tmp_path: Path) -> None:
    mall = await small_mall(tmp_path)
    other = await small_mall(
        tmp_path, text=site_text(1).replace('code = "test"', 'code = "other"'), collector="c2", node=2
    )
    (shaft,) = await show_site(other.as_staff(5))
    line = await Line.get(site_id=other.site_id)
    public = await Meter.get(site_id=other.site_id, serial="P0001")
    body = GatewayBody(shaft_id=shaft.shaft_id, code="G9", name="新机", host="10.0.0.1")

    with pytest.raises(NotFound):
        await put_gateway(mall.as_staff(5), body)
    with pytest.raises(NotFound):
        await add_meters(mall.as_staff(5), line.id, [new(9)])
    with pytest.raises(NotFound):
        await retire_meters(mall.as_staff(5), [str(public.id)], "撤场")


async def test_a_site_file_loaded_again_brings_back_and_changes_no_ratio(mall: SmallMall) -> None:
    public = await Meter.get(serial="P0001")
    await retire_meters(mall.as_staff(5), [str(public.id)], "撤场")
    await mall.read()

    loaded = await load_site(mall.ctx, read_site_file(site_text(3)))

    assert loaded.made == 0
    assert (await Meter.get(id=public.id)).retired_at is None
    with pytest.raises(RatioInForce):
        await load_site(mall.ctx, read_site_file(site_text(3, ct_ratio=40)))
