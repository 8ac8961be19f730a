"""A merchant, its simulated WeChat Pay and the channel between them, in memory."""

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import httpx
import pytest

from backend.payments.wechat_crypto import Keys, load_keys
from backend.payments.wechat_pay import WechatPay
from backend.settings import WechatPaySettings
from common.clock import ManualClock
from common.units import Fen
from simulator.in_memory import InMemoryTransport
from simulator.keys import WorldKeys, load_or_make_keys
from simulator.pay_faults import OLDER_ACCOUNT, DoubtfulCodes
from simulator.pay_server import PayServer
from simulator.web import Answer

STARTED_AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
OPENID = "oUser1"
ORDER_NO = "PW2026030200001"


async def nobody_listens(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    raise ConnectionRefusedError("the product does not listen in this test")


@dataclass
class World:
    """Both ends of the payment channel."""

    keys: WorldKeys
    clock: ManualClock
    server: PayServer
    pay: WechatPay
    settings: WechatPaySettings
    sent: list[httpx.Request] = field(default_factory=list)

    @property
    def expires_at(self) -> datetime:
        return STARTED_AT + timedelta(minutes=30)

    async def prepare(self, order_no: str = ORDER_NO, amount_fen: int = 5_000) -> str:
        return await self.pay.prepare(order_no, Fen(amount_fen), OPENID, self.expires_at, "交电费 A101")

    async def paid(self, order_no: str = ORDER_NO) -> None:
        """Order and pay, without a callback reaching us."""
        self.server.pay(await self.prepare(order_no))


@pytest.fixture(scope="session")
def world_keys(tmp_path_factory: pytest.TempPathFactory) -> WorldKeys:
    return load_or_make_keys(tmp_path_factory.mktemp("keys"), STARTED_AT, random.Random(7))


def pay_settings(keys: WorldKeys) -> WechatPaySettings:
    names = keys.names
    return WechatPaySettings(
        base_url="https://pay.test",
        mchid=names.mchid,
        appid=names.mini_program.appid,
        merchant_serial=keys.merchant_serial,
        merchant_key_file=keys.merchant_key_file,
        apiv3_key=names.apiv3_key,
        verify_keys={
            names.public_key_id: keys.public_key_file,
            keys.platform_serial: keys.platform_certificate_file,
        },
        notify_url="https://mall.test/api/v1/callbacks/wechat-pay",
    )


@lru_cache
def channel_keys(merchant_key_file: Path) -> Keys:
    """Read the keys of a world once for all tests."""
    keys = load_or_make_keys(merchant_key_file.parent, STARTED_AT)
    return load_keys(pay_settings(keys))


def make_world(
    keys: WorldKeys,
    codes: DoubtfulCodes | None = None,
    *,
    certificates: bool = False,
    we_are_late_by: timedelta = timedelta(0),
) -> World:
    clock = ManualClock(STARTED_AT)
    our_clock = ManualClock(STARTED_AT - we_are_late_by)
    server = PayServer(
        keys,
        clock,
        nobody_listens,
        random_=random.Random(1),
        codes=codes,
        certificate_mode=certificates,
        knows_openid=lambda openid: openid == OPENID,
    )
    sent: list[httpx.Request] = []

    async def remember(request: httpx.Request) -> None:
        sent.append(request)

    client = httpx.AsyncClient(
        trust_env=False,
        transport=InMemoryTransport({"pay.test": server}),
        event_hooks={"request": [remember]},
    )
    settings = pay_settings(keys)
    pay = WechatPay(
        settings,
        client,
        our_clock if we_are_late_by else clock,
        random.Random(2),
        channel_keys(keys.merchant_key_file),
    )
    return World(keys, clock, server, pay, settings, sent)


@pytest.fixture
async def world(world_keys: WorldKeys) -> AsyncIterator[World]:
    made = make_world(world_keys)
    yield made
    await made.server.background.close()


@pytest.fixture(params=["newer account", "older account"])
async def any_world(request: pytest.FixtureRequest, world_keys: WorldKeys) -> AsyncIterator[World]:
    """Accounts answer some refusals with different codes."""
    made = make_world(world_keys, OLDER_ACCOUNT if request.param == "older account" else None)
    yield made
    await made.server.background.close()
