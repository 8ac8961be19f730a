"""The site file: what it may say of lines and meters, errors by line, loading it again."""

from pathlib import Path

import pytest

from backend.models.meters import Meter
from backend.models.site import Line, Site
from backend.services.collector_link import plan_for
from backend.services.site_file import SiteFileError, read_site_file
from backend.services.site_load import load_site
from tests.services.mall import small_mall
from tests.services.site import METER, site_text

DLT_LINE = """
[[shafts.gateways.lines]]
code = "D1"
port = 15021
protocol = "dlt645-tcp"
baud = 2400
parity = "E"
"""
DLT_METER = METER.format(
    serial="D0001", unit=1, kind="public", rated_power_w=13_200, ct_ratio=1, owner='place = "1F"'
)
SERIAL_LINE = """
[[shafts.gateways.lines]]
code = "{code}"
protocol = "rtu-serial"
device = "/dev/ttyUSB0"
"""


def wrong(text: str, **profiles: str) -> dict[str, str]:
    """What is wrong, by the text of the line that is blamed."""
    with pytest.raises(SiteFileError) as caught:
        read_site_file(text, profiles or None)
    lines = text.splitlines()
    return {lines[int(name.split()[1]) - 1]: said for name, said in (caught.value.fields or {}).items()}


def dlt(more: str = "") -> str:
    return site_text(1, more=DLT_LINE + DLT_METER + more)


@pytest.mark.mariadb
async def test_what_a_dlt_meter_needs_reaches_its_collector(store: str, tmp_path: Path) -> None:
    more = 'address = "202611250001"\ncontrol_password = "02123456"\noperator = "0a0b0c0d"\npt_ratio = 100\n'

    mall = await small_mall(tmp_path, text=dlt(more))

    plan = await plan_for(mall.as_collector)
    line = next(line for line in plan.lines if line.name == "D1")
    (meter,) = line.meters
    assert (line.protocol, line.baud, line.parity) == ("dlt645-tcp", 2_400, "E")
    assert (meter.address, meter.control_password, meter.operator) == ("202611250001", "02123456", "0A0B0C0D")
    row = await Meter.get(serial="D0001")
    assert row.transformers.ratio == 100
    assert "123456" not in row.control_sealed


async def test_a_serial_line_is_named_by_its_device(store: str, tmp_path: Path) -> None:
    mall = await small_mall(tmp_path, text=site_text(1, more=SERIAL_LINE.format(code="R1") + DLT_METER))

    line = next(line for line in (await plan_for(mall.as_collector)).lines if line.name == "R1")

    assert (line.protocol, line.host, line.port) == ("rtu-serial", "/dev/ttyUSB0", 0)


async def test_loading_again_changes_nothing_and_a_password_left_out_stays(
    store: str, tmp_path: Path
) -> None:
    address = 'address = "202611250001"\n'
    mall = await small_mall(tmp_path, text=dlt(address + 'control_password = "02123456"\n'))
    before = (await Site.get(id=mall.site_id)).plan_version, (await Meter.get(serial="D0001")).control_sealed

    loaded = await load_site(mall.ctx, read_site_file(dlt(address)))

    after = (await Site.get(id=mall.site_id)).plan_version, (await Meter.get(serial="D0001")).control_sealed
    assert (loaded.made, after) == (0, before)


async def test_every_change_of_content_is_another_version(store: str, tmp_path: Path) -> None:
    address = 'address = "202611250001"\n'
    mall = await small_mall(tmp_path, text=dlt(address))
    versions = {(await Site.get(id=mall.site_id)).plan_version}
    changes = ['control_password = "02000001"\n', 'operator = "00000001"\n']

    for more in changes:
        await load_site(mall.ctx, read_site_file(dlt(address + more)))
        versions.add((await Site.get(id=mall.site_id)).plan_version)
    policy = dlt(address).replace("delay_s = 60", "delay_s = 60\nelectrical_interval_s = 30")
    await load_site(mall.ctx, read_site_file(policy))
    versions.add((await Site.get(id=mall.site_id)).plan_version)

    assert len(versions) == 4


async def test_what_is_not_of_the_plan_leaves_its_version(store: str, tmp_path: Path) -> None:
    mall = await small_mall(tmp_path, text=site_text(1))
    before = (await Site.get(id=mall.site_id)).plan_version

    await load_site(mall.ctx, read_site_file(site_text(1).replace("delay_s = 60", "delay_s = 90")))

    assert (await Site.get(id=mall.site_id)).plan_version == before
    assert await Line.all().count() == 1


def test_a_dlt_meter_needs_its_address() -> None:
    assert list(wrong(dlt()).values()) == ["DL/T 645 电表须填写 12 位通信地址"]


def test_an_address_has_twelve_digits() -> None:
    said = wrong(dlt('address = "12345"\n'))

    assert list(said) == ['address = "12345"']


def test_one_serial_device_carries_one_line() -> None:
    text = site_text(1, more=SERIAL_LINE.format(code="R1") + SERIAL_LINE.format(code="R2"))

    assert wrong(text) == {'device = "/dev/ttyUSB0"': "串口 /dev/ttyUSB0 已用于总线 R1"}


def test_a_serial_line_needs_a_device_and_a_socket_a_port() -> None:
    serial = SERIAL_LINE.format(code="R1").replace('device = "/dev/ttyUSB0"\n', "")
    socket = DLT_LINE.replace("port = 15021\n", "")

    assert list(wrong(site_text(1, more=serial)).values()) == ["串口总线须填写串口设备，如 /dev/ttyUSB0"]
    assert list(wrong(site_text(1, more=socket)).values()) == ["请填写端口号（1 至 65535）"]


def test_a_unit_is_taken_once_on_a_socket_however_many_lines_share_it() -> None:
    line = DLT_LINE.replace("15021", "15020").replace("dlt645-tcp", "modbus-tcp")

    said = wrong(site_text(1, more=line + DLT_METER))

    assert said == {"unit = 1": "同一总线上地址 1 重复，已用于表 T0001"}


def test_two_transparent_lines_cannot_share_a_port() -> None:
    assert wrong(site_text(1, more=DLT_LINE.replace("15021", "15020"))) == {
        "port = 15020": "端口 15020 已用于总线 L1"
    }


def test_an_unknown_protocol_or_profile_is_named_where_it_stands() -> None:
    protocol = wrong(site_text(1).replace('"modbus-tcp"', '"bacnet"'))
    profile = wrong(site_text(1), **{"acrel-dtsy1352": "modbus"})

    assert list(protocol) == ['protocol = "bacnet"']
    assert profile == {'profile = "acrel-ddsy1352"': "采集服务没有型号 acrel-ddsy1352"}


def test_a_modbus_model_does_not_hang_on_a_dlt_line() -> None:
    said = wrong(dlt('address = "202611250001"\n'), **{"acrel-ddsy1352": "modbus"})

    assert list(said.values()) == ["型号 acrel-ddsy1352 不能用于 dlt645-tcp 总线"]
