"""The mixed reference mall: Modbus TCP, transparent RTU and DL/T 645 under one roof."""

import tomllib
from typing import Any

import pytest

from common.clock import ManualClock
from simulator.line import DLT645_TCP, MODBUS_TCP, RTU_TCP
from simulator.mall import Mall
from simulator.meter import DLT645_1P, DLT645_3P, PUBLIC
from simulator.site_file import site_text
from tests.simulation_mall.master import MORNING


@pytest.fixture(scope="module")
def mall() -> Mall:
    return Mall.build(1, ManualClock(MORNING), mixed=True)


def lines_of(mall: Mall) -> list[dict[str, Any]]:
    site = tomllib.loads(site_text(mall))
    return [line for shaft in site["shafts"] for gateway in shaft["gateways"] for line in gateway["lines"]]


def test_shafts_speak_as_the_site_file_says(mall: Mall) -> None:
    spoken = [(line["protocol"], line["baud"], line["parity"]) for line in lines_of(mall)]

    assert (
        spoken == [(MODBUS_TCP, 9600, "N")] * 9 + [(RTU_TCP, 9600, "N")] * 3 + [(DLT645_TCP, 2400, "E")] * 3
    )


def test_two_lines_of_one_shaft_share_a_port_and_no_address(mall: Mall) -> None:
    first, second, third = (line for line in mall.lines if line.code.startswith("L2-"))

    assert (first.port, third.port) == (second.port, second.port + 1)
    assert not mall.line(first.code).meters.keys() & mall.line(second.code).meters.keys()
    assert len({line.port for line in mall.lines}) == 14


def test_dlt_meters_have_their_address_and_only_shops_a_password(mall: Mall) -> None:
    for line in lines_of(mall):
        for meter in line["meters"]:
            is_dlt = line["protocol"] == DLT645_TCP
            assert (meter.get("address") == meter["serial"]) is is_dlt
            assert (meter["profile"] in (DLT645_1P, DLT645_3P)) is is_dlt
            assert ("control_password" in meter) is (is_dlt and meter["kind"] != PUBLIC)


def test_the_mixed_mall_has_the_same_shops_loads_and_ports_but_for_the_wires(mall: Mall) -> None:
    plain = Mall.build(1, ManualClock(MORNING), mixed=False)

    assert mall.shops == plain.shops
    assert list(mall.meters) == list(plain.meters)
    serial = next(s for s, meter in mall.meters.items() if meter.spec.profile == DLT645_1P)
    assert mall.truth(serial).energy_wh == plain.truth(serial).energy_wh
