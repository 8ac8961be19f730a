"""POST /api/v1/staff/contact-checks/{contact_check_id}/tries: compare what was read out (校验验证码)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.contact_checks import ContactCheckView, try_code
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=16)]


@post("/api/v1/staff/contact-checks/{contact_check_id}/tries", permission="staff.account.open")
async def handle(ctx: Context, contact_check_id: RowId, body: Body) -> Reply[ContactCheckView]:
    """Count a try. Errors: NotFound, CodeTried, Invalid (a wrong code)."""
    return ok(await try_code(ctx, contact_check_id, body.code))
