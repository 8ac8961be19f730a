"""POST /api/v1/staff/sessions: sign in (物业人员登录)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.authenticate import session_cookie
from backend.services.staff_sessions import Me
from backend.services.staff_sign_in import demo_sign_in, sign_in


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    username: Annotated[str, Meta(min_length=1, max_length=32)]
    password: Annotated[str, Meta(min_length=1, max_length=128)]
    totp: Annotated[str, Meta(pattern=r"^(\d{6})?$")] = ""
    captcha_id: Annotated[str, Meta(max_length=20)] = ""
    captcha: Annotated[str, Meta(max_length=8)] = ""  # What the picture shows.


class DemoBody(Struct, frozen=True, forbid_unknown_fields=True):
    role: Annotated[str, Meta(min_length=1, max_length=32)]  # "cashier", "manager", …


@post("/api/v1/staff/sessions", permission="public", listener="private")
async def handle(ctx: Context, body: Body) -> Reply[Me]:
    """Open a session of 12 hours, 2 hours idle. Errors: SignInRefused, TotpNeeded, CaptchaNeeded, TooMany."""
    captcha = (body.captcha_id, body.captcha)
    signed_in = await sign_in(ctx, body.username, body.password, body.totp, captcha)
    return created(signed_in.me, session_cookie(ctx, signed_in.token))


@post("/api/v1/staff/demo-sessions", permission="public", listener="private", name="staff.demo_sign_in")
async def handle_demo(ctx: Context, body: DemoBody) -> Reply[Me]:
    """Sign in by one tap, in a demo alone (演示登录). Errors: NotFound."""
    signed_in = await demo_sign_in(ctx, body.role)
    return created(signed_in.me, session_cookie(ctx, signed_in.token))
