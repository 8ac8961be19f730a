"""DELETE /api/v1/staff/tariff-drafts/{draft_id}/requests: take the wish back (撤回电价审批)."""

from backend.context import Context
from backend.routing import Reply, delete, no_content
from backend.services.row_ids import RowId
from backend.services.tariff_drafts import withdraw_draft


@delete("/api/v1/staff/tariff-drafts/{draft_id}/requests", permission="staff.tariff.draft")
async def handle(ctx: Context, draft_id: RowId) -> Reply[None]:
    """Make a draft that waits for an answer open again. Errors: NotFound, AlreadyDecided."""
    await withdraw_draft(ctx, draft_id)
    return no_content()
