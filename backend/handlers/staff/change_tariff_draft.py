"""PUT /api/v1/staff/tariff-drafts/{draft_id}: write a draft anew (修改电价草稿)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.row_ids import RowId
from backend.services.tariff_drafts import change_draft
from backend.services.tariff_parts import VersionContent


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    content: VersionContent


@put("/api/v1/staff/tariff-drafts/{draft_id}", permission="staff.tariff.draft")
async def handle(ctx: Context, draft_id: RowId, body: Body) -> Reply[None]:
    """Replace what a draft says. Errors: NotFound, DraftNotOpen, Invalid (with the field)."""
    await change_draft(ctx, draft_id, body.content)
    return no_content()
