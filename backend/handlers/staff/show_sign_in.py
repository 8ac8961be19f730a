"""GET /api/v1/staff/sign-in: what the sign-in screen has to ask (登录页)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.staff_sessions import SignInNeeds, show_sign_in


@get("/api/v1/staff/sign-in", permission="public", listener="private")
async def handle(ctx: Context) -> Reply[SignInNeeds]:
    """Answer whether a picture has to be read, and the roles that one tap opens in a demo."""
    return ok(await show_sign_in(ctx))
