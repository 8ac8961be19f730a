"""In-memory transports: the simulated servers without a socket, for virtual time (内存传输).

A target is looked up by "host:port" first, then by host. Time limits of the client hold as on a
socket: the server goes on working when its client has stopped waiting.
"""

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import httpx
import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from simulator.web import NowServer, Response, Server


class InMemoryTransport(httpx.AsyncBaseTransport):
    """Routes httpx requests to simulated servers by host."""

    def __init__(self, hosts: Mapping[str, Server]) -> None:
        self.hosts = dict(hosts)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        server = self.hosts.get(request.url.netloc.decode(), self.hosts.get(request.url.host))
        if server is None:
            raise httpx.ConnectError(f"nobody listens at {request.url.netloc.decode()}", request=request)
        body = await request.aread()
        headers = {key.lower(): value for key, value in request.headers.items()}
        target = request.url.raw_path.decode("ascii")
        work = asyncio.ensure_future(server.respond(request.method, target, headers, body))
        limit_s = request.extensions.get("timeout", {}).get("read")
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes with the answer.
            async with asyncio.timeout(limit_s):
                response = await asyncio.shield(work)
        except TimeoutError as error:
            work.add_done_callback(_forget)
            raise httpx.ReadTimeout("no answer in time", request=request) from error
        if response.dropped:
            raise httpx.RemoteProtocolError("the server cut the connection", request=request)
        return httpx.Response(
            response.status, headers=response.headers, content=response.body, request=request
        )


def _forget(work: "asyncio.Future[Response]") -> None:
    if not work.cancelled():
        work.exception()


class InMemoryAdapter(BaseAdapter):
    """Routes requests' calls (wechatpy, Tencent's SDK) to simulated servers by host.

    Mount it on the client's session for "http://" and "https://".
    """

    def __init__(self, hosts: Mapping[str, NowServer]) -> None:
        super().__init__()
        self.hosts = dict(hosts)
        self._build = HTTPAdapter().build_response

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        url = httpx.URL(request.url or "")
        server = self.hosts.get(url.netloc.decode(), self.hosts.get(url.host))
        if server is None:
            raise requests.ConnectionError(f"nobody listens at {url.netloc.decode()}", request=request)
        content: Any = request.body or b""
        body = content.encode() if isinstance(content, str) else bytes(content)
        headers = {str(key).lower(): _text(value) for key, value in request.headers.items()}
        headers.setdefault("host", url.netloc.decode())
        response = server.respond_now(request.method or "GET", url.raw_path.decode("ascii"), headers, body)
        if response.dropped:
            raise requests.ConnectionError("the server cut the connection", request=request)
        limit_s = timeout[1] if isinstance(timeout, tuple) else timeout
        if limit_s is not None and response.delay_s > limit_s:
            raise requests.ReadTimeout("no answer in time", request=request)
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(response.body),
            headers=response.headers,
            status=response.status,
            preload_content=False,
        )
        return self._build(request, raw)

    def close(self) -> None:
        return


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
