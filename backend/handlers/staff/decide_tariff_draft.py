"""POST /api/v1/staff/tariff-drafts/{draft_id}/decisions: approve or send back (电价审批)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.tariff_drafts import decide_draft


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    granted: bool
    note: Annotated[str, Meta(max_length=200)] = ""


@post("/api/v1/staff/tariff-drafts/{draft_id}/decisions", permission="staff.tariff.approve")
async def handle(ctx: Context, draft_id: RowId, body: Body) -> Reply[None]:
    """Let a version count from its date on, or send it back.

    Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired, Invalid.
    """
    await decide_draft(ctx, draft_id, body.granted, body.note)
    return no_content()
