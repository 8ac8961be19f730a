"""Events of an API gateway, as it writes them."""

from typing import Any

import pytest

from backend.edge import Edge
from backend.routing import Listener
from backend.serverless import STREAM_LIMIT_BYTES, gateway_handler, request_from

EVENT: dict[str, Any] = {
    "requestContext": {
        "serviceId": "service-f94sy04v",
        "path": "/test/{path}",
        "httpMethod": "POST",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "identity": {"secretId": "abdcdxxxxxxxsdfs"},
        "sourceIp": "203.0.113.7",
        "stage": "release",
    },
    "headers": {"Accept-Language": "zh", "Content-Type": "application/json", "X-Two": ["a", "b"]},
    "body": '{"test":"body"}',
    "pathParameters": {"path": "value"},
    "queryStringParameters": {},
    "headerParameters": {},
    "stageVariables": {"stage": "release"},
    "path": "/test/value",
    "queryString": {"foo": "bar", "many": ["1", "2"]},
    "httpMethod": "POST",
}


def test_a_gateways_event_becomes_a_request() -> None:
    request = request_from(EVENT, Listener.PUBLIC)

    assert (request.method, request.path, request.body) == ("POST", "/test/value", b'{"test":"body"}')
    assert request.query == {"foo": ("bar",), "many": ("1", "2")}
    assert request.client_ip == "203.0.113.7"
    assert request.headers["x-request-id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    assert request.headers["x-two"] == "a, b"


def test_the_stages_name_is_no_part_of_the_path() -> None:
    assert request_from({**EVENT, "path": "/release/test/value"}).path == "/test/value"


async def test_the_gateways_request_id_comes_back(edge: Edge) -> None:
    result = await gateway_handler(edge)(EVENT, None)

    assert result["headers"]["X-Request-Id"] == EVENT["requestContext"]["requestId"]


@pytest.mark.parametrize("event", [{"body": "not base64!", "isBase64Encoded": True}, {"body": {"a": 1}}])
async def test_a_body_that_cannot_be_read_is_refused(edge: Edge, event: dict[str, Any]) -> None:
    result = await gateway_handler(edge)({**EVENT, **event}, None)

    assert result["statusCode"] == 400


async def test_an_empty_event_is_refused_not_a_crash(edge: Edge) -> None:
    assert (await gateway_handler(edge)({}, None))["statusCode"] == 404


async def test_a_stream_ends_at_the_functions_limit(edge: Edge) -> None:
    event = {"httpMethod": "GET", "path": "/api/v1/public/stream", "queryString": {"events": "1000000"}}

    result = await gateway_handler(edge)(event, None)

    assert STREAM_LIMIT_BYTES <= len(result["body"]) < STREAM_LIMIT_BYTES + 1_000
