"""POST /api/v1/staff/contact-checks: send a code to a contact's phone (发送验证码)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.contact_checks import ContactCheckView, send_code


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    phone: Annotated[str, Meta(min_length=1, max_length=32)]


@post("/api/v1/staff/contact-checks", permission="staff.account.open")
async def handle(ctx: Context, body: Body) -> Reply[ContactCheckView]:
    """Send six digits by SMS. Errors: Invalid (no mobile number), TooMany."""
    return created(await send_code(ctx, body.phone))
