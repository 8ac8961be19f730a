"""Wakes in a process and between processes, with Redis there, gone and back."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeout

from backend import wakes as wakes_module
from backend.valkey import Valkey
from backend.wakes import OUTBOX, STEADY_REREAD_S, WAKE_LIST, LocalWakes, RedisWakes
from common.clock import SystemClock
from tests.worker.test_valkey import until_back


@asynccontextmanager
async def redis_wakes(url: str, *, up: bool = True) -> AsyncIterator[RedisWakes]:
    wakes = RedisWakes(url, SystemClock())
    await wakes.start()
    try:
        if up:
            await until_up(wakes)
        yield wakes
    finally:
        await wakes.close()


async def until_up(wakes: RedisWakes, is_up: bool = True) -> None:
    async with asyncio.timeout(8):
        while wakes.is_up is not is_up:
            await asyncio.sleep(0.01)


async def test_a_wake_between_reading_and_waiting_is_not_lost() -> None:
    wakes = LocalWakes()
    ticket = wakes.ticket("desired:1")
    wakes.wake("desired:1")
    assert await wakes.wait("desired:1", ticket, 0.0)


async def test_a_waiter_is_woken_by_its_own_topic_alone() -> None:
    wakes = LocalWakes()
    waiting = asyncio.create_task(wakes.wait("live:1", wakes.ticket("live:1"), 5.0))
    await asyncio.sleep(0)
    wakes.wake("live:2")
    await asyncio.sleep(0)
    assert not waiting.done()
    wakes.wake("live:1")
    assert await waiting


async def test_a_wait_ends_with_its_time() -> None:
    wakes = LocalWakes()
    assert not await wakes.wait("live:1", wakes.ticket("live:1"), 0.01)
    assert wakes._waiters == {}


async def test_a_million_topics_do_not_fill_the_memory() -> None:
    wakes = LocalWakes()
    ticket = wakes.ticket("desired:1")
    for number in range(25_000):
        wakes.wake(f"top_up:{number}")
    assert len(wakes._newest) <= 10_001
    wakes.wake("desired:1")
    assert await wakes.wait("desired:1", ticket, 0.0)


def test_a_process_that_is_not_alone_reads_often_without_redis() -> None:
    assert LocalWakes().reread_s(0.25) == STEADY_REREAD_S
    assert LocalWakes(is_alone=False).reread_s(0.25) == 0.25


async def test_another_process_is_woken(valkey: Valkey) -> None:
    async with redis_wakes(valkey.url) as here, redis_wakes(valkey.url) as there:
        ticket = there.ticket("desired:1")
        here.wake("desired:1")
        assert await there.wait("desired:1", ticket, 5.0)
        assert here.reread_s(0.25) == STEADY_REREAD_S


async def test_an_outbox_wake_is_one_token_and_tokens_do_not_pile_up(valkey: Valkey) -> None:
    client = Redis.from_url(valkey.url)
    async with redis_wakes(valkey.url) as here:
        ticket = here.ticket(OUTBOX)
        here.wake(OUTBOX)
        assert await here.wait(OUTBOX, ticket, 0.0)
        async with asyncio.timeout(5):
            while await client.llen(WAKE_LIST) != 1:
                await asyncio.sleep(0.005)
        for _ in range(200):
            here.wake(OUTBOX)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)
        assert 1 < await client.llen(WAKE_LIST) <= 64
    await client.aclose()


async def test_waiters_are_woken_when_redis_is_back(valkey: Valkey) -> None:
    async with redis_wakes(valkey.url) as here, redis_wakes(valkey.url) as there:
        killed = valkey.pid
        os.kill(killed, signal.SIGKILL)
        await until_up(there, False)
        assert there.reread_s(0.25) == 0.25
        ticket = there.ticket("desired:1")
        here.wake("live:1")  # Never raises; sent when Redis is back.
        live = there.ticket("live:1")
        await until_back(valkey, killed)
        assert await there.wait("desired:1", ticket, 8.0)  # Something may have been missed.
        await until_up(here)
        assert await there.wait("live:1", live, 8.0)
        ticket = there.ticket("desired:1")
        here.wake("desired:1")
        assert await there.wait("desired:1", ticket, 8.0)


async def test_a_wake_of_the_time_without_redis_arrives_afterwards(valkey: Valkey) -> None:
    async with redis_wakes(valkey.url) as here, redis_wakes(valkey.url) as there:
        killed = valkey.pid
        os.kill(killed, signal.SIGKILL)
        await until_up(here, False)
        here.wake(OUTBOX)
        await until_back(valkey, killed)
        await until_up(there)
        client = Redis.from_url(valkey.url)
        async with asyncio.timeout(8):
            while not await client.llen(WAKE_LIST):
                await asyncio.sleep(0.01)
        await client.aclose()


async def test_no_redis_at_all_hinders_nobody() -> None:
    async with redis_wakes("redis://127.0.0.1:1/0", up=False) as wakes:
        ticket = wakes.ticket("live:1")
        wakes.wake("live:1")
        assert await wakes.wait("live:1", ticket, 0.0)
        await asyncio.sleep(0.2)
        assert wakes.reread_s(0.25) == 0.25


async def test_a_redis_that_takes_calls_and_never_answers_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut cable looks like this: the connection stands and nothing comes."""
    monkeypatch.setattr(wakes_module, "_TIMEOUT_S", 0.3)
    async with asyncio.timeout(15):
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            async with redis_wakes(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0", up=False) as wakes:
                wakes.wake("live:1")
                await asyncio.sleep(1.0)
                assert wakes.reread_s(0.25) == 0.25


async def test_a_redis_that_falls_silent_is_found_out(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakes_module, "_TIMEOUT_S", 0.3)
    async with redis_wakes(valkey.url) as wakes:
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            await until_up(wakes, False)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        await until_up(wakes)


@pytest.mark.parametrize("times", [1, 2])
async def test_closing_is_harmless(valkey: Valkey, times: int) -> None:
    wakes = RedisWakes(valkey.url, SystemClock())
    await wakes.start()
    for _ in range(times):
        await wakes.close()
    wakes.wake("live:1")
    assert not wakes.is_up


async def test_closing_ends_when_a_connection_fails_on_the_way_out(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_slow(_: PubSub) -> None:
        raise RedisTimeout("closing connection")

    wakes = RedisWakes(valkey.url, SystemClock())
    await wakes.start()
    await until_up(wakes)
    with monkeypatch.context() as patched:
        patched.setattr(PubSub, "aclose", too_slow)
        async with asyncio.timeout(5):
            await wakes.close()
    assert not wakes.is_up
