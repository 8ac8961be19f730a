"""The site file says what the mall is."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from common.clock import ManualClock
from simulator.mall import Mall
from simulator.site_file import DEMO_POLICY, site_text, write_site
from tests.simulation_mall.master import MORNING


@pytest.fixture(scope="module")
def mall() -> Mall:
    return Mall.build(1, ManualClock(MORNING))


def meters_of(site: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        meter
        for shaft in site["shafts"]
        for gateway in shaft["gateways"]
        for line in gateway["lines"]
        for meter in line["meters"]
    ]


def test_the_file_lists_every_meter_as_it_hangs(mall: Mall, tmp_path: Path) -> None:
    write_site(mall, tmp_path / "site.toml")
    site = tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))

    for listed in meters_of(site):
        spec = mall.meters[listed["serial"]].spec
        for key, value in listed.items():
            assert getattr(spec, key) == value, key
    assert len(meters_of(site)) == 350
    lines = [line for shaft in site["shafts"] for line in shaft["gateways"][0]["lines"]]
    assert [(line["code"], line["port"]) for line in lines] == [(a.code, a.port) for a in mall.lines]


def test_every_prepaid_meter_names_a_listed_shop(mall: Mall) -> None:
    site = tomllib.loads(site_text(mall))
    codes = {shop["code"] for shop in site["shops"]}

    assert {meter["shop"] for meter in meters_of(site) if meter["kind"] == "prepaid"} == codes
    assert all(meter["place"] for meter in meters_of(site) if meter["kind"] == "public")
    assert all(shop["armed"] and shop["contacts"][0]["verified"] for shop in site["shops"])


def test_the_demo_policy_trips_at_any_hour(mall: Mall) -> None:
    usual = tomllib.loads(site_text(mall))["policy"]
    demo = tomllib.loads(site_text(mall, policy=DEMO_POLICY))["policy"]

    assert (usual["delay_s"], usual["no_trip_windows"]) == (1800, ["18:00-09:30"])
    assert (demo["delay_s"], demo["no_trip_windows"], demo["no_trip_weekends"]) == (60, [], False)
    assert (usual["no_trip_holidays"], demo["no_trip_holidays"]) == (True, False)


def test_the_tariff_gives_the_demo_prices(mall: Mall) -> None:
    version = tomllib.loads(site_text(mall))["tariffs"][0]["versions"][0]

    def millionths(period: str) -> int:
        percent = version["float_percent"][period]
        return sum(
            round(float(part["price"]) * 1_000_000) * (percent if part["floats"] else 100) // 100
            for part in version["components"]
        )

    assert {p: millionths(p) for p in ("peak", "flat", "valley")} == {
        "peak": 952_000,
        "flat": 700_000,
        "valley": 448_000,
    }


def test_the_tariffs_slots_are_the_meters_own_table(mall: Mall) -> None:
    slots = tomllib.loads(site_text(mall))["tariffs"][0]["versions"][0]["slots"]

    names = ("sharp", "peak", "flat", "valley")
    assert slots == [f"{at} {names[period]}" for at, period in mall.period_table.switches]
