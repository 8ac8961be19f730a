"""Blocking libraries beside the loop: bounded, and exact about what has begun."""

import asyncio
import threading

import pytest

from backend.messages.blocking import Busy, Pool
from common.clock import run_virtual


async def test_work_runs_beside_the_loop() -> None:
    pool = Pool(threads=1)

    assert await pool.run(threading.get_ident) != threading.get_ident()
    pool.close()


def test_on_virtual_time_work_runs_in_the_loops_own_thread() -> None:
    async def main() -> bool:
        return await Pool().run(threading.get_ident) == threading.get_ident()

    assert run_virtual(main)


async def test_work_that_takes_too_long_may_have_acted() -> None:
    pool, end = Pool(threads=1, timeout_s=0.05), threading.Event()

    with pytest.raises(TimeoutError):
        await pool.run(end.wait)

    end.set()
    pool.close()


async def test_work_that_never_began_did_nothing() -> None:
    pool, end, done = Pool(threads=1, timeout_s=0.05), threading.Event(), []
    first = asyncio.create_task(pool.run(end.wait))
    await asyncio.sleep(0)

    with pytest.raises(Busy):
        await pool.run(lambda: done.append(1))

    with pytest.raises(TimeoutError):
        await first
    end.set()
    pool.close()
    assert done == []


async def test_a_full_queue_is_refused_at_once() -> None:
    pool, end = Pool(threads=1, queue_limit=1), threading.Event()
    first = asyncio.create_task(pool.run(end.wait))
    await asyncio.sleep(0)

    with pytest.raises(Busy):
        await pool.run(lambda: None)

    end.set()
    assert await first
    pool.close()


async def test_an_error_of_the_work_is_its_own() -> None:
    def fail() -> None:
        raise KeyError("x")

    pool = Pool()
    with pytest.raises(KeyError):
        await pool.run(fail)
    pool.close()
