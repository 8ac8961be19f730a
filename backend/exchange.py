"""A request and its answer, as any transport can state them (请求与应答)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from backend.errors import Unreadable
from backend.replies import Headers
from backend.routing import Listener

_MAX_QUERY_FIELDS = 100

# For answers that are no pages; a handler's own header of the same name goes before.
SECURITY_HEADERS: Headers = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as any transport can state it."""

    method: str
    path: str  # As in the request line: percent-encoded, without the query.
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # Decoded.
    headers: Mapping[str, str] = field(default_factory=dict)  # Names in lower case.
    body: bytes = b""
    client_ip: str = ""
    listener: Listener = Listener.BOTH  # BOTH sees everything: tests and the virtual mall.


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: `body`, or `stream` when it is a stream of events."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    stream: AsyncIterator[str] | None = None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def parse_query(text: str) -> dict[str, tuple[str, ...]]:
    """Read a query string; repeated names keep all their values. Raises Unreadable."""
    query: dict[str, tuple[str, ...]] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS, errors="strict")
    except ValueError:
        raise Unreadable() from None
    for name, value in pairs:
        query[name] = (*query.get(name, ()), value)
    return query
