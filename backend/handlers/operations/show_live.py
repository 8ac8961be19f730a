"""GET /health/live: this process answers."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, get, ok


class LiveView(Struct, frozen=True):
    status: str


@get("/health/live", permission="public", listener="both")
async def handle(ctx: Context) -> Reply[LiveView]:
    """Say that the process is alive; touches nothing else."""
    return ok(LiveView("ok"))
