"""What a handler may answer: JSON, bytes or a stream of events (应答)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What a handler answers: a struct written as JSON. None is written as an empty body."""

    value: T
    status: int = 200
    headers: Headers = ()


def ok(value: T, *headers: tuple[str, str]) -> Reply[T]:
    return Reply(value, 200, headers)


def created(value: T, *headers: tuple[str, str]) -> Reply[T]:
    return Reply(value, 201, headers)


def no_content(*headers: tuple[str, str]) -> Reply[None]:
    return Reply(None, 204, headers)


def not_modified(etag: str) -> Reply[Any]:
    """Answer 304: what the caller holds (If-None-Match) is still right."""
    return Reply(None, 304, (("ETag", etag),))


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that are no JSON of ours: a file, an answer in another party's format."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class EventStream:
    """A stream of server-sent events (SSE). Each text is one complete event, made by `event_text`.

    The iterator is closed when the client goes away.
    """

    events: AsyncIterator[str]
    headers: Headers = ()


def event_text(data: object, *, event: str = "", id_: str = "") -> str:
    """Write one server-sent event with JSON data. `event` and `id_` must be single lines."""
    if "\n" in event + id_ or "\r" in event + id_:
        raise ValueError("an event's name or id has a line break")
    head = (f"id: {id_}\n" if id_ else "") + (f"event: {event}\n" if event else "")
    return f"{head}data: {msgspec.json.encode(data).decode()}\n\n"
