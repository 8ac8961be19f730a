"""GET /api/v1/staff/me: who is signed in and what they may do (当前用户)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.staff_sessions import Me, show_me


@get("/api/v1/staff/me", permission="staff")
async def handle(ctx: Context) -> Reply[Me]:
    """Answer what a reloaded page needs: name, rights, and the token for its writes."""
    return ok(await show_me(ctx))
