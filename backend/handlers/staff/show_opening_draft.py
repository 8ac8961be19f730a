"""GET /api/v1/staff/opening-draft: the caller's own unfinished opening (开户草稿)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.opening_drafts import SavedDraft, show_draft


@get("/api/v1/staff/opening-draft", permission="staff.account.open")
async def handle(ctx: Context) -> Reply[SavedDraft]:
    """Return the draft as the page wrote it; content is null when there is none."""
    return ok(await show_draft(ctx))
