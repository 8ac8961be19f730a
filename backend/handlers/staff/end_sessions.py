"""POST /api/v1/staff/people/{staff_id}/session-endings: sign a person out everywhere (强制下线)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.staff_care import end_sessions


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/people/{staff_id}/session-endings", permission="staff.users.manage")
async def handle(ctx: Context, staff_id: RowId, body: Body) -> Reply[None]:
    """End all sessions; open pages ask for the password within 5 s. Errors: NotFound, OwnRights."""
    await end_sessions(ctx, staff_id, body.reason)
    return no_content()
