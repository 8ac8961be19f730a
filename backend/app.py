"""The backend on sockets (服务进程): Sanic with a public and a private listener in one event loop.

All that a request means is decided in `backend.edge`; here are sockets, limits, streams and the stop.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from sanic import Sanic
from sanic.compat import Header
from sanic.exceptions import PayloadTooLarge, RequestTimeout, SanicException, ServiceUnavailable
from sanic.request import Request as SanicRequest
from sanic.response import HTTPResponse
from sanic.server import AsyncioServer
from sanic.server.protocols.http_protocol import HttpProtocol

from backend import metrics
from backend.beats import BEAT_EVERY_S, with_beats
from backend.client_ip import ClientIps
from backend.edge import Broken, Edge, TooLarge
from backend.errors import AppError, ConfigError, Unreadable, Unsure
from backend.exchange import Answer, Request, parse_query
from backend.logs import logger
from backend.routing import BODY_LIMIT_BYTES, Listener
from backend.settings import Settings

REQUEST_TIMEOUT_S = 30.0  # To send a whole request.
RESPONSE_TIMEOUT_S = 60.0  # For a handler; a long poll takes 25 s. Each event of a stream starts it again.
KEEP_ALIVE_S = 75.0  # More than a reverse proxy's 60 s, so that it is the proxy who closes.
GRACE_S = 10.0
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_numbers = itertools.count()  # Sanic wants every application of a process to have its own name.
_log = logger(__name__)


class RequestTooSlow(Unreadable):
    """The client did not send its request in time."""

    status = 408
    code = "request_too_slow"
    message = "请求发送超时，请检查网络后重试"


class ListenerServer:
    """One listening socket with its Sanic application."""

    def __init__(
        self, edge: Edge, listener: Listener, sock: socket.socket, client_ips: ClientIps, beat_every_s: float
    ) -> None:
        self.listener = listener
        self.address = cast("tuple[str, int]", sock.getsockname()[:2])
        self._edge = edge
        self._sock = sock
        self._client_ips = client_ips
        self._beat_every_s = beat_every_s
        mine = [one for one in edge.operations if one.listener in (listener, Listener.BOTH)]
        self._body_limit = max((one.body_limit for one in mine), default=BODY_LIMIT_BYTES)
        self._streams: set[asyncio.Task[Any]] = set()
        self._server: AsyncioServer | None = None
        self._app = Sanic(f"prewatt-{listener.value}-{next(_numbers)}", configure_logging=False)
        self._app.config.update(
            {
                "ACCESS_LOG": False,
                "MOTD": False,
                "TOUCHUP": False,  # It rewrites classes of the whole process for one application.
                "REQUEST_MAX_SIZE": self._body_limit,
                "REQUEST_TIMEOUT": REQUEST_TIMEOUT_S,
                "RESPONSE_TIMEOUT": RESPONSE_TIMEOUT_S,
                "KEEP_ALIVE_TIMEOUT": KEEP_ALIVE_S,
            }
        )
        self._app.add_route(self._answer, "/", methods=_METHODS, name="root")
        self._app.add_route(self._answer, "/<path:path>", methods=_METHODS, name="all")
        self._app.error_handler.add(Exception, self._refuse)

    @property
    def streams(self) -> int:
        return len(self._streams)

    async def start(self) -> None:
        self._server = await self._app.create_server(
            sock=self._sock,
            protocol=HttpProtocol,
            access_log=False,
            backlog=1024,
            asyncio_server_kwargs={"start_serving": False},
        )
        if self._server is None:
            raise ConfigError("the listener could not be started")
        await self._server.startup()  # type: ignore[no-untyped-call]
        await self._server.start_serving()  # type: ignore[no-untyped-call]

    async def close(self, grace_s: float) -> None:
        """Take no new connection, let running calls end for up to `grace_s`, then cut what is left."""
        server = self._server
        if server is None:
            self._sock.close()
            return
        sockets = cast(asyncio.Server, server.server)
        sockets.close()
        for stream in list(self._streams):
            stream.cancel()  # A stream never ends by itself; its browser comes back to another process.
        clock = self._edge.context.clock
        deadline = clock.monotonic() + grace_s
        while True:
            for connection in list(server.connections):
                connection.close_if_idle()
            if not server.connections or clock.monotonic() >= deadline:
                break
            await clock.sleep(0.02)
        for connection in list(server.connections):
            connection.abort()
        await sockets.wait_closed()
        Sanic.unregister_app(self._app)
        self._server = None

    async def _answer(self, request: SanicRequest, path: str = "") -> HTTPResponse | None:
        try:
            asked = self._request_from(request)
        except AppError as error:
            return _response(self._edge.error_answer(error, Request(request.method, "/")))
        answer = await self._edge.call(asked)
        if answer.stream is None:
            return _response(answer)
        await self._send_stream(request, answer, answer.stream)
        return None

    def _request_from(self, request: SanicRequest) -> Request:
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        return Request(
            method=request.method,
            path=request.path,
            query=parse_query(request.query_string),
            headers=headers,
            body=request.body,
            client_ip=self._client_ips.of(request.ip, headers.get("x-forwarded-for")),
            listener=self.listener,
        )

    async def _send_stream(self, request: SanicRequest, answer: Answer, events: AsyncIterator[str]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        metrics.set_event_streams(self.streams)
        try:
            response = await request.respond(_response(replace(answer, stream=None), streaming=True))
            assert response is not None
            try:
                async with aclosing(with_beats(events, self._beat_every_s)) as texts:
                    async for text in texts:
                        await response.send(text)
            # The answer has begun and cannot become a refusal: the stream ends, the next try is refused.
            except AppError as error:
                _log.info("a stream ended", code=error.code)
            except SanicException:
                _log.debug("a stream lost its client")
            except Exception:
                _log.exception("a stream broke")
            await response.eof()
        finally:
            self._streams.discard(task)
            metrics.set_event_streams(self.streams)

    async def _refuse(self, request: SanicRequest, error: Exception) -> HTTPResponse:
        """Answer what Sanic refused before any handler saw it."""
        asked = Request(
            request.method, "/", headers={key.lower(): one for key, one in request.headers.items()}
        )
        return _response(self._edge.error_answer(_refusal(error, self._body_limit), asked))


def _refusal(error: Exception, body_limit: int) -> AppError:
    if isinstance(error, PayloadTooLarge):
        return TooLarge(limit_kib=body_limit >> 10)
    if isinstance(error, RequestTimeout):
        return RequestTooSlow()
    if isinstance(error, ServiceUnavailable):
        return Unsure()  # The handler took too long; what it began may still be done.
    if isinstance(error, SanicException) and error.status_code < 500:
        return Unreadable()
    _log.error("a request broke", exc_info=error)
    return Broken()


def _response(answer: Answer, *, streaming: bool = False) -> HTTPResponse:
    headers = Header([(name, value) for name, value in answer.headers if name.lower() != "content-type"])
    content_type = answer.header("content-type")
    body = None if streaming else answer.body
    return HTTPResponse(body, answer.status, headers, content_type)


class Servers:
    """The running listeners of this process."""

    def __init__(self, public: ListenerServer, private: ListenerServer) -> None:
        self.public = public
        self.private = private

    async def close(self, grace_s: float = GRACE_S) -> None:
        """Stop gracefully. Harmless when repeated."""
        await asyncio.gather(self.public.close(grace_s), self.private.close(grace_s))


def bind(address: tuple[str, int]) -> socket.socket:
    """Open a listening socket. Raises ConfigError in words when it cannot be had."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    host = address[0].strip("[]")
    try:
        sock = socket.create_server((host, address[1]), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}") from None
    sock.setblocking(False)
    return sock


def bind_both(settings: Settings) -> tuple[socket.socket, socket.socket]:
    """Open the public and the private socket of the settings. Raises ConfigError."""
    public = bind(settings.public_listen)
    try:
        return public, bind(settings.private_listen)
    except ConfigError:
        public.close()
        raise


async def serve(
    edge: Edge,
    sockets: tuple[socket.socket, socket.socket] | None = None,
    *,
    trusted_proxies: Iterable[str] = (),
    beat_every_s: float = BEAT_EVERY_S,
) -> Servers:
    """Start the public and the private listener in the running loop and return them.

    sockets: public and private, closed with the servers; bound as the settings say unless given.
    trusted_proxies: addresses or networks whose X-Forwarded-For is believed.
    Raises ConfigError when an address cannot be had.
    """
    sockets = sockets or bind_both(edge.context.settings)
    client_ips = ClientIps(trusted_proxies)
    public, private = (
        ListenerServer(edge, listener, sock, client_ips, beat_every_s)
        for listener, sock in zip((Listener.PUBLIC, Listener.PRIVATE), sockets, strict=True)
    )
    servers = Servers(public, private)
    try:
        await public.start()
        await private.start()
    except BaseException:
        await servers.close(0)
        raise
    return servers
