"""DELETE /api/v1/tenant/sessions/current: sign out (退出登录)."""

from backend.context import Context
from backend.routing import Reply, delete, no_content
from backend.services.staff_sign_in import sign_out


@delete("/api/v1/tenant/sessions/current", permission="tenant")
async def handle(ctx: Context) -> Reply[None]:
    """End this phone's session; other phones stay signed in."""
    await sign_out(ctx)
    return no_content()
