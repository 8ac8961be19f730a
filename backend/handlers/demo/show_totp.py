"""GET /api/v1/demo/totp: the caller's own one-time password, in a demo alone (演示：动态口令)."""

import pyotp
from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound
from backend.handlers.demo.page_files import need_demo
from backend.models.people import Staff
from backend.routing import Reply, get, ok
from backend.services.credentials import STEP_S, open_secret
from backend.services.staff_sign_in import TotpMissing


class Code(Struct, frozen=True, kw_only=True):
    code: str
    usable_in_s: int  # 0: now. Each code is used once, so after two uses the next has to be waited for.


@get("/api/v1/demo/totp", permission="staff", listener="private")
async def handle(ctx: Context) -> Reply[Code]:
    """Return the first code that was not used yet. Errors: NotFound (no demo), TotpMissing."""
    need_demo(ctx)
    staff = await Staff.get_or_none(id=ctx.caller.id)
    if staff is None:
        raise NotFound()
    if not staff.totp_secret:
        raise TotpMissing()
    secret = open_secret(ctx.settings.secret_key, staff.id, staff.totp_secret)
    now_s = int(ctx.clock.now().timestamp())
    step = max(now_s // STEP_S, staff.totp_last_step + 1)
    # A code is taken one step early, as for a phone whose clock is fast.
    usable_in_s = max(0, (step - 1) * STEP_S - now_s)
    return ok(Code(code=pyotp.TOTP(secret).generate_otp(step), usable_in_s=usable_in_s))
