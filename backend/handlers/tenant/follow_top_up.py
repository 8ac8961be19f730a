"""GET /api/v1/tenant/top-ups/{order_no}: follow a top-up until the power is back (交费进度)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.begin_top_up import TrackView, follow_top_up


@get("/api/v1/tenant/top-ups/{order_no}", permission="tenant.top_up")
async def handle(ctx: Context, order_no: str) -> Reply[TrackView]:
    """Return how far it has come; the first call after paying makes us ask the channel. Errors: NotFound."""
    return ok(await follow_top_up(ctx, order_no))
