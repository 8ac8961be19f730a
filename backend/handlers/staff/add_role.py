"""POST /api/v1/staff/roles: a role of the site's own (新增角色)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.staff_care import add_role


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=32)]
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    permissions: Annotated[list[str], Meta(max_length=200)]
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/roles", permission="staff.users.manage")
async def handle(ctx: Context, body: Body) -> Reply[None]:
    """Make a role. Errors: Invalid, RoleTaken, DutiesMixed."""
    await add_role(ctx, body.code, body.name, body.permissions, body.reason)
    return no_content()
