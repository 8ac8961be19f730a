"""A part of a measurement in a process of its own, asked over a pipe (测量进程).

Simulator and clients share no interpreter: what one computes does not delay the other's answers.
"""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any, Self

_SPAWN = multiprocessing.get_context("spawn")
_STOP_S = 5.0

# Answers questions: (name, arguments) -> a picklable answer.
Answer = Callable[[str, tuple[Any, ...]], Any]
# Runs the part until cancelled; is handed a function to say how it answers, once it can.
Play = Callable[..., Awaitable[None]]


class Party:
    """One process that plays a part. `play` is a module's coroutine function play(ready, *args)."""

    def __init__(self, play: Play, *args: Any) -> None:
        self._near, self._far = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_play, args=(self._far, play, args), daemon=True)

    async def __aenter__(self) -> Self:
        self._process.start()
        self._far.close()  # The other process holds it now: when it dies, we hear of it.
        await self.ask("ready")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await asyncio.to_thread(self._process.join, _STOP_S)

    async def ask(self, name: str, *args: Any) -> Any:
        """Ask and return the answer. Raises EOFError when the process has died."""
        self._near.send((name, args))
        return await asyncio.to_thread(self._near.recv)


def _play(far: Connection, play: Play, args: tuple[Any, ...]) -> None:
    asyncio.run(_serve(far, play, args))


async def _serve(far: Connection, play: Play, args: tuple[Any, ...]) -> None:
    loop = asyncio.get_running_loop()
    answers: list[Answer] = []

    def ready(answer: Answer) -> None:
        answers.append(answer)
        loop.add_reader(far.fileno(), hear)

    def hear() -> None:
        try:
            name, given = far.recv()
        except EOFError:
            loop.remove_reader(far.fileno())
            return
        far.send(None if name == "ready" else answers[0](name, given))

    await play(ready, *args)
