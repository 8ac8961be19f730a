"""POST /api/v1/staff/people/{staff_id}/disablings: shut a person out (停用)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.staff_admin import disable_staff


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/people/{staff_id}/disablings", permission="staff.users.manage")
async def handle(ctx: Context, staff_id: RowId, body: Body) -> Reply[None]:
    """End all sessions and let nobody in by this name. Errors: NotFound, OwnRights, LastAdministrator."""
    await disable_staff(ctx, staff_id, body.reason)
    return no_content()
