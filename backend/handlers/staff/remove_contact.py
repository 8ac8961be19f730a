"""POST /api/v1/staff/contacts/{contact_id}/removals: a person is told no more (移除联系人)."""

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.change_contacts import CHANGE, remove_contact
from backend.services.row_ids import RowId
from backend.services.site_build import Why


@post("/api/v1/staff/contacts/{contact_id}/removals", permission=CHANGE)
async def handle(ctx: Context, contact_id: RowId, body: Why) -> Reply[None]:
    """Remove a contact; the row stays on record. Errors: NotFound."""
    await remove_contact(ctx, contact_id, body.reason)
    return no_content()
