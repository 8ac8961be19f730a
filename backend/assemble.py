"""Put a process together (装配): settings in, a context or an edge out, everything closed again.

One way for all of them: backend processes, the worker, the command line, the demo and the virtual mall
differ in what they hand in here, not in what they do with it.
"""

import contextlib
import random
from collections.abc import AsyncIterator

import httpx

from backend.admin_files import AdminFiles
from backend.context import Context
from backend.edge import Edge
from backend.messages.gateway import MessageGateway, build_messages
from backend.payments.port import PaymentChannel
from backend.payments.wechat_pay import WechatPay
from backend.routing import load_handlers
from backend.services.authenticate import authenticate
from backend.settings import Settings
from backend.store import close_store, open_store
from backend.wakes import LocalWakes, RedisWakes, Wakes
from backend.worker import working
from common.clock import Clock, SystemClock
from common.ids import Ids


def make_context(
    settings: Settings,
    clock: Clock,
    wakes: Wakes,
    payments: PaymentChannel,
    messages: MessageGateway,
    *,
    random_: random.Random | None = None,
    node: int | None = None,
) -> Context:
    """Build a process's context from its parts."""
    source = random_ or random.SystemRandom()
    return Context(
        clock=clock,
        ids=Ids(clock, source, node),
        settings=settings,
        payments=payments,
        messages=messages,
        wakes=wakes,
        random=source,
    )


def make_edge(ctx: Context) -> Edge:
    """Build the one way into the backend."""
    return Edge(ctx, authenticate, operations=load_handlers(), files=AdminFiles())


@contextlib.asynccontextmanager
async def open_context(settings: Settings, *, inline: bool = False) -> AsyncIterator[Context]:
    """Open database, wake-ups and clients of this process on the machine's clock.

    inline: run SQLite in the loop's own thread: quicker for who does nothing else meanwhile.
    """
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        # First what the settings alone decide: a wrong one is said before anything is opened.
        source = random.SystemRandom()
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        payments = WechatPay(settings.pay, client, clock, source)
        messages = build_messages(settings, clock)
        stack.push_async_callback(messages.close)
        await open_store(settings.database_url, inline=inline)
        stack.push_async_callback(close_store)
        wakes: Wakes = LocalWakes(is_alone=settings.is_sqlite)
        if settings.redis_url:
            redis_wakes = RedisWakes(settings.redis_url, clock)
            await redis_wakes.start()
            stack.push_async_callback(redis_wakes.close)
            wakes = redis_wakes
        yield make_context(settings, clock, wakes, payments, messages)


@contextlib.asynccontextmanager
async def open_edge(settings: Settings) -> AsyncIterator[Edge]:
    """Open a backend process. On SQLite the worker runs in it too (embedded mode)."""
    async with open_context(settings) as ctx:
        if settings.is_sqlite:
            async with working(ctx):
                yield make_edge(ctx)
        else:
            yield make_edge(ctx)
