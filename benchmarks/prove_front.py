"""The product's own processes before a WeChat world in this process, whose doors count (证明用的前端).

No mall and no collector: what is proved here is about money alone. The world stands in this process so
that genuine callbacks can be had, forged and counted; it is reached over sockets all the same.
"""

import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from backend.context import Context
from benchmarks.prove_case import Case
from simulator.keys import WorldKeys, load_or_make_keys
from simulator.loopback import LoopbackServer
from simulator.mall import Mall
from simulator.phones import Shopper, shoppers
from simulator.site_file import DEMO_POLICY, write_site
from simulator.stack import Stack, StackOptions
from simulator.web import Response, Server
from simulator.wechat_world import Addresses, WechatWorld
from simulator.world_main import meet_tenants

CLIENT_LIMITS = httpx.Limits(max_connections=300, max_keepalive_connections=100)


@dataclass
class CountingDoor:
    """A server that counts who knocks."""

    inner: Server
    count: int = 0

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        self.count += 1
        return await self.inner.respond(method, target, headers, body)


class Front(Stack):
    """Backend, and worker if wanted, as processes; the world in here."""

    def __init__(self, case: Case, options: StackOptions, *, worker: bool) -> None:
        super().__init__(case.folder, options)
        self.doors: list[CountingDoor] = []
        self._has_worker = worker
        self._listening: list[LoopbackServer] = []
        self._keys: WorldKeys | None = None
        self._world: WechatWorld | None = None
        self.outside = httpx.AsyncClient(timeout=30.0, trust_env=False, limits=CLIENT_LIMITS)

    @property
    def world(self) -> WechatWorld:
        assert self._world is not None
        return self._world

    @property
    def keys(self) -> WorldKeys:
        assert self._keys is not None
        return self._keys

    @property
    def knocks(self) -> int:
        """Return how many requests reached pay, API and SMS servers together."""
        return sum(door.count for door in self.doors)

    async def run(self) -> None:
        await self.start("backend")
        if self._has_worker:
            await self.start("worker")

    async def close(self) -> None:
        await super().close()
        if self._world is not None:
            await self._world.close()
        for each in self._listening:
            await each.close()
        await self.outside.aclose()

    async def _start_mall(self) -> None:
        """Plan a mall that nobody reads: its site file is all that is wanted."""
        options = self.options
        mall = Mall.build(
            options.seed,
            self.clock,
            shafts=options.shafts,
            lines_per_gateway=options.lines,
            prepaid=options.prepaid,
            public=options.public,
        )
        write_site(mall, self.folder / "site.toml", policy=DEMO_POLICY)

    async def _start_world(self) -> None:
        keys = self._keys = load_or_make_keys(self.folder / "world", self.clock.now())
        addresses = Addresses(self.pay_url, self.api_url, self.sms_url, self.public_url)
        world = self._world = WechatWorld(
            keys, self.clock, self.outside, random.Random(self.options.seed), addresses=addresses
        )
        meet_tenants(world, self.options.prepaid)
        for url, server in ((self.pay_url, world.pay), (self.api_url, world.api), (self.sms_url, world.sms)):
            door = CountingDoor(server)
            self.doors.append(door)
            self._listening.append(await LoopbackServer.start(door, port=urlsplit(url).port or 0))


@dataclass(frozen=True)
class OpenFront:
    """A running front, its database in this process, and a phone for every shop."""

    front: Front
    ctx: Context
    people: list[Shopper]


@contextlib.asynccontextmanager
async def open_front(case: Case, name: str, shops: int, *, worker: bool) -> AsyncIterator[OpenFront]:
    """Run backend (and worker, with Valkey) on MariaDB, and let every shop's person bind."""
    options = StackOptions(
        database_url=case.database_url(name), redis=worker, shafts=1, lines=3, prepaid=shops, public=0
    )
    front = Front(case, options, worker=worker)
    try:
        await front.prepare()
        await front.load()
        await front.run()
        async with front.context() as ctx:
            yield OpenFront(front, ctx, await shoppers(ctx, front, front.outside))
    finally:
        await front.close()
