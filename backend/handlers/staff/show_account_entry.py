"""GET /api/v1/staff/accounts/{account_id}/entries/{entry_id}: an entry, its legs and formula (凭证详情)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.shop_entries import EntryDetail, show_entry


@get("/api/v1/staff/accounts/{account_id}/entries/{entry_id}", permission="staff.account.view")
async def handle(ctx: Context, account_id: RowId, entry_id: RowId) -> Reply[EntryDetail]:
    """Return postings, price parts and corrections. Errors: NotFound (also: an entry of another account)."""
    return ok(await show_entry(ctx, account_id, entry_id))
