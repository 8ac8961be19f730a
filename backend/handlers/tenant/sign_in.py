"""POST /api/v1/tenant/sign-in: sign in by WeChat (商户登录)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.tenant_sign_in import sign_in_tenant


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=128)]  # From wx.login.


class SignedIn(Struct, frozen=True):
    token: str  # To be sent as "Authorization: Bearer …"; valid for 30 days.


@post("/api/v1/tenant/sign-in", permission="public")
async def handle(ctx: Context, body: Body) -> Reply[SignedIn]:
    """Open a session for whoever holds the phone.

    Errors: LoginCodeRefused, LoginBlocked, TooMany, WechatUnsure, WechatRefused.
    """
    return created(SignedIn(await sign_in_tenant(ctx, body.code)))
