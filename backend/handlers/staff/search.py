"""GET /api/v1/staff/search: shops, people, meters and orders by what is typed (全局搜索)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.search import SearchResult, search


@get("/api/v1/staff/search", permission="staff.account.view")
async def handle(ctx: Context, q: Annotated[str, Meta(max_length=64)] = "") -> Reply[SearchResult]:
    """Return what fits in groups, at most eight in each; groups that the caller may not see are left out."""
    return ok(await search(ctx, q))
