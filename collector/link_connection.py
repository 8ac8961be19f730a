"""An open byte stream to a gateway or a serial port, read all the time (连接)."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from common.clock import Clock
from common.streams import Streams

DIAL_TIMEOUT_S = 3.0
READ_BYTES = 4096
KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3))
# What the other end's system has not confirmed for so long is lost: it has gone without a word.
UNCONFIRMED_MS = 4_000

Open = Callable[[], Awaitable[Streams]]


class LinkLost(Exception):
    """The connection ended or can no longer be trusted; nothing is known about the meter."""


class Connection:
    """Reads a stream as soon as something comes, so that every byte's instant is known.

    receive(data, at_s): what came, and when. ended(reason): the other side closed, or the stream broke.
    Neither is called after `close`.
    """

    def __init__(
        self,
        streams: Streams,
        clock: Clock,
        receive: Callable[[bytes, float], None],
        ended: Callable[[str], None],
    ) -> None:
        self._reader, self._writer = streams
        self._clock = clock
        self._receive = receive
        self._ended = ended
        self.sound_s = clock.monotonic()  # When something came last, or when it was opened.
        self._task = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def open(
        cls,
        open_: Open,
        clock: Clock,
        receive: Callable[[bytes, float], None],
        ended: Callable[[str], None],
    ) -> "Connection":
        """Connect. Raises OSError (TimeoutError when nobody answers in time)."""
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            streams = await open_()
        _keep_alive(streams)
        return cls(streams, clock, receive, ended)

    @property
    def is_closed(self) -> bool:
        """True when the other side has ended the stream, even if `ended` has not been called yet."""
        return self._reader.at_eof() or self._writer.is_closing()

    def write(self, data: bytes) -> None:
        """Raises OSError when the stream has ended."""
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    async def settle(self) -> None:
        """Let everything in that has come already, before something is asked."""
        await self._clock.sleep(0)
        await self._clock.sleep(0)

    def close(self) -> None:
        self._task.cancel()
        with suppress(OSError):
            self._writer.close()

    async def _listen(self) -> None:
        reason = "the gateway closed the connection"
        try:
            while data := await self._reader.read(READ_BYTES):
                self.sound_s = self._clock.monotonic()
                self._receive(data, self.sound_s)
        except OSError as error:
            reason = str(error) or type(error).__name__
        self._ended(reason)


def _keep_alive(streams: Streams) -> None:
    """Let the system find a link whose other end is gone, whether or not something is asked."""
    extra = getattr(streams[1], "get_extra_info", None)
    sock = extra("socket") if extra is not None else None
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in (*KEEPALIVE, ("TCP_USER_TIMEOUT", UNCONFIRMED_MS)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
