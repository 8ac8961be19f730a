"""Several processes behind one address: real ones, really killed."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.servers import free_port

PATIENCE_S = 20.0


@dataclass
class Running:
    parent: asyncio.subprocess.Process
    public: str
    private: str
    client: httpx.AsyncClient

    async def process(self) -> int | None:
        """Ask on a fresh connection which process answers; None when nobody does."""
        with contextlib.suppress(httpx.TransportError):
            headers = {"connection": "close"}
            answer = await self.client.get(f"{self.public}/api/v1/public/process", headers=headers)
            return int(answer.text)
        return None

    async def measured_calls(self) -> int:
        """Return how often `show_process` was called, by whichever process answers."""
        page = await self.client.get(f"{self.private}/metrics", headers={"connection": "close"})
        found = re.search(r'call_seconds_count\{operation="edge.sample.show_process",.*\} (\d+)', page.text)
        assert found is not None
        return int(found[1])

    async def processes(self, is_enough: Callable[[set[int]], bool]) -> set[int]:
        """Ask again and again until the processes that answered are enough."""
        seen: set[int] = set()
        async with asyncio.timeout(PATIENCE_S):
            while not is_enough(seen):
                process = await self.process()
                if process is not None:
                    seen.add(process)
                await asyncio.sleep(0.01)
        return seen


@pytest.fixture(params=[2])
async def running(
    request: pytest.FixtureRequest, tmp_path: Path, client: httpx.AsyncClient
) -> AsyncIterator[Running]:
    """A parent with as many processes as the parameter says."""
    ports = (free_port(), free_port())
    arguments = ("-m", "tests.edge.run_workers", str(tmp_path), *map(str, (*ports, request.param)))
    parent = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stderr=asyncio.subprocess.DEVNULL
    )
    yield Running(parent, f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", client)
    if parent.returncode is None:
        parent.kill()
        await parent.wait()


async def test_each_process_tells_the_measurements_of_all(running: Running) -> None:
    await running.processes(lambda seen: len(seen) == 2)
    before = await running.measured_calls()

    for _ in range(20):
        assert await running.process() is not None

    assert {await running.measured_calls() for _ in range(5)} == {before + 20}


async def test_a_killed_process_is_replaced_and_the_stop_is_clean(running: Running) -> None:
    first = await running.processes(lambda seen: len(seen) == 2)
    os.kill(min(first), signal.SIGKILL)

    second = await running.processes(lambda seen: len(seen - first) == 1)
    slow = asyncio.ensure_future(running.client.get(f"{running.public}/api/v1/public/slow?seconds=0.5"))
    await asyncio.sleep(0.2)
    running.parent.terminate()

    assert (await slow).json() == "done"
    assert await running.parent.wait() == 0
    assert min(first) not in second


@pytest.mark.parametrize("running", [1], indirect=True)
async def test_no_process_outlives_its_parent(running: Running) -> None:
    await running.processes(lambda seen: len(seen) == 1)

    running.parent.kill()

    async with asyncio.timeout(PATIENCE_S):
        while await running.process() is not None:
            await asyncio.sleep(0.05)
