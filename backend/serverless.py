"""The backend as a cloud function: Tencent SCF events from an API gateway (云函数入口).

    edge = Edge(context, authenticate)
    main_handler = gateway_handler(edge, listener=Listener.PUBLIC)

Source: Tencent Cloud, "API gateway trigger", event structure of the integrated request and response.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from backend.edge import Edge
from backend.errors import AppError, Unreadable
from backend.exchange import Answer, Request
from backend.routing import Listener

Event = Mapping[str, Any]
# A gateway gives up on a function after some time: a stream of events ends there and the browser resumes.
STREAM_LIMIT_BYTES = 1 << 20

_TEXT_TYPES = ("application/json", "text/", "application/xml")


def request_from(event: Event, listener: Listener = Listener.BOTH) -> Request:
    """Read a gateway's event. Raises Unreadable for one that is none.

    A path under a stage ("/release/api/…") is taken without the stage's name.
    """
    gateway = event.get("requestContext") or {}
    headers = {str(name).lower(): _one_line(value) for name, value in (event.get("headers") or {}).items()}
    headers.setdefault("x-request-id", str(gateway.get("requestId") or ""))
    return Request(
        method=str(event.get("httpMethod") or "GET").upper(),
        path=_path(event, gateway),
        query=_query(event),
        headers=headers,
        body=_body(event),
        client_ip=str(gateway.get("sourceIp") or ""),
        listener=listener,
    )


def _path(event: Event, gateway: Mapping[str, Any]) -> str:
    path = str(event.get("path") or "/")
    stage = str(gateway.get("stage") or "")
    prefix = f"/{stage}/"
    return path[len(prefix) - 1 :] if stage and path.startswith(prefix) else path


def _one_line(value: Any) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _query(event: Event) -> dict[str, tuple[str, ...]]:
    given = event.get("queryString") or event.get("queryStringParameters") or {}
    return {
        str(name): tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)
        for name, value in given.items()
    }


def _body(event: Event) -> bytes:
    body = event.get("body") or b""
    if isinstance(body, bytes):
        return body
    if not isinstance(body, str):
        raise Unreadable()
    if not event.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise Unreadable() from None


async def event_answer(answer: Answer) -> dict[str, Any]:
    """Write an answer as the gateway takes it: text as it is, everything else in base64."""
    body = await _drained(answer)
    content_type = answer.header("content-type") or ""
    headers: dict[str, Any] = {}
    for name, value in answer.headers:
        # A cookie cannot share a line with another one; the gateway takes a list.
        headers[name] = [*_as_list(headers[name]), value] if name in headers else value
    result: dict[str, Any] = {"statusCode": answer.status, "headers": headers}
    is_text = content_type.startswith(_TEXT_TYPES) and answer.header("content-encoding") is None
    if not body or is_text:
        return {**result, "isBase64Encoded": False, "body": body.decode()}
    return {**result, "isBase64Encoded": True, "body": base64.b64encode(body).decode()}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


async def _drained(answer: Answer) -> bytes:
    """Return the body; of a stream what comes before its end or STREAM_LIMIT_BYTES."""
    if answer.stream is None:
        return answer.body
    body = bytearray()
    async for text in answer.stream:
        body += text.encode()
        if len(body) >= STREAM_LIMIT_BYTES:
            break
    if (close := getattr(answer.stream, "aclose", None)) is not None:
        await close()
    return bytes(body)


def gateway_handler(
    edge: Edge, listener: Listener = Listener.PUBLIC
) -> Callable[[Event, object], Awaitable[dict[str, Any]]]:
    """Return `main_handler(event, context)` for the events of one API gateway."""

    async def main_handler(event: Event, context: object = None) -> dict[str, Any]:
        try:
            request = request_from(event, listener)
        except AppError as error:
            return await event_answer(edge.error_answer(error, Request("GET", "/")))
        return await event_answer(await edge.call(request))

    return main_handler
