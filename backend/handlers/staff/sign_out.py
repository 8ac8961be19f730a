"""DELETE /api/v1/staff/sessions/current: sign out (退出登录)."""

from backend.context import Context
from backend.routing import Reply, delete, no_content
from backend.services.authenticate import session_cookie
from backend.services.staff_sign_in import sign_out


@delete("/api/v1/staff/sessions/current", permission="staff")
async def handle(ctx: Context) -> Reply[None]:
    """End the session and take its cookie away; its open streams end within 5 s."""
    await sign_out(ctx)
    return no_content(session_cookie(ctx, ""))
