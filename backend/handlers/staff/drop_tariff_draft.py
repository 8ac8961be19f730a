"""DELETE /api/v1/staff/tariff-drafts/{draft_id}: put a draft away (作废电价草稿)."""

from backend.context import Context
from backend.routing import Reply, delete, no_content
from backend.services.row_ids import RowId
from backend.services.tariff_drafts import drop_draft


@delete("/api/v1/staff/tariff-drafts/{draft_id}", permission="staff.tariff.draft")
async def handle(ctx: Context, draft_id: RowId) -> Reply[None]:
    """Take a draft off the list; its record stays. Errors: NotFound, DraftNotOpen."""
    await drop_draft(ctx, draft_id)
    return no_content()
