"""GET /demo/phone: a tenant's phone in a demonstration (演示：商户手机)."""

from backend.context import Context
from backend.handlers.demo.page_files import page
from backend.routing import Raw, get


@get("/demo/phone", permission="public", listener="public")
async def handle(ctx: Context, name: str = "", order: str = "", result: str = "") -> Raw:
    """Return the page; name: whose phone; order, result: what the pay sheet came back with.

    Errors: NotFound (no demo).
    """
    return page(ctx, "phone.html", connects_to=ctx.settings.mini_program.api_base_url)
