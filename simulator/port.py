"""A TCP port of a gateway with the connections on it (网口).

half_open: connections are accepted and what they say is swallowed; nothing comes back, not even the end.
A connection that has met this stays so after it is over, as one whose other side was forgotten on the way.
"""

import asyncio
from contextlib import suppress
from typing import Protocol

from common.streams import Streams, Writer, pipe
from simulator.line import Line

SWALLOW_BYTES = 65_536


class Box(Protocol):
    """What a port has to know of its gateway."""

    code: str
    gone: bool
    silent: bool
    no_exceptions: bool


class Port:
    """Listens, accepts and drops; what is said on a connection is up to `_talk`."""

    def __init__(self, gateway: Box, lines: list[Line]) -> None:
        self.gateway = gateway
        self.lines = lines
        self.host = "127.0.0.1"
        self.port = 0
        self.half_open = False
        self._server: asyncio.Server | None = None
        self._listening = False
        self._open: dict[asyncio.Task[None], Writer] = {}
        self._lost: set[Writer] = set()

    async def listen(self, host: str, port: int) -> int:
        """Serve on a socket; port 0 takes a free one. Returns the port, which stays the same."""
        if not self._listening:
            self.host, self.port, self._listening = host, port, True
            await self._start_server()
        return self.port

    async def close(self) -> None:
        """Stop serving and drop every connection."""
        self._listening = False
        self._lost.clear()
        await self.drop()
        for line in self.lines:
            await line.close()

    async def drop(self) -> None:
        """Close the listening socket and every connection, as a box that lost its power."""
        if self._server is not None:
            self._server.close()
            self._server = None
        open_ = {task: writer for task, writer in self._open.items() if writer not in self._lost}
        tasks = [task for task in open_ if task is not asyncio.current_task()]
        writers = list(open_.values())
        for task, writer in open_.items():
            writer.close()
            if task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            with suppress(OSError):
                await writer.wait_closed()

    async def resume(self) -> None:
        """Listen again on the same port, if it was served on a socket."""
        if self._listening and self._server is None:
            await self._start_server()

    async def dial(self) -> Streams:
        """Connect in memory. Raises ConnectionRefusedError while the gateway is gone."""
        if self.gateway.gone:
            raise ConnectionRefusedError(f"gateway {self.gateway.code} is gone")
        near, far = pipe()
        self._accept(*far)
        return near

    def set_half_open(self, value: bool) -> None:
        """Lose all connections of now and, until it is over, all new ones."""
        self.half_open = value
        if value:
            self._lost.update(self._open.values())

    def is_deaf(self, writer: Writer) -> bool:
        """Whether this connection gets no answer, now or any more."""
        return self.gateway.silent or writer in self._lost

    def _accept(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        if self.half_open:
            self._lost.add(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._lost.discard(self._open.pop(task))

    async def _start_server(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        """Serve one connection until it ends."""
        try:
            if writer not in self._lost:
                await self._talk(reader, writer)
            while writer in self._lost and await reader.read(SWALLOW_BYTES):
                pass
        except (asyncio.IncompleteReadError, OSError):
            return  # The other side has gone; what it asked for is nobody's any more.
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        raise NotImplementedError
