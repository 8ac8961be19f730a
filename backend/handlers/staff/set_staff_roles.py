"""PUT /api/v1/staff/people/{staff_id}/roles: give a person exactly these roles (调整角色)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.row_ids import RowId
from backend.services.staff_admin import set_roles


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    role_codes: Annotated[list[str], Meta(min_length=1, max_length=10)]
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@put("/api/v1/staff/people/{staff_id}/roles", permission="staff.users.manage")
async def handle(ctx: Context, staff_id: RowId, body: Body) -> Reply[None]:
    """They hold at once. Errors: NotFound, Invalid, OwnRights, DutiesMixed, LastAdministrator."""
    await set_roles(ctx, staff_id, body.role_codes, body.reason)
    return no_content()
