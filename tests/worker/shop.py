"""A few jobs to do, and a context to do them in. What a job did is counted where every process can see it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from backend.context import Context
from backend.jobs import Again, Done, Job, Lane
from backend.outbox import add_work
from backend.store import rows, unit_of_work
from backend.wakes import LocalWakes, Wakes
from common.clock import Clock, SystemClock
from common.ids import Ids

Run = Callable[[Context, Any], Awaitable[Done | Again]]


class Number(Struct):
    number: int = 0


def context(
    wakes: Wakes | None = None, clock: Clock | None = None, node: int = 1, folder: Path = Path()
) -> Context:
    """A context for jobs that use the clock, the ids and the wakes alone; `folder` holds a tally."""
    clock = clock or SystemClock()
    nobody = cast(Any, None)
    return Context(
        clock=clock,
        ids=Ids(clock, node=node),
        settings=cast(Any, folder),
        payments=nobody,
        messages=nobody,
        wakes=wakes or LocalWakes(),
    )


def jobs(*runs: tuple[str, Run] | tuple[str, Run, Lane]) -> dict[str, Job]:
    made = [Job(kind, Number, run, lane=lane[0] if lane else Lane.PROMPT) for kind, run, *lane in runs]
    return {job.kind: job for job in made}


async def add(ctx: Context, kind: str, *numbers: int, **more: Any) -> None:
    """Want one piece of work for each number, all in one unit of work."""

    async def work() -> None:
        for number in numbers or (0,):
            await add_work(ctx, kind, Number(number), **more)

    await unit_of_work(work)


async def left() -> list[dict[str, Any]]:
    return await rows("SELECT * FROM outbox ORDER BY id")


class Tally:
    """Counts the runs of a job in this process, and lets a test wait for them."""

    def __init__(self, answer: Done | Again | None = None) -> None:
        self.numbers: list[int] = []
        self._answer = answer or Done()
        self._changed = asyncio.Event()

    async def run(self, ctx: Context, payload: Number) -> Done | Again:
        self.numbers.append(payload.number)
        self._changed.set()
        return self._answer

    async def reach(self, count: int, within_s: float = 10.0) -> None:
        async with asyncio.timeout(within_s):
            while len(self.numbers) < count:
                self._changed.clear()
                await self._changed.wait()


async def tally_in_file(ctx: Context, payload: Number) -> Done:
    """Append the number to a file that all processes share; a short line is written whole."""
    await ctx.clock.sleep(0.002)
    folder = cast(Path, cast(Any, ctx.settings))
    with (folder / "tally").open("a") as file:
        file.write(f"{payload.number}\n")
    return Done()


def tallied(folder: Path) -> list[int]:
    file = folder / "tally"
    return sorted(int(line) for line in file.read_text().split()) if file.exists() else []
