"""POST /api/v1/staff/reversals/{approval_id}/decisions: approve or refuse (冲正审批)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.reversals import decide_reversal
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    granted: bool


@post("/api/v1/staff/reversals/{approval_id}/decisions", permission="staff.reversal.approve")
async def handle(ctx: Context, approval_id: RowId, body: Body) -> Reply[None]:
    """Take the money off again, or leave it.

    Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired, and those of asking.
    """
    await decide_reversal(ctx, approval_id, body.granted)
    return no_content()
