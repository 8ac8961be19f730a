"""PUT /api/v1/staff/contacts/{contact_id}: another name or phone (修改联系人)."""

from backend.context import Context
from backend.routing import Reply, ok, put
from backend.services.change_contacts import CHANGE, ContactBody, ContactChanged, change_contact
from backend.services.row_ids import RowId


@put("/api/v1/staff/contacts/{contact_id}", permission=CHANGE)
async def handle(ctx: Context, contact_id: RowId, body: ContactBody) -> Reply[ContactChanged]:
    """Change a contact; another phone is not proved yet. Errors: NotFound, ContactExists, Invalid."""
    return ok(await change_contact(ctx, contact_id, body))
