"""GET /api/v1/staff/files/shops: the file of shops, searched, sorted, by page (商铺档案)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.file_pages import PAGE_SIZE, PageNumber, PageSize, SortKey, Words
from backend.services.file_shops import ShopPage, ShopQuery, ShopState, list_shops


@get("/api/v1/staff/files/shops", permission="staff.account.view")
async def handle(
    ctx: Context,
    q: Words = "",
    floor: Words | None = None,
    shop_class: Words | None = None,
    state: ShopState | None = None,
    sort: SortKey = "code",
    page: PageNumber = 1,
    size: PageSize = PAGE_SIZE,
) -> Reply[ShopPage]:
    """Return shops with what is left of each. Errors: Invalid (sort)."""
    query = ShopQuery(q=q, floor=floor, shop_class=shop_class, state=state, sort=sort, page=page, size=size)
    return ok(await list_shops(ctx, query))
