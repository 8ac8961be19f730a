"""What only shows on real sockets: limits, streams, who calls, the stop."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from backend.app import ListenerServer, Servers, bind, serve
from backend.client_ip import ClientIps
from backend.edge import Edge
from backend.errors import ConfigError
from tests.edge import sample


def url(server: ListenerServer, path: str) -> str:
    return f"http://{server.address[0]}:{server.address[1]}{path}"


async def raw(server: ListenerServer, data: bytes) -> bytes:
    """Send bytes on a fresh connection and read until its end."""
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(data)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def refusal(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["code"]


async def test_one_connection_carries_many_requests(servers: Servers, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        answer = await client.get(url(servers.public, "/nothing"))

        assert answer.headers["connection"] == "keep-alive"


async def test_a_body_announced_too_long_is_refused_unread(servers: Servers) -> None:
    head = b"POST /api/v1/callbacks/pay HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nx"

    assert refusal(await raw(servers.public, head)) == (413, "too_large")


async def test_the_private_listener_takes_a_long_batch_but_no_longer_one(servers: Servers) -> None:
    head = b"PUT /api/v1/collector/readings HTTP/1.1\r\nHost: a\r\nContent-Length: 4194305\r\n\r\nx"

    assert refusal(await raw(servers.private, head)) == (413, "too_large")


@pytest.mark.parametrize(
    "data",
    [
        b"complete nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_in_our_own_words(servers: Servers, data: bytes) -> None:
    assert refusal(await raw(servers.public, data)) == (400, "unreadable")


async def test_a_stream_beats_while_nothing_happens(servers: Servers, client: httpx.AsyncClient) -> None:
    answer = await client.get(url(servers.public, "/api/v1/public/stream?events=2&pause_s=0.25"))

    between = answer.text.partition("id: 0")[2].partition("id: 1")[0]
    assert "\n: \n" in between


async def test_a_stream_ends_when_its_browser_goes_away(servers: Servers, client: httpx.AsyncClient) -> None:
    address = url(servers.public, "/api/v1/public/stream?events=1000&pause_s=30")
    async with client.stream("GET", address, headers={"x-request-id": "the-closed-tab"}) as answer:
        await anext(answer.aiter_lines())

    async with asyncio.timeout(3):
        while "the-closed-tab" not in sample.stream_ends:
            await asyncio.sleep(0.01)
    assert servers.public.streams == 0


async def test_a_stream_that_breaks_ends_without_a_word_of_the_fault(
    servers: Servers, client: httpx.AsyncClient
) -> None:
    answer = await client.get(url(servers.public, "/api/v1/public/stream-breaks"))

    assert answer.text == 'data: {"number":0}\n\n'


async def test_a_call_in_progress_is_finished_at_the_stop(edge: Edge, client: httpx.AsyncClient) -> None:
    servers = await serve(edge, (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0))))
    asked = asyncio.ensure_future(client.get(url(servers.public, "/api/v1/public/slow?seconds=0.3")))
    await asyncio.sleep(0.1)

    await servers.close(5)

    assert (await asked).json() == "done"


async def test_the_stop_does_not_wait_for_streams_and_idle_connections(
    edge: Edge, client: httpx.AsyncClient
) -> None:
    servers = await serve(edge, (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0))))
    await client.get(url(servers.public, "/nothing"))
    address = url(servers.public, "/api/v1/public/stream?events=1000&pause_s=30")
    async with client.stream("GET", address) as answer:
        await anext(answer.aiter_lines())

        async with asyncio.timeout(2):
            await servers.close(30)


async def test_a_call_that_never_ends_is_cut_at_the_stop(edge: Edge, client: httpx.AsyncClient) -> None:
    servers = await serve(edge, (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0))))
    asked = asyncio.ensure_future(client.get(url(servers.public, "/api/v1/public/slow?seconds=30")))
    await asyncio.sleep(0.1)

    await servers.close(0.1)

    with pytest.raises(httpx.TransportError):
        await asked


async def test_a_stopped_server_frees_its_addresses(edge: Edge) -> None:
    servers = await serve(edge, (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0))))
    address = servers.public.address
    await servers.close(0.1)

    bind(address).close()


async def test_an_address_in_use_is_named() -> None:
    taken = bind(("127.0.0.1", 0))
    address = taken.getsockname()

    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{address[1]}: Address already in use"):
        bind(address)
    taken.close()


@pytest.fixture
async def behind_a_proxy(edge: Edge) -> AsyncIterator[Servers]:
    sockets = (bind(("127.0.0.1", 0)), bind(("127.0.0.1", 0)))
    running = await serve(edge, sockets, trusted_proxies=["127.0.0.1"])
    yield running
    await running.close(0.5)


TOP_UP = {"amount_fen": 1, "request_id": "c8d07b24-06ba-4b52-a4a3-4d3a7a9a7d3f"}


async def asked_from(servers: Servers, client: httpx.AsyncClient) -> str:
    headers = {"authorization": "Bearer tenant", "x-forwarded-for": "1.2.3.4, 203.0.113.9"}
    address = url(servers.public, "/api/v1/tenant/accounts/1/top-ups")
    answer = await client.post(address, json=TOP_UP, headers=headers)
    return str(answer.json()["client_ip"])


async def test_a_trusted_proxy_is_believed(behind_a_proxy: Servers, client: httpx.AsyncClient) -> None:
    assert await asked_from(behind_a_proxy, client) == "203.0.113.9"


async def test_a_stranger_cannot_write_its_own_address(servers: Servers, client: httpx.AsyncClient) -> None:
    assert await asked_from(servers, client) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "8.8.8.8", "8.8.8.8"),
        ("10.0.0.1", "6.6.6.6, 8.8.8.8, 10.9.9.9", "8.8.8.8"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("8.8.4.4", "1.1.1.1", "8.8.4.4"),
        ("::ffff:10.0.0.1", "2001:db8::5", "2001:db8::5"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_counts(
    peer: str, forwarded: str | None, address: str
) -> None:
    assert ClientIps(["10.0.0.0/8"]).of(peer, forwarded) == address
