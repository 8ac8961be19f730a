"""A worker process: python -m tests.worker.run_worker <database url> <redis url or ""> <folder> <node>."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from backend.store import close_store, open_store
from backend.wakes import LocalWakes, RedisWakes, Wakes
from backend.worker import working
from common.clock import SystemClock
from tests.worker.shop import context, jobs, tally_in_file


async def main(database_url: str, redis_url: str, folder: Path, node: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        await open_store(database_url)
        stack.push_async_callback(close_store)
        wakes: Wakes = LocalWakes(is_alone=False)
        if redis_url:
            wakes = redis_wakes = RedisWakes(redis_url, SystemClock())
            await redis_wakes.start()
            stack.push_async_callback(redis_wakes.close)
        await stack.enter_async_context(
            working(context(wakes, node=node, folder=folder), jobs(("mark", tally_in_file)))
        )
        (folder / f"ready-{node}").touch()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
