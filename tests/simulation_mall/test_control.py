"""The control API: faults in, truth out."""

from collections.abc import AsyncIterator

import httpx
import pytest

from common.clock import SystemClock
from simulator.control import MallControl
from simulator.loopback import LoopbackServer
from simulator.mall import Mall


@pytest.fixture
def mall() -> Mall:
    mall = Mall.build(1, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=4, public=1)
    mall.mark_lines()
    return mall


@pytest.fixture
async def client(mall: Mall) -> AsyncIterator[httpx.AsyncClient]:
    server = await LoopbackServer.start(MallControl(mall))
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield client
    await server.close()


async def test_truth_is_told_for_one_meter_and_for_all(mall: Mall, client: httpx.AsyncClient) -> None:
    everything = (await client.get("/truth")).json()["meters"]
    one = (await client.get("/truth", params={"serial": everything[0]["serial"]})).json()

    assert [meter["serial"] for meter in everything] == list(mall.meters)
    assert one["energy_wh"] >= everything[0]["energy_wh"] > 0


async def test_faults_are_switched(mall: Mall, client: httpx.AsyncClient) -> None:
    serial = next(iter(mall.meters))
    orders = [
        {"meter": serial, "fault": "dead", "on": True},
        {"meter": serial, "fault": "overload", "value": 4},
        {"line": "L1-1", "fault": "cut", "on": True},
        {"gateway": "G1", "fault": "silent", "on": True},
        {"line": "L1-1", "fault": "late", "value": 0.03},
        {"gateway": "G1", "fault": "half_open", "on": True},
        {"meter": serial, "fault": "held", "on": True},
    ]
    for order in orders:
        assert (await client.post("/switch", json=order)).status_code == 200

    assert mall.meters[serial].dead
    assert mall.meters[serial].history.last.times == 4
    assert mall.line("L1-1").cut
    assert mall.gateways["G1"].silent
    assert mall.line("L1-1").faults.rates == {"late": 0.03}
    assert mall.gateways["G1"].ports["L1-1"].half_open
    assert mall.truth(serial).held


async def test_every_switch_is_named(client: httpx.AsyncClient) -> None:
    names = (await client.get("/switches")).json()

    assert names["meter"]["load_trip"] == "bool"
    assert names["line"]["crossed"] == "float"
    assert {"gone", "half_open", "noisy"} <= names["gateway"].keys()


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"meter": "0", "fault": "dead", "on": True}, 404),
        ({"line": "L9", "fault": "cut", "on": True}, 404),
        ({"gateway": "G1", "fault": "broken", "on": True}, 422),
        ({"gateway": "G1", "fault": "gone"}, 422),
        ({"fault": "dead", "on": True}, 422),
        ({"gateway": "G1", "line": "L1-1", "fault": "cut", "on": True}, 422),
        ({"meter": 5, "fault": "dead", "on": True}, 422),
        ([], 422),
    ],
)
async def test_a_wrong_order_is_refused(client: httpx.AsyncClient, order: object, status: int) -> None:
    assert (await client.post("/switch", json=order)).status_code == status


async def test_lines_and_their_use_are_told(mall: Mall, client: httpx.AsyncClient) -> None:
    (line,) = (await client.get("/lines")).json()["lines"]

    assert (line["code"], line["port"]) == ("L1-1", mall.lines[0].port)
    assert line["use"]["share"] == 0
    assert (await client.post("/mark")).status_code == 200


async def test_what_it_does_not_know_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nothing")).status_code == 404
    assert (await client.get("/truth", params={"serial": "0"})).status_code == 404
