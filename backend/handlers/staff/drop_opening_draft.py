"""DELETE /api/v1/staff/opening-draft: throw the unfinished opening away (丢弃开户草稿)."""

from backend.context import Context
from backend.routing import Reply, delete, no_content
from backend.services.opening_drafts import drop_draft


@delete("/api/v1/staff/opening-draft", permission="staff.account.open", audit=False)
async def handle(ctx: Context) -> Reply[None]:
    """Throw the caller's own draft away; harmless when there is none."""
    await drop_draft(ctx)
    return no_content()
