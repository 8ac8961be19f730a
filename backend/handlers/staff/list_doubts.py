"""GET /api/v1/staff/registers-in-doubt: registers that wait for a person (待核示数)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_doubts import Doubt, list_doubts


@get("/api/v1/staff/registers-in-doubt", permission="staff.meter.view")
async def handle(ctx: Context) -> Reply[list[Doubt]]:
    """Return what waits with its evidence, longest first."""
    return ok(await list_doubts(ctx))
