"""GET /api/openapi.json: what this backend offers (接口文档)."""

from functools import cache

import msgspec

from backend.context import Context
from backend.openapi import openapi
from backend.routing import Raw, get, registry


@get("/api/openapi.json", permission="public", listener="private")
async def handle(ctx: Context) -> Raw:
    """Return the document of all operations, made once for each process."""
    return Raw(_document(len(registry())), "application/json; charset=utf-8")


@cache
def _document(operations: int) -> bytes:
    """Write the document; asked again only when more handlers have been loaded."""
    return msgspec.json.encode(openapi(registry()))
