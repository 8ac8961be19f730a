"""Both apps' WeChat API, an SMS provider and our gateway between them, in memory on virtual time."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.messages.events import WechatEvent
from backend.messages.gateway import MessageGateway, build_messages
from backend.messages.port import Message, NoticeLevel, Receipt, SendResult
from backend.messages.templates import NoticeFacts, code_values, compose
from backend.settings import Settings, load_settings
from common.clock import Clock, LoopClock, run_virtual
from common.units import Fen
from simulator.in_memory import InMemoryAdapter
from simulator.keys import WorldKeys, load_or_make_keys
from simulator.sms_server import SmsServer
from simulator.web import Answer
from simulator.wechat_people import People, Person
from simulator.wechat_server import WechatServer

STARTED_AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
API = "http://127.0.0.1:7001"
SMS = "127.0.0.1:7002"
PHONE = "13800138000"


@dataclass
class Product:
    """Takes what the servers push, through the gateway, and keeps what it meant."""

    clock: Clock
    gateway: MessageGateway | None = None
    events: list[WechatEvent] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        assert self.gateway is not None
        parts = urlsplit(url)
        last = parts.path.rpartition("/")[2]
        if "/sms-receipts/" in parts.path:
            self.receipts += self.gateway.open_sms_receipts(last, body)
            return Answer(200, b'{"result":0}', self.clock.now())
        query = dict(parse_qsl(parts.query))
        if method == "GET":
            return Answer(200, self.gateway.echo(last, query).encode(), self.clock.now())
        self.events += self.gateway.open_event(last, query, body)
        return Answer(200, b"success", self.clock.now())


@dataclass
class World:
    clock: LoopClock
    keys: WorldKeys
    settings: Settings
    people: People
    wechat: WechatServer
    sms: SmsServer
    product: Product
    gateway: MessageGateway

    def tenant(self, *, follows: bool = True, consents: int = 1) -> Person:
        person = self.people.meet("李四", phone=PHONE, follows=follows)
        person.consents = dict.fromkeys(self.keys.names.mini_program.templates.values(), consents)
        return person

    async def send(self, channel: str, address: str, level: NoticeLevel = NoticeLevel.LOW) -> SendResult:
        port = self.gateway.channel(channel)
        assert port is not None
        return await port.send(self.message(address, level))

    def message(self, address: str, level: NoticeLevel = NoticeLevel.LOW) -> Message:
        facts = NoticeFacts(shop="一楼奶茶店", estimated_fen=Fen(4_250), at=self.clock.now(), days=3.4)
        return Message(
            notice_id=1,
            delivery_id=77,
            level=level,
            address=address,
            values=code_values("012345", 10) if level is NoticeLevel.CODE else compose(level, facts),
            page="pages/home/index?account=1",
        )

    async def settle(self) -> None:
        """Wait for everything that the servers still push."""
        await self.wechat.background.settle()
        await self.sms.background.settle()


Scene = Callable[[World], Awaitable[None]]


def make_settings(keys: WorldKeys, folder: Path) -> Settings:
    secret = folder / "secret"
    secret.write_bytes(b"s" * 40)
    environ = keys.product_settings(API, API, "http://127.0.0.1:8000", "http://127.0.0.1:8000/pay")
    return load_settings(
        environ
        | {
            "PREWATT_DEMO": "1",
            "PREWATT_DATABASE_URL": "sqlite://:memory:",
            "PREWATT_LEDGER_KEY_FILE": str(secret),
            "PREWATT_SECRET_KEY_FILE": str(secret),
            "PREWATT_SMS_ENDPOINT": SMS,
        }
    )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> WorldKeys:
    return load_or_make_keys(tmp_path_factory.mktemp("keys"), STARTED_AT, random.Random(7))


@pytest.fixture(scope="session")
def settings(keys: WorldKeys, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_settings(keys, tmp_path_factory.mktemp("settings"))


@pytest.fixture
def play(keys: WorldKeys, settings: Settings) -> Callable[[Scene], None]:
    """Run a scene on virtual time, in a world of its own."""

    async def main(scene: Scene) -> None:
        clock = LoopClock(STARTED_AT)
        people, product = People(keys.names), Product(clock)
        wechat = WechatServer(keys, clock, product, people, "http://127.0.0.1:8000", random_=random.Random(1))
        sms = SmsServer(keys, clock, product, "http://127.0.0.1:8000", random_=random.Random(2))
        adapter = InMemoryAdapter({"127.0.0.1:7001": wechat, SMS: sms})
        gateway = product.gateway = build_messages(settings, clock, adapter=adapter)
        await scene(World(clock, keys, settings, people, wechat, sms, product, gateway))
        await wechat.background.close()
        await sms.background.close()
        await gateway.close()

    return lambda scene: run_virtual(lambda: main(scene))
