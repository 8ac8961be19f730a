"""POST /api/v1/staff/accounts: open an account (开户)."""

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.open_account import Opened, Opening, open_account


@post("/api/v1/staff/accounts", permission="staff.account.open", idempotent="request_id")
async def handle(ctx: Context, body: Opening) -> Reply[Opened]:
    """Open an account with its meters, all or nothing. Errors: Invalid with fields, OpeningReused."""
    return created(await open_account(ctx, body))
