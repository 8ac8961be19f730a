"""POST /api/v1/tenant/bindings: bind this phone to a shop's account (绑定)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.bindings import bind_tenant


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=64)]  # As typed: any case, spaces and dashes.


class Bound(Struct, frozen=True):
    account_id: str


@post("/api/v1/tenant/bindings", permission="tenant.bind")
async def handle(ctx: Context, body: Body) -> Reply[Bound]:
    """Use a binding code. Errors: CodeWrong, CodeExpired, CodeUsed, CodeExhausted, TooMany."""
    account = await bind_tenant(ctx, body.code)
    return created(Bound(str(account.id)))
