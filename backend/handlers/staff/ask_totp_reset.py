"""POST /api/v1/staff/people/{staff_id}/totp-resets: a colleague lost their phone (申请重置动态口令)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.row_ids import RowId
from backend.services.totp_reset import ask_totp_reset


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/people/{staff_id}/totp-resets", permission="staff.users.manage")
async def handle(ctx: Context, staff_id: RowId, body: Body) -> Reply[str]:
    """Ask; another person grants it. Answers the request's id. Errors: NotFound, OwnRights, AlreadyAsked."""
    return created(str(await ask_totp_reset(ctx, staff_id, body.reason)))
