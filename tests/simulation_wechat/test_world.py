"""The world as a whole: a seed repeats, keys stay, and it runs as a process of its own."""

import os
import random
import signal
import stat
import subprocess
import sys
from typing import Any

import httpx
import pytest

from backend.settings import load_settings
from common.clock import LoopClock
from simulator.keys import WorldKeys, make_world
from simulator.loopback import MAX_BODY_BYTES, LoopbackServer
from simulator.pay_faults import PayFault
from simulator.wechat_control import WorldControl
from simulator.wechat_names import new_names
from simulator.world_main import SETTINGS_FILE
from tests.simulation_wechat.helpers import START, FakeProduct, Play, play


async def _busy_day(p: Play) -> Any:
    p.world.pay.switches.set(PayFault.CALLBACK_DROPPED, rate=0.4)
    p.world.pay.switches.set(PayFault.CALLBACK_DOUBLED, rate=0.3)
    for number in range(20):
        await p.paid(f"PW{number:06d}", 1_000 + number)
        await p.clock.sleep(7)
    await p.world.settle()
    return p.world.pay.paid_orders(), [
        (each.out_trade_no, each.event_id, each.kind, each.sent_at)
        for each in p.world.pay.callbacks.deliveries
    ]


def test_the_same_seed_plays_the_same_day(keys: WorldKeys) -> None:
    first, second, other = (play(keys, _busy_day, seed) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_keys_are_made_once(keys: WorldKeys) -> None:
    assert make_world(keys.folder, START, random.Random(2)) == keys.product_settings()
    assert stat.S_IMODE((keys.folder / "merchant_key.pem").stat().st_mode) == 0o600


def test_names_follow_the_seed(keys: WorldKeys) -> None:
    assert new_names(random.Random(1)) == keys.names
    assert new_names(random.Random(2)) != keys.names


def test_the_product_accepts_the_settings(keys: WorldKeys) -> None:
    environ = {**keys.product_settings(), "PREWATT_DATABASE_URL": "sqlite:///nowhere.db"}

    settings = load_settings(environ)

    assert settings.pay.apiv3_key == keys.names.apiv3_key
    assert settings.mini_program.templates == keys.names.mini_program.templates
    assert settings.service_account is not None
    assert settings.sms is not None
    assert settings.sms.endpoint == "sms.localhost"


def _control(keys: WorldKeys, scene: Any) -> Any:
    async def whole(p: Play) -> Any:
        transport = p.transport
        transport.hosts["control.localhost"] = WorldControl(p.world)
        async with httpx.AsyncClient(transport=transport, base_url="http://control.localhost") as client:
            return await scene(p, client)

    return play(keys, whole)


def test_control_sets_and_clears_faults(keys: WorldKeys) -> None:
    async def scene(p: Play, client: httpx.AsyncClient) -> Any:
        order = {
            "pay": {"set": [{"fault": "down", "times": 2}]},
            "sms": {"set": [{"fault": "slow", "value": 3}]},
        }
        on = (await client.post("/switches", json=order)).json()
        off = (
            await client.post("/switches", json={"pay": {"clear": True}, "sms": {"clear": ["slow"]}})
        ).json()
        return on["pay"][0]["times"], on["sms"][0]["value"], off

    assert _control(keys, scene) == (2, 3.0, {"pay": [], "wechat": [], "sms": []})


@pytest.mark.parametrize(
    "order",
    [
        {"pay": {"set": [{"fault": "no_such"}]}},
        {"bank": {}},
        {"pay": {"set": [{"fault": "down", "rate": 2}]}},
        {"pay": {"set": {}}},
    ],
)
def test_control_refuses_what_it_does_not_know(keys: WorldKeys, order: dict[str, Any]) -> None:
    async def scene(p: Play, client: httpx.AsyncClient) -> int:
        return (await client.post("/switches", json=order)).status_code

    assert _control(keys, scene) == 422


def test_control_tells_the_truth(keys: WorldKeys) -> None:
    async def scene(p: Play, client: httpx.AsyncClient) -> Any:
        await p.paid("PW000001", 4_200)
        await p.world.settle()
        truth = (await client.get("/truth")).json()
        return truth["paid"][0]["amount_fen"], truth["deliveries"][0]["status"], truth["refused"]["pay"]

    assert _control(keys, scene) == (4_200, 204, {})


def test_control_makes_people_and_shows_their_messages(keys: WorldKeys) -> None:
    async def scene(p: Play, client: httpx.AsyncClient) -> Any:
        template_id = keys.names.mini_program.templates["LAST"]
        person = {"name": "王<小>明", "phone": "13900000009", "consents": {template_id: 1}}
        made = (await client.post("/people", json=person)).json()
        data = {"thing1": {"value": "一层 <A>"}}
        p.world.api.messages.subscribe({"touser": made["openid"], "template_id": template_id, "data": data})
        await p.world.settle()
        page = await client.get("/inbox", params={"name": "王<小>明"})
        missing = await client.get("/inbox", params={"name": "谁"})
        return page.text, missing.status_code

    page, missing = _control(keys, scene)
    assert "停电提醒" in page
    assert "一层 &lt;A&gt;" in page
    assert missing == 404


async def test_the_loopback_server_refuses_other_addresses_and_large_bodies(keys: WorldKeys) -> None:
    product = FakeProduct(keys, LoopClock(START))
    with pytest.raises(ValueError, match="loopback only"):
        await LoopbackServer.start(product, host="0.0.0.0")
    server = await LoopbackServer.start(product)
    async with httpx.AsyncClient(trust_env=False, base_url=server.url) as client:
        path = "/api/v1/callbacks/wechat-pay"
        taken = [(await client.post(path, content=b"a")).status_code for _ in range(2)]
        large = await client.post(path, content=b"x" * (MAX_BODY_BYTES + 1))
    await server.close()

    assert (taken, large.status_code) == ([204, 204], 413)


def test_the_process_serves_everything_and_ends_on_sigterm(keys: WorldKeys) -> None:
    command = [sys.executable, "-m", "simulator.world_main", "--folder", str(keys.folder), "--people", "3"]
    with subprocess.Popen(
        [*command, "--product-public", "http://127.0.0.1:9"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            control = ready.rpartition("control ")[2].strip()
            lines = (keys.folder / SETTINGS_FILE).read_text().splitlines()
            settings = dict(line.partition("=")[::2] for line in lines)
            with httpx.Client(trust_env=False) as client:
                people = client.get(f"{control}/people").json()
                pay = client.get(f"{settings['PREWATT_WECHATPAY_BASE_URL']}/v3/certificates")
                login = {"openid": people[2]["openid"]}
                code = client.post(f"{settings['PREWATT_WECHAT_API_BASE_URL']}/phone/login", json=login)
                sms = client.post(f"http://{settings['PREWATT_SMS_ENDPOINT']}/", json={}).json()
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(10)

    assert [each["name"] for each in people] == ["商户001", "商户002", "商户003"]
    assert pay.json()["code"] == "SIGN_ERROR"
    assert len(code.json()["code"]) == 32
    assert sms["Response"]["Error"]["Code"] == "AuthFailure.InvalidAuthorization"
    assert ended == 0
