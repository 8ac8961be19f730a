"""GET /api/v1/staff/colleagues: who may be given an alarm (可指派的人)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.colleagues import HANDLE, Colleague, list_colleagues


@get("/api/v1/staff/colleagues", permission=HANDLE)
async def handle(ctx: Context) -> Reply[list[Colleague]]:
    """Return people who see to alarms, with how many each of them has."""
    return ok(await list_colleagues(ctx))
