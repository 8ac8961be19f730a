"""GET /api/v1/staff/approvals: what waits for the caller's decision (待我审批)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.approval_inbox import WaitingApproval, list_waiting


@get("/api/v1/staff/approvals", permission="staff.board")
async def handle(ctx: Context) -> Reply[list[WaitingApproval]]:
    """Return the requests that the caller may decide on, the oldest first; each says where it is decided."""
    return ok(await list_waiting(ctx))
