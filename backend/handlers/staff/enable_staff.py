"""POST /api/v1/staff/people/{staff_id}/enablings: let a person in again (恢复)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.staff_care import enable_staff


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/people/{staff_id}/enablings", permission="staff.users.manage")
async def handle(ctx: Context, staff_id: RowId, body: Body) -> Reply[None]:
    """Take the shutting out back. Errors: NotFound, OwnRights."""
    await enable_staff(ctx, staff_id, body.reason)
    return no_content()
