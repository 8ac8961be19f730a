"""PUT /api/v1/staff/opening-draft: keep the wizard as it stands (保存开户草稿)."""

from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, ok, put
from backend.services.opening_drafts import SavedDraft, save_draft


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    content: dict[str, Any]


@put("/api/v1/staff/opening-draft", permission="staff.account.open", audit=False, body_limit=32 << 10)
async def handle(ctx: Context, body: Body) -> Reply[SavedDraft]:
    """Keep the caller's draft, seen by nobody else: a note to oneself, so no record is left."""
    return ok(await save_draft(ctx, body.content))
