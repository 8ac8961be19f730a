"""A mall behind real listeners for a browser: real services on SQLite, the WeChat world on loopback.

The test plays the collector: readings and outcomes come from here, not over a line.
"""

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import msgspec

from backend.app import Servers, bind, serve
from backend.assemble import make_context, make_edge
from backend.context import Caller, CallerKind, Context
from backend.messages.gateway import build_messages
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.operations import Collector
from backend.models.payments import TopUp, TopUpState
from backend.models.site import Shop
from backend.models.supply import ReadRequest, Supply
from backend.outbox import Runner
from backend.payments.port import PaidOrder
from backend.payments.wechat_pay import WechatPay
from backend.services.accept_outcomes import accept_outcomes
from backend.services.book_payment import book_payment
from backend.services.collector_link import note_health
from backend.services.permissions import seed_roles
from backend.services.site_file import read_site_file
from backend.services.site_load import load_site
from backend.services.staff_admin import create_staff
from backend.services.take_readings import take_readings
from backend.settings import load_settings
from backend.store import close_store, open_store, unit_of_work
from backend.wakes import LocalWakes
from backend.worker import working
from common.clock import SystemClock
from common.units import Fen
from common.wire import Health, Outcome, OutcomeBatch, Reading, ReadingBatch, ReadingKind, Relay, Stage
from simulator.keys import load_or_make_keys
from simulator.loopback import LoopbackServer
from simulator.mall import Mall
from simulator.site_file import DEMO_POLICY, site_text
from simulator.tenants import Tenants, settle_in
from simulator.wechat_world import Addresses, WechatWorld
from simulator.world_main import Door

ROLES = ("cashier", "finance", "electrician", "manager", "administrator")
SEED = 7
PHONES = 3
PAID_FEN = (50, 88_000, 152_350, 9_900, 203_100, 61_275, 1_204_000, 34_000, 47_020, 300_000)


class MovedClock(SystemClock):
    """The machine's clock, which a test may put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@dataclass
class OnStage:
    """What a test says about the mall that its browser sees."""

    ctx: Context
    clock: MovedClock
    servers: Servers
    world: WechatWorld
    tenants: Tenants
    collector: Collector
    runner: Runner
    registers: dict[str, int] = field(default_factory=dict)
    batches: int = 0

    @property
    def private_port(self) -> int:
        return self.servers.private.address[1]

    @property
    def public_port(self) -> int:
        return self.servers.public.address[1]

    def phone_page(self, shop: str) -> str:
        return f"http://localhost:{self.public_port}/demo/phone?name={self.tenants[shop].phone.person.name}"

    @property
    def as_collector(self) -> Context:
        caller = Caller(CallerKind.COLLECTOR, self.collector.id, self.collector.site_id)
        return replace(self.ctx, caller=caller)

    async def meter(self, shop: str) -> Meter:
        row = await Shop.get(code=shop)
        account = await Account.get(shop_id=row.id)
        return await Meter.get(account_id=account.id)

    async def supply(self, shop: str) -> Supply:
        return await Supply.get(meter_id=(await self.meter(shop)).id)

    async def contact(self) -> None:
        """Let the collector be in touch, with a right clock."""
        health = Health(sent_at=self.clock.now(), version="t", spool_backlog=0, clock_offset_s=0.0, lines=[])
        await note_health(self.as_collector, health)

    async def read(self, meters: list[Meter], used_wh: int = 0, relay: Relay = Relay.ON) -> None:
        """Let meters count `used_wh` and read them now; an open request is answered by it."""
        self.batches += 1
        now = self.clock.now()
        readings = []
        for meter in meters:
            self.registers[meter.serial] = self.registers.get(meter.serial, 1_000_000) + used_wh
            request = await ReadRequest.get_or_none(standing_key=f"staff:{meter.id}")
            readings.append(
                Reading(
                    meter_id=str(meter.id),
                    read_at=now,
                    kind=ReadingKind.REQUEST if request else ReadingKind.POLL,
                    register_wh=self.registers[meter.serial],
                    period_registers_wh=(0, 0, self.registers[meter.serial], 0),
                    power_w=1_240 + meter.unit * 10,
                    voltage_mv=(229_800,),
                    current_ma=(5_400,),
                    relay=relay if meter.account_id else Relay.UNKNOWN,
                    forced=True,
                    request_id=str(request.id) if request else None,
                )
            )
        await self.contact()
        batch = ReadingBatch(epoch="e", number=self.batches, sent_at=now, readings=readings)
        await take_readings(self.as_collector, batch)

    async def read_shop(self, shop: str, used_wh: int = 0, relay: Relay = Relay.ON) -> None:
        await self.read([await self.meter(shop)], used_wh, relay)

    async def pay(self, account: Account, amount_fen: int) -> None:
        """Book a payment as the channel would state it."""
        number, now = self.ctx.ids.new(), self.clock.now()

        async def work() -> TopUp:
            return await TopUp.create(
                id=number,
                site_id=account.site_id,
                order_no=f"PW{number}",
                account_id=account.id,
                tenant_id=1,
                openid="payer",
                amount_fen=amount_fen,
                request_id=f"request-{number}",
                state=TopUpState.PREPARED,
                created_at=now,
                expires_at=now + timedelta(minutes=10),
            )

        order = await unit_of_work(work)
        paid = PaidOrder(
            order_no=order.order_no,
            transaction_id=f"42{number}",
            amount_fen=Fen(amount_fen),
            payer_total_fen=Fen(amount_fen),
            currency="CNY",
            openid="payer",
            paid_at=now,
            trade_state="SUCCESS",
            raw_digest="",
        )
        await book_payment(self.ctx, paid, "callback")

    async def outcome(self, shop: str, stage: Stage, relay: Relay = Relay.UNKNOWN) -> None:
        """Report one step of the shop's newest order."""
        self.batches += 1
        supply = await self.supply(shop)
        now = self.clock.now()
        outcome = Outcome(
            meter_id=str(supply.meter_id), generation=supply.generation, stage=stage, at=now, relay=relay
        )
        batch = OutcomeBatch(epoch="e", number=self.batches, sent_at=now, outcomes=[outcome])
        await accept_outcomes(self.as_collector, batch)

    async def converge(self, shop: str) -> None:
        """Carry the shop's newest order out and read it back, as the collector does."""
        relay = (await self.supply(shop)).desired
        for stage in (Stage.SENT, Stage.ACKNOWLEDGED):
            await self.outcome(shop, stage)
        await self.outcome(shop, Stage.VERIFIED, relay)


@contextlib.asynccontextmanager
async def on_stage(folder: Path, database_url: str, *, prepaid: int, public: int) -> AsyncIterator[OnStage]:
    """Run the mall beside the body. The database is there and migrated."""
    clock = MovedClock()
    keys = load_or_make_keys(folder / "keys", clock.now(), random.Random(SEED))
    sockets = (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0)))
    product = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    async with contextlib.AsyncExitStack() as stack:
        doors = [Door() for _ in range(3)]
        urls: list[str] = []
        for door in doors:
            server = await LoopbackServer.start(door)
            stack.push_async_callback(server.close)
            urls.append(server.url)
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=15))
        pay, api, sms = urls
        addresses = Addresses(pay, api, sms, product)
        world = WechatWorld(keys, clock, client, random.Random(SEED), addresses=addresses)
        doors[0].server, doors[1].server, doors[2].server = world.pay, world.api, world.sms
        stack.push_async_callback(world.close)
        settings = load_settings(
            {
                **keys.product_settings(pay, api, sms, product),
                "PREWATT_DATABASE_URL": database_url,
                "PREWATT_DATA_DIR": str(folder),
            }
        )
        await open_store(settings.database_url)
        stack.push_async_callback(close_store)
        messages = build_messages(settings, clock)
        stack.push_async_callback(messages.close)
        payments = WechatPay(settings.pay, client, clock, random.Random(SEED))
        ctx = make_context(settings, clock, LocalWakes(), payments, messages)
        mall = Mall.build(SEED, clock, prepaid=prepaid, public=public)
        loaded = await load_site(ctx, read_site_file(site_text(mall, policy=DEMO_POLICY)))
        await _hire(ctx, loaded.site_id)
        collector = await Collector.create(
            id=ctx.ids.new(),
            site_id=loaded.site_id,
            name="c1",
            token_hash="x",
            line_codes=msgspec.json.encode([]).decode(),
        )
        servers = await serve(make_edge(ctx), sockets)
        stack.push_async_callback(servers.close, 0)
        runner = await stack.enter_async_context(working(ctx))
        # The first shops have somebody with a phone; the others have money alone.
        mall.shops[:] = mall.shops[:PHONES]
        tenants = await settle_in(ctx, loaded.site_id, mall, world)
        stage = OnStage(ctx, clock, servers, world, tenants, collector, runner)
        for number, account in enumerate(await Account.all().order_by("id")):
            await stage.pay(account, PAID_FEN[number % len(PAID_FEN)])
        await stage.read(await Meter.all().order_by("id"))
        yield stage


async def _hire(ctx: Context, site_id: int) -> None:
    await seed_roles(ctx, site_id)
    for role in ROLES:
        await create_staff(ctx, site_id, role, f"演示{role[:4]}", "correct horse battery", [role])
