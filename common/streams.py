"""Byte streams between two programs, over a socket or in memory (字节流).

Both ends see asyncio's stream interface, so the same code serves a real gateway and a simulated mall
in one process.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class Writer(Protocol):
    """The part of asyncio.StreamWriter that we use."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def close(self) -> None: ...

    def is_closing(self) -> bool: ...

    async def wait_closed(self) -> None: ...


Streams = tuple[asyncio.StreamReader, Writer]
# Opens a connection to (host, port). Raises OSError when nobody answers.
Dial = Callable[[str, int], Awaitable[Streams]]


async def dial_tcp(host: str, port: int) -> Streams:
    """Open a TCP connection."""
    return await asyncio.open_connection(host, port)


class PipeWriter:
    """The writing end of an in-memory pipe; closing it ends both directions, as a socket does."""

    def __init__(self, there: asyncio.StreamReader, here: asyncio.StreamReader) -> None:
        self._there = there
        self._here = here
        self._closed = False

    def write(self, data: bytes) -> None:
        if self._closed or self._there.at_eof():
            raise ConnectionResetError("the pipe is closed")
        self._there.feed_data(data)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._there.feed_eof()
            self._here.feed_eof()

    def is_closing(self) -> bool:
        return self._closed

    async def wait_closed(self) -> None:
        return


def pipe() -> tuple[Streams, Streams]:
    """Return the two ends of an in-memory connection."""
    left, right = asyncio.StreamReader(), asyncio.StreamReader()
    return (left, PipeWriter(right, left)), (right, PipeWriter(left, right))
