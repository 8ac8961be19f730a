"""GET /api/v1/staff/audit/chain: whether the audit log is whole (链校验)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_audit import ChainCheck, check_chain


@get("/api/v1/staff/audit/chain", permission="staff.audit.view")
async def handle(ctx: Context) -> Reply[ChainCheck]:
    """Follow every record of the site from the first one on; nothing wrong is an empty list."""
    return ok(await check_chain(ctx))
