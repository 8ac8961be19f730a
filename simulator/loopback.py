"""A small HTTP/1.1 server for the simulated servers, on loopback only (本机服务).

Bytes of the body reach the server as they were sent, and an answer can be cut off: both are needed to
play WeChat and its faults faithfully.
"""

import asyncio
import ipaddress
from typing import Any

import h11

from simulator.web import Response, Server

MAX_BODY_BYTES = 1 << 20
READ_BYTES = 1 << 16
IDLE_TIMEOUT_S = 75.0


class LoopbackServer:
    """One listening socket. Use `await LoopbackServer.start(server)`, then `await close()`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connections: set[asyncio.Task[Any]] = set()
        self._listener: asyncio.Server | None = None
        self.host = ""
        self.port = 0

    @classmethod
    async def start(cls, server: Server, host: str = "127.0.0.1", port: int = 0) -> "LoopbackServer":
        """Listen; port 0 takes a free one. Raises ValueError for an address that is not loopback."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the simulator listens on loopback only, not on {host}")
        self = cls(server)
        self._listener = await asyncio.start_server(self._serve, host, port)
        self.host, self.port = self._listener.sockets[0].getsockname()[:2]
        return self

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*list(self._connections), return_exceptions=True)
        if self._listener is not None:
            await self._listener.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await _Connection(self._server, reader, writer).run()
        except (OSError, h11.ProtocolError, TimeoutError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    """One connection, request after request."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        while await self._one_request():
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _one_request(self) -> bool:
        request = await self._next_event()
        if not isinstance(request, h11.Request):
            return False
        body = b""
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > MAX_BODY_BYTES:
                await self._answer(Response(413))
                return False
        if not isinstance(event, h11.EndOfMessage):
            return False
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in request.headers}
        response = await self._server.respond(
            request.method.decode(), request.target.decode("latin-1"), headers, body
        )
        if response.dropped:
            self._writer.transport.abort()
            return False
        await self._answer(response)
        return True

    async def _next_event(self) -> Any:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                self._writer.write(self._http.send(_CONTINUE) or b"")
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                self._http.receive_data(await self._reader.read(READ_BYTES))

    async def _answer(self, response: Response) -> None:
        headers = [(key, value) for key, value in response.headers.items()]
        if response.status != 204:
            headers.append(("Content-Length", str(len(response.body))))
        out = self._http.send(h11.Response(status_code=response.status, headers=headers)) or b""
        if response.body:
            out += self._http.send(h11.Data(data=response.body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(out)
        await self._writer.drain()


_CONTINUE = h11.InformationalResponse(status_code=100, headers=[])
