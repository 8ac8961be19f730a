"""GET /demo/staff: the staff's page of a demonstration (演示：物业页面)."""

from backend.context import Context
from backend.handlers.demo.page_files import page
from backend.routing import Raw, get


@get("/demo/staff", permission="public", listener="private")
async def handle(ctx: Context, role: str = "") -> Raw:
    """Return the page; its script signs in with the role by one tap. Errors: NotFound (no demo)."""
    return page(ctx, "staff.html")
