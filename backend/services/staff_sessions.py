"""A signed-in person as their browser knows them (当前用户), and what the sign-in screen has to ask."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.models.people import Staff
from backend.services.authenticate import csrf_of, session_token
from backend.services.captcha import is_captcha_needed
from backend.services.permissions import Rights, rights_of
from backend.services.rate_limits import SIGN_IN_PER_ADDRESS
from backend.store import rows, some_utc

SIGN_IN, DEMO_SIGN_IN = "staff.sign_in", "staff.demo_sign_in"


class Me(Struct, frozen=True, kw_only=True):
    """A signed-in person, as their browser knows them."""

    staff_id: str
    username: str
    name: str
    last: "Before | None"  # None: the first time.
    csrf_token: str  # To be sent back as X-CSRF-Token with everything but GET.
    roles: list[str]
    permissions: list[str]
    demo: bool  # A demonstration: shops are cut at any hour, one-time passwords are to be had by one tap.


class Before(Struct, frozen=True, kw_only=True):
    """The sign-in before this one, so that somebody else's is noticed."""

    at: datetime
    client_ip: str
    failures: int  # Attempts with this name since then.


class DemoRole(Struct, frozen=True, kw_only=True):
    code: str
    name: str


class SignInNeeds(Struct, frozen=True, kw_only=True):
    """What the sign-in screen has to ask."""

    captcha: bool
    demo_roles: list[DemoRole]  # Empty but in a demo.


async def show_sign_in(ctx: Context) -> SignInNeeds:
    """Return what the calling address is asked before it signs in."""
    found = (
        await rows(
            "SELECT DISTINCT r.code, r.name, r.id FROM role r JOIN staff_role sr ON sr.role_id = r.id"
            " JOIN staff f ON f.id = sr.staff_id WHERE f.disabled_at IS NULL ORDER BY r.id"
        )
        if ctx.settings.demo
        else []
    )
    roles = [DemoRole(code=row["code"], name=row["name"]) for row in found]
    return SignInNeeds(captcha=await is_captcha_needed(ctx), demo_roles=roles)


async def show_me(ctx: Context) -> Me:
    """Return what a reloaded page needs to go on (当前用户)."""
    staff = await Staff.get(id=ctx.caller.id)
    return await me_of(ctx, staff, session_token(ctx.headers), await rights_of(staff.id), but=1)


async def me_of(ctx: Context, staff: Staff, token: str, rights: Rights, *, but: int) -> Me:
    """Return a person for their browser. but: how many of the newest sign-ins are this session's own."""
    return Me(
        staff_id=str(staff.id),
        username=staff.username,
        name=staff.name,
        last=await _before(staff.id, but=but),
        csrf_token=csrf_of(ctx, token),
        roles=list(rights.role_codes),
        permissions=sorted(rights.permissions),
        demo=ctx.settings.demo,
    )


async def _before(staff_id: int, *, but: int) -> Before | None:
    """Return somebody's newest sign-in but `but`, from the audit log."""
    found = await rows(
        "SELECT id, at, client_ip FROM audit_record WHERE actor = ? AND operation IN (?, ?)"
        " ORDER BY id DESC LIMIT 1 OFFSET ?",
        [f"staff:{staff_id}", SIGN_IN, DEMO_SIGN_IN, but],
    )
    if not found:
        return None
    failed = await rows(
        "SELECT COUNT(*) AS failures FROM audit_record WHERE object = ? AND operation = ? AND at > ?",
        [f"staff:{staff_id}", SIGN_IN_PER_ADDRESS.operation, found[0]["at"]],
    )
    return Before(
        at=some_utc(found[0]["at"]), client_ip=found[0]["client_ip"], failures=int(failed[0]["failures"])
    )
