"""A worker process: python -m tests.worker.run_worker <database url> <redis url or ""> <folder> <node>."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from backend.outbox import Runner
from backend.store import close_store, open_store
from backend.wakes import LocalWakes, RedisWakes
from backend.worker import working
from common.clock import SystemClock
from tests.worker.shop import context, jobs, tally_in_file


async def main(database_url: str, redis_url: str, folder: Path, node: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await open_store(database_url)
    redis_wakes = RedisWakes(redis_url, SystemClock()) if redis_url else None
    ctx = context(redis_wakes or LocalWakes(is_alone=False), node=node, folder=folder)
    if redis_wakes is not None:
        await redis_wakes.start()
    async with contextlib.AsyncExitStack() as stack:
        runner: Runner = await stack.enter_async_context(working(ctx, jobs(("mark", tally_in_file))))
        (folder / f"ready-{node}").touch()
        await stop.wait()
        assert runner.has_room
    if redis_wakes is not None:
        await redis_wakes.close()
    await close_store()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
