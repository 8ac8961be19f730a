"""POST /api/v1/staff/captchas: a picture with digits for signing in (图形验证码)."""

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.captcha import CaptchaView, make_captcha


@post("/api/v1/staff/captchas", permission="public", listener="private")
async def handle(ctx: Context) -> Reply[CaptchaView]:
    """Draw a new picture, good for one attempt within 5 minutes. Errors: TooMany."""
    return created(await make_captcha(ctx))
