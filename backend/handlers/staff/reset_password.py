"""POST /api/v1/staff/people/{staff_id}/password-resets: give a person another password (重设密码)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.staff_care import reset_password


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    password: Annotated[str, Meta(min_length=1, max_length=128)]
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/people/{staff_id}/password-resets", permission="staff.users.manage")
async def handle(ctx: Context, staff_id: RowId, body: Body) -> Reply[None]:
    """All sessions of that person end. Errors: NotFound, OwnRights, WeakPassword."""
    await reset_password(ctx, staff_id, body.password, body.reason)
    return no_content()
