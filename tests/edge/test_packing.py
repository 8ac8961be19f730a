"""Large JSON goes out as gzip where the client takes it, behind every door."""

import gzip
import json

import pytest

from backend.edge import Edge
from backend.exchange import Answer, Request
from backend.serverless import gateway_handler
from tests.edge import sample
from tests.edge.conftest import context_of

LONG, LONGER = "2000", "40000"  # 6 KB and 120 KB.
GZIP = {"accept-encoding": "br, gzip;q=0.8"}


@pytest.fixture
def edge() -> Edge:
    return Edge(context_of(), sample.authenticate, operations=sample.sample_registry.operations())


async def ask(
    edge: Edge, characters: str, headers: dict[str, str], *, method: str = "GET", tag: str = "false"
) -> Answer:
    query = {"characters": (characters,), "tag": (tag,)}
    return await edge.call(Request(method, "/api/v1/public/long", query, headers))


@pytest.mark.parametrize("characters", [LONG, LONGER])
async def test_large_json_is_packed_for_who_takes_gzip(edge: Edge, characters: str) -> None:
    plain = await ask(edge, characters, {})
    answer = await ask(edge, characters, GZIP)

    assert answer.header("content-encoding") == "gzip"
    assert len(answer.body) < len(plain.body) / 3
    assert gzip.decompress(answer.body) == plain.body
    assert json.loads(plain.body) == "电" * int(characters)


@pytest.mark.parametrize("accepted", ["", "identity", "br, zstd", "gzip;q=0", "gzip; q=0.000, br"])
async def test_who_takes_no_gzip_gets_it_plain(edge: Edge, accepted: str) -> None:
    answer = await ask(edge, LONG, {"accept-encoding": accepted})

    assert answer.header("content-encoding") is None
    assert answer.header("vary") == "Accept-Encoding"
    assert json.loads(answer.body) == "电" * int(LONG)


async def test_short_json_and_what_has_a_tag_stay_plain(edge: Edge) -> None:
    short = await ask(edge, "100", GZIP)
    tagged = await ask(edge, LONG, GZIP, tag="true")

    assert short.header("content-encoding") is None and short.header("vary") is None
    assert tagged.header("content-encoding") is None
    assert json.loads(tagged.body) == "电" * int(LONG)


async def test_a_stream_is_never_packed(edge: Edge) -> None:
    answer = await edge.call(
        Request("GET", "/api/v1/public/stream", {"events": ("500",)}, {"accept-encoding": "gzip"})
    )

    assert answer.header("content-encoding") is None
    assert answer.stream is not None
    assert len([one async for one in answer.stream]) == 500


async def test_head_says_the_length_of_the_packed_answer(edge: Edge) -> None:
    whole = await ask(edge, LONG, GZIP)
    head = await ask(edge, LONG, GZIP, method="HEAD")

    assert head.body == b""
    assert head.header("content-length") == str(len(whole.body))


async def test_a_gateway_of_functions_carries_it_in_base64(edge: Edge) -> None:
    event = {
        "httpMethod": "GET",
        "path": "/api/v1/public/long",
        "headers": {"Accept-Encoding": "gzip"},
        "queryString": {"characters": LONG},
    }

    answer = await gateway_handler(edge)(event, None)

    assert answer["isBase64Encoded"] is True
    assert answer["headers"]["Content-Encoding"] == "gzip"
