"""GET /api/v1/staff/files/tenants: whom each account's news reaches (商户档案)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.file_pages import PAGE_SIZE, PageNumber, PageSize, SortKey, Words
from backend.services.file_tenants import Reach, TenantPage, TenantQuery, list_tenants
from backend.services.row_ids import RowId


@get("/api/v1/staff/files/tenants", permission="staff.tenant.view")
async def handle(
    ctx: Context,
    q: Words = "",
    reach: Reach | None = None,
    account: RowId | None = None,
    sort: SortKey = "shop_code",
    page: PageNumber = 1,
    size: PageSize = PAGE_SIZE,
) -> Reply[TenantPage]:
    """Return open accounts with their contacts and bound phones. Errors: Invalid (sort)."""
    query = TenantQuery(q=q, reach=reach, account_id=account, sort=sort, page=page, size=size)
    return ok(await list_tenants(ctx, query))
