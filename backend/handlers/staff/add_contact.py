"""POST /api/v1/staff/accounts/{account_id}/contacts: one more person who is told (新增联系人)."""

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.change_contacts import CHANGE, ContactBody, ContactChanged, add_contact
from backend.services.row_ids import RowId


@post("/api/v1/staff/accounts/{account_id}/contacts", permission=CHANGE)
async def handle(ctx: Context, account_id: RowId, body: ContactBody) -> Reply[ContactChanged]:
    """Add a contact of an open account. Errors: NotFound, ContactExists, Invalid."""
    return created(await add_contact(ctx, account_id, body))
