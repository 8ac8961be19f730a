"""The whole mall in one process on virtual time (整座商场): product, collector, lines, WeChat and people.

Everything is the real thing but sockets and clock: registry, services, SQLite, collector, frames, RSA.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from backend.assemble import make_context, make_edge
from backend.commands import register_collector
from backend.context import Context
from backend.messages.gateway import build_messages
from backend.outbox import Runner
from backend.payments.wechat_pay import WechatPay
from backend.routing import Listener
from backend.services.permissions import seed_roles
from backend.services.site_file import read_site_file
from backend.services.site_load import load_site
from backend.settings import load_settings
from backend.store import close_store, migrate_store, open_store
from backend.wakes import LocalWakes
from backend.worker import working
from collector.main import Collector
from collector.settings import CollectorSettings
from common.clock import LoopClock
from simulator.keys import load_or_make_keys
from simulator.mall import Mall
from simulator.product import ProductServer
from simulator.site_file import SitePolicy, site_text
from simulator.tenants import Tenants, settle_in
from simulator.web import Response
from simulator.wechat_world import WechatWorld, in_memory_world

PRIVATE_URL = "http://backend.localhost"
COLLECTOR_NAME = "mall"


class LateProduct:
    """The product's public side, known to the world before it is built."""

    def __init__(self) -> None:
        self.server: ProductServer | None = None

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        assert self.server is not None
        return await self.server.respond(method, target, headers, body)


@dataclass
class WholeMall:
    """Everything that runs, for whoever watches it."""

    clock: LoopClock
    ctx: Context
    site_id: int
    mall: Mall
    world: WechatWorld
    tenants: Tenants
    runner: Runner


@contextlib.asynccontextmanager
async def whole_mall(
    folder: Path,
    seed: int,
    clock: LoopClock,
    *,
    prepaid: int = 300,
    public: int = 50,
    shafts: int = 5,
    lines_per_gateway: int = 3,
    policy: SitePolicy | None = None,
    mixed: bool = True,
    health_s: float = 300.0,
) -> AsyncIterator[WholeMall]:
    """Build the mall and let it run beside the body; the loop must be a VirtualLoop."""
    source = random.Random(seed)
    keys = load_or_make_keys(folder / "keys", clock.now(), random.Random(seed))
    environ = {
        **keys.product_settings(),
        "PREWATT_DATABASE_URL": f"sqlite://{folder / 'prewatt.db'}",
        "PREWATT_DATA_DIR": str(folder),
    }
    settings = load_settings(environ)
    await migrate_store(settings.database_url, inline=True)
    await open_store(settings.database_url, inline=True)
    late = LateProduct()
    world, transport, adapter = in_memory_world(keys, clock, late, seed)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(close_store)
        stack.push_async_callback(world.close)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport))
        messages = build_messages(settings, clock, adapter=adapter)
        stack.push_async_callback(messages.close)
        payments = WechatPay(settings.pay, client, clock, _drawn(source))
        ctx = make_context(settings, clock, LocalWakes(), payments, messages, random_=_drawn(source), node=1)
        edge = make_edge(ctx)
        late.server = ProductServer(edge, Listener.PUBLIC)
        transport.hosts["backend.localhost"] = ProductServer(edge, Listener.PRIVATE)
        mall = Mall.build(
            seed,
            clock,
            shafts=shafts,
            lines_per_gateway=lines_per_gateway,
            prepaid=prepaid,
            public=public,
            mixed=mixed,
        )
        loaded = await load_site(ctx, read_site_file(site_text(mall, policy=policy)))
        await seed_roles(ctx, loaded.site_id)
        runner = await stack.enter_async_context(working(ctx))
        tenants = await settle_in(ctx, loaded.site_id, mall, world)
        token = await register_collector(ctx, loaded.site_id, COLLECTOR_NAME)
        collector = Collector(
            CollectorSettings(
                url=PRIVATE_URL,
                collector_id=COLLECTOR_NAME,
                token=token,
                spool=":memory:",
                flush_s=150.0,  # A request costs real time here and no virtual time.
                health_s=health_s,
            ),
            clock,
            mall.dial,
            client,
            _drawn(source),
        )
        task = asyncio.create_task(collector.run(), name="collector")
        try:
            yield WholeMall(clock, ctx, loaded.site_id, mall, world, tenants, runner)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await mall.close()


def _drawn(source: random.Random) -> random.Random:
    return random.Random(source.getrandbits(64))
