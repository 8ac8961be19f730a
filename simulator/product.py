"""The product as the simulated world sees it in memory (内存中的产品): requests in, answers out.

The one place of the simulator that knows the product's own modules, together with the programs that run
both (demo, story, days).
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from backend.edge import Edge
from backend.exchange import Request, parse_query
from backend.routing import Listener
from simulator.web import Response


class ProductServer:
    """One listener of the product as a server for in-memory transports. Streams are not offered."""

    def __init__(self, edge: Edge, listener: Listener) -> None:
        self._edge = edge
        self._listener = listener

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        parts = urlsplit(target)
        answer = await self._edge.call(
            Request(
                method=method,
                path=parts.path,
                query=parse_query(parts.query),
                headers=headers,
                body=body,
                client_ip="127.0.0.1",
                listener=self._listener,
            )
        )
        return Response(answer.status, dict(answer.headers), answer.body)
