"""POST /api/v1/staff/people: take somebody on (新增用户)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.staff_admin import create_staff


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    username: Annotated[str, Meta(min_length=1, max_length=32)]
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    password: Annotated[str, Meta(min_length=1, max_length=128)]
    role_codes: Annotated[list[str], Meta(min_length=1, max_length=10)]


class NewPerson(Struct, frozen=True, kw_only=True):
    """Shown this once."""

    staff_id: str
    username: str
    totp_secret: str
    totp_uri: str


@post("/api/v1/staff/people", permission="staff.users.manage")
async def handle(ctx: Context, body: Body) -> Reply[NewPerson]:
    """Make a person; the one-time password's secret is answered this once.

    Errors: Invalid, WeakPassword, UsernameTaken, DutiesMixed.
    """
    new = await create_staff(
        ctx, ctx.caller.site_id, body.username, body.name, body.password, body.role_codes
    )
    return created(
        NewPerson(
            staff_id=str(new.staff_id),
            username=new.username,
            totp_secret=new.totp_secret,
            totp_uri=new.totp_uri,
        )
    )
