"""What the simulated web servers speak: transport-neutral requests and answers (网络接口).

Each server runs behind a loopback socket (`loopback.py`) and in memory (`in_memory.py`) unchanged.
"""

import asyncio
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import httpx

from common.clock import Clock

MAX_BACKGROUND_TASKS = 10_000


@dataclass(frozen=True)
class Response:
    """An answer. `delay_s`: how long it takes; `dropped`: the connection is cut instead."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    dropped: bool = False


class Server(Protocol):
    async def respond(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Response: ...


class NowServer(Protocol):
    """A server whose answer needs no waiting, so that synchronous clients can be served in memory."""

    def respond_now(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response: ...


@dataclass(frozen=True)
class Answer:
    """What the product said to a call of ours. `sent_at`: when the last byte of the call had left."""

    status: int
    body: bytes
    sent_at: datetime


class Caller(Protocol):
    """Calls the product. Raises OSError or httpx.HTTPError when nobody answers."""

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class HttpCaller:
    """Calls the product through httpx, over a socket or an in-memory transport."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent_at = self._clock.now()

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal sent_at
            if event.endswith("send_request_body.complete"):
                sent_at = self._clock.now()

        response = await self._client.request(
            method, url, headers=dict(headers), content=body, extensions={"trace": trace}
        )
        return Answer(response.status_code, response.content, sent_at)


class Background:
    """Runs what a server does after it has answered: callbacks and receipts.

    A synchronous client may call a server from another thread, so work is handed to the loop that
    made this object (or to the running one, when it was made outside any loop).
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is None:
                work.close()
                raise
            self._loop.call_soon_threadsafe(self._create, self._loop, work)
            return
        self._loop = running
        self._create(running, work)

    def _create(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= MAX_BACKGROUND_TASKS:
            work.close()
            raise RuntimeError("too many callbacks and receipts under way")
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until all that was begun is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*list(self._tasks), return_exceptions=True)


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, body)


def html_response(status: int, page: str) -> Response:
    return Response(
        status, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}, page.encode()
    )


def json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises ValueError for anything else."""
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


async def answer_in_time(response: Response, clock: Clock) -> Response:
    if response.delay_s > 0:
        await clock.sleep(response.delay_s)
    return response
