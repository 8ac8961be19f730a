"""GET /api/v1/staff/practice-shop: the shop to practise on (练习商铺)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.practice_shop import PracticeView, show_practice_shop


@get("/api/v1/staff/practice-shop", permission="staff.account.view")
async def handle(ctx: Context) -> Reply[PracticeView]:
    """Return the site's practice shop; account_id is null before it is made."""
    return ok(await show_practice_shop(ctx))
