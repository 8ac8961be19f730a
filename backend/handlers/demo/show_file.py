"""GET /demo/files/{name}: a script or a style sheet of the demo's pages (演示页面资源)."""

from backend.context import Context
from backend.handlers.demo.page_files import part
from backend.routing import Raw, get


@get("/demo/files/{name}", permission="public", listener="public")
async def handle(ctx: Context, name: str) -> Raw:
    """Return the file. Errors: NotFound (no demo, no such file)."""
    return part(ctx, name)
