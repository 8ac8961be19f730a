"""GET /api/v1/staff/files/shops/excel: the file of shops as Excel (导出商铺档案)."""

from backend.context import Context
from backend.routing import Raw, get
from backend.services.file_excel import EXCEL
from backend.services.file_exports import export_shops
from backend.services.file_pages import SortKey, Words
from backend.services.file_shops import ShopQuery, ShopState


@get("/api/v1/staff/files/shops/excel", permission="staff.account.view")
async def handle(
    ctx: Context,
    q: Words = "",
    floor: Words | None = None,
    shop_class: Words | None = None,
    state: ShopState | None = None,
    sort: SortKey = "code",
) -> Raw:
    """Return all shops that the query finds. Errors: Invalid (sort)."""
    query = ShopQuery(q=q, floor=floor, shop_class=shop_class, state=state, sort=sort)
    return Raw(await export_shops(ctx, query), EXCEL)
