"""GET /api/v1/tenant/home: what a tenant sees first (首页)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_home import Home, show_home


@get("/api/v1/tenant/home", permission="tenant.view")
async def handle(ctx: Context) -> Reply[Home]:
    """Return each bound shop's balances, days left, supply and the age of its reading."""
    return ok(await show_home(ctx))
