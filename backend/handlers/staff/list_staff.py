"""GET /api/v1/staff/people: the site's staff (用户)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_staff import StaffLine, list_staff


@get("/api/v1/staff/people", permission="staff.users.view")
async def handle(ctx: Context) -> Reply[list[StaffLine]]:
    """Return everybody with roles, open sessions and a reset that waits; those who left too."""
    return ok(await list_staff(ctx))
