"""POST /api/v1/staff/practice-shop: make the practice shop, or start it over (设立、重置练习商铺)."""

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.practice_shop import PracticeView, make_practice_shop


@post("/api/v1/staff/practice-shop", permission="staff.account.practice")
async def handle(ctx: Context) -> Reply[PracticeView]:
    """Open an empty account to practise on; the one before is closed. Errors: Invalid (no tariff yet)."""
    return created(await make_practice_shop(ctx))
