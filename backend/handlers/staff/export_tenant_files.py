"""GET /api/v1/staff/files/tenants/excel: the file of tenants as Excel (导出商户档案)."""

from backend.context import Context
from backend.routing import Raw, get
from backend.services.file_excel import EXCEL
from backend.services.file_exports import export_tenants
from backend.services.file_pages import SortKey, Words
from backend.services.file_tenants import Reach, TenantQuery


@get("/api/v1/staff/files/tenants/excel", permission="staff.tenant.view")
async def handle(ctx: Context, q: Words = "", reach: Reach | None = None, sort: SortKey = "shop_code") -> Raw:
    """Return all tenants that the query finds. Errors: Invalid (sort)."""
    return Raw(await export_tenants(ctx, TenantQuery(q=q, reach=reach, sort=sort)), EXCEL)
