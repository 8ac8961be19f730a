"""POST /api/v1/staff/tariff-drafts/{draft_id}/requests: ask for a draft's approval (提交电价审批)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.tariff_drafts import submit_draft


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/tariff-drafts/{draft_id}/requests", permission="staff.tariff.draft")
async def handle(ctx: Context, draft_id: RowId, body: Body) -> Reply[None]:
    """Send a draft to another person. Errors: NotFound, DraftNotOpen, AlreadyAsked, Invalid."""
    await submit_draft(ctx, draft_id, body.reason)
    return no_content()
