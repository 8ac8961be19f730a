"""GET /api/v1/staff/roles: the site's roles and every right (角色权限)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_staff import RoleTable, list_roles


@get("/api/v1/staff/roles", permission="staff.users.view")
async def handle(ctx: Context) -> Reply[RoleTable]:
    """Return the roles with their rights, and the rights that never go together."""
    return ok(await list_roles(ctx))
