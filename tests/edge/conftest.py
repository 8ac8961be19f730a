"""The same small mall behind three doors: `call`, the serverless adapter and Sanic on real sockets."""

import base64
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from backend.app import Servers, bind, serve
from backend.context import Context
from backend.edge import Edge
from backend.exchange import Request
from backend.routing import Listener
from backend.serverless import gateway_handler
from backend.settings import Settings
from backend.wakes import LocalWakes
from common.clock import SystemClock
from common.ids import Ids
from tests.edge import sample


@dataclass(frozen=True)
class Reaction:
    """What a client sees, whichever door it came through."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())


Carry = Callable[[Request], Awaitable[Reaction]]


@dataclass(frozen=True)
class Door:
    """Sends requests by one way; `as_` names a caller of the sample."""

    carry: Carry

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        as_: str = "",
        query: Mapping[str, Any] | None = None,
        json_body: object = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        listener: Listener = Listener.PUBLIC,
    ) -> Reaction:
        sent = {"authorization": f"Bearer {as_}"} if as_ else {}
        if json_body is not None:
            sent["content-type"] = "application/json"
            body = json.dumps(json_body).encode()
        values = {
            key: tuple(value) if isinstance(value, (list, tuple)) else (str(value),)
            for key, value in (query or {}).items()
        }
        sent |= headers or {}
        return await self.carry(Request(method, path, values, sent, body, "127.0.0.1", listener))


def by_call(edge: Edge) -> Carry:
    async def carry(request: Request) -> Reaction:
        answer = await edge.call(request)
        events = [one async for one in answer.stream] if answer.stream is not None else []
        return Reaction(answer.status, list(answer.headers), answer.body + "".join(events).encode())

    return carry


def by_serverless(edge: Edge) -> Carry:
    async def carry(request: Request) -> Reaction:
        event = {
            "httpMethod": request.method,
            "path": request.path,
            "headers": {name.title(): value for name, value in request.headers.items()},
            "queryString": {
                key: list(value) if len(value) > 1 else value[0] for key, value in request.query.items()
            },
            "body": base64.b64encode(request.body).decode(),
            "isBase64Encoded": True,
            "requestContext": {"sourceIp": request.client_ip},
        }
        handler = gateway_handler(edge, request.listener)
        # Through JSON and back, as a gateway does it.
        result = json.loads(json.dumps(await handler(json.loads(json.dumps(event)), None)))
        headers = [
            (name, one)
            for name, value in result["headers"].items()
            for one in (value if isinstance(value, list) else [value])
        ]
        text = result["body"]
        return Reaction(
            result["statusCode"],
            headers,
            base64.b64decode(text) if result["isBase64Encoded"] else text.encode(),
        )

    return carry


def by_http(client: httpx.AsyncClient, servers: Servers) -> Carry:
    addresses = {one.listener: one.address for one in (servers.public, servers.private)}

    async def carry(request: Request) -> Reaction:
        host, port = addresses[request.listener]
        query = "?" + urlencode(request.query, doseq=True) if request.query else ""
        answer = await client.request(
            request.method,
            f"http://{host}:{port}{request.path}{query}",
            headers=dict(request.headers),
            content=request.body,
        )
        return Reaction(answer.status_code, list(answer.headers.multi_items()), answer.content)

    return carry


def context_of(settings: Settings | None = None) -> Context:
    """A context of small real objects; what the sample does not use is not there."""
    clock = SystemClock()
    return Context(
        clock=clock,
        ids=Ids(clock, random.Random(1)),
        settings=cast(Settings, settings),
        payments=cast(Any, None),
        messages=cast(Any, None),
        wakes=LocalWakes(),
    )


def sample_edge() -> Edge:
    return Edge(context_of(), sample.authenticate, operations=sample.sample_registry.operations())


@pytest.fixture
def edge() -> Edge:
    return sample_edge()


@pytest.fixture
async def servers(edge: Edge) -> AsyncIterator[Servers]:
    running = await serve(edge, (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0))), beat_every_s=0.1)
    yield running
    await running.close(0.5)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=10, verify=False) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["call", "serverless", "sanic"])
async def door(request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """Each way in, opened once: the tests of the contract leave nothing behind."""
    edge = sample_edge()
    if request.param == "call":
        yield Door(by_call(edge))
    elif request.param == "serverless":
        yield Door(by_serverless(edge))
    else:
        running = await serve(edge, (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0))))
        async with httpx.AsyncClient(trust_env=False, timeout=10, verify=False) as client:
            yield Door(by_http(client, running))
        await running.close(0.5)
