"""Signing in (物业人员登录): password, one-time password, lockout; and the second factor of one action.

All counters are in SQL. An attempt is counted as a failure before the password is looked at and given
back afterwards, so that many guesses at once are no more than a few.
"""

from datetime import datetime, timedelta
from enum import Enum, auto

from msgspec import Struct

from backend.context import Caller, CallerKind, Context
from backend.errors import NotFound, Refused, SignInNeeded
from backend.models.people import Staff
from backend.services.audit import STEP_UP, record
from backend.services.authenticate import open_session, revoke_session
from backend.services.captcha import give_back, need_captcha
from backend.services.credentials import has_password, matching_step, open_secret
from backend.services.permissions import Rights, rights_of
from backend.services.rate_limits import SIGN_IN_PER_ADDRESS, need_below
from backend.services.staff_sessions import DEMO_SIGN_IN, SIGN_IN, Me, me_of
from backend.store import rows, run, unit_of_work

FAILURES_TO_LOCK = 8
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)


class SignInRefused(SignInNeeded):
    """Wrong, unknown, disabled or locked: one answer for all, so that nobody learns who works here."""

    code = "sign_in_refused"
    message = "账号、密码或动态口令不正确，或账号已暂时锁定（连续输错 8 次锁定 15 分钟起）"


class TotpNeeded(SignInNeeded):
    """The password is right; the one-time password is missing."""

    code = "totp_needed"
    message = "请输入动态口令"


class TotpWrong(Refused):
    code = "totp_wrong"
    message = "动态口令不正确，或已经用过，请等下一个"


class TotpMissing(Refused):
    """This person has no one-time password yet."""

    code = "totp_missing"
    message = "您还没有绑定动态口令，请联系管理员"


class StaffLocked(Refused):
    status = 429
    code = "staff_locked"
    message = "连续输错次数过多，账号已锁定，请 {minutes} 分钟后再试"


class SignedIn(Struct, frozen=True, kw_only=True):
    """An open session. `token` goes into a cookie that scripts cannot read, and nowhere else."""

    token: str
    me: Me


class _Answer(Enum):
    GOOD = auto()
    WRONG = auto()
    TOTP_NEEDED = auto()


async def sign_in(
    ctx: Context, username: str, password: str, totp: str = "", captcha: tuple[str, str] = ("", "")
) -> SignedIn:
    """Open a staff session (12 h, 2 h idle).

    totp: six digits; needed for managers, finance, administrators and whoever has their rights.
    captcha: id and answer; needed after three failures from this address.
    Errors: SignInRefused, TotpNeeded, CaptchaNeeded, CaptchaWrong, TooMany (this address failed too often).
    """
    await need_below(SIGN_IN_PER_ADDRESS, ctx.clock.now(), client_ip=ctx.client_ip)
    used = await need_captcha(ctx, *captcha)
    name = username.strip().lower()[:32]
    staff = await unit_of_work(lambda: _reserve(ctx, name), "sign_in_try")
    # Also hashed for nobody and for a locked person: the time taken says nothing.
    is_right = await has_password(staff.password_hash if staff else "", password)
    answer, signed_in = await unit_of_work(
        lambda: _answer(ctx, staff.id if staff else None, is_right, totp), "sign_in"
    )
    if answer is _Answer.TOTP_NEEDED:
        if used:
            await unit_of_work(lambda: give_back(ctx, *captcha), "give_back_captcha")
        raise TotpNeeded()
    if signed_in is None:
        raise SignInRefused()
    return signed_in


async def demo_sign_in(ctx: Context, role_code: str) -> SignedIn:
    """Sign in as the first person with a role, by one tap (演示登录). Only in a demo, which is on loopback.

    Errors: NotFound (no demo, or nobody has this role).
    """
    if not ctx.settings.demo:
        raise NotFound()

    async def work() -> SignedIn:
        found = await rows(
            "SELECT f.id FROM staff f JOIN staff_role sr ON sr.staff_id = f.id"
            " JOIN role r ON r.id = sr.role_id"
            " WHERE r.code = ? AND f.disabled_at IS NULL ORDER BY f.id LIMIT 1",
            [role_code],
        )
        if not found:
            raise NotFound()
        staff = await Staff.get(id=found[0]["id"])
        return await _open(ctx, staff, await rights_of(staff.id), DEMO_SIGN_IN)

    return await unit_of_work(work, "demo_sign_in")


async def sign_out(ctx: Context) -> None:
    """End the calling session (退出登录); harmless when repeated."""

    async def work() -> None:
        await revoke_session(ctx, ctx.caller.session_id)
        site_id = ctx.caller.site_id
        await record(ctx, f"{ctx.caller.kind.value}.sign_out", ctx.caller.actor, site_id=site_id)

    await unit_of_work(work, "sign_out")


async def step_up(ctx: Context, totp: str, operation: str, object_: str) -> None:
    """Take a one-time password for one action on one object (二次验证); each code is used once.

    Wrong codes count towards the lock of the person.
    Errors: TotpWrong, TotpMissing, StaffLocked.
    """

    async def work() -> Refused | None:
        staff = await Staff.filter(id=ctx.caller.id, disabled_at=None).select_for_update().first()
        if staff is None or ctx.caller.kind is not CallerKind.STAFF:
            return SignInNeeded()
        now = ctx.clock.now()
        if _is_locked(staff, now):
            assert staff.locked_until_at is not None
            left_s = (staff.locked_until_at - now).total_seconds()
            return StaffLocked(minutes=int(left_s // 60) + 1, retry_after_s=int(left_s) + 1)
        if not staff.totp_secret:
            return TotpMissing()
        is_right = await _use_step(ctx, staff, totp)
        _count(staff, now, failed=not is_right)
        await _save_counters(staff)
        facts = {"operation": operation} if is_right else {"operation": operation, "failed": True}
        await record(ctx, STEP_UP, object_, facts=facts)
        return None if is_right else TotpWrong()

    # The refusal is raised after the commit: what was counted stays counted.
    refusal = await unit_of_work(work, "step_up")
    if refusal is not None:
        raise refusal


async def _reserve(ctx: Context, username: str) -> Staff | None:
    """Count an attempt as failed; None for nobody, a disabled or a locked person."""
    staff = await Staff.filter(username=username, disabled_at=None).select_for_update().first()
    now = ctx.clock.now()
    if staff is None or _is_locked(staff, now):
        return None
    _count(staff, now, failed=True)
    await _save_counters(staff)
    return staff


async def _answer(
    ctx: Context, staff_id: int | None, is_right: bool, totp: str
) -> tuple[_Answer, SignedIn | None]:
    staff = (
        await Staff.filter(id=staff_id, disabled_at=None).select_for_update().first() if staff_id else None
    )
    if staff is None or not is_right:
        return await _refuse(ctx, staff)
    rights = await rights_of(staff.id)
    if rights.second_factor:
        if not totp and staff.totp_secret:
            await _give_back(staff)
            return _Answer.TOTP_NEEDED, None
        if not staff.totp_secret or not await _use_step(ctx, staff, totp):
            return await _refuse(ctx, staff)
    _count(staff, ctx.clock.now(), failed=False)
    await _save_counters(staff)
    return _Answer.GOOD, await _open(ctx, staff, rights, SIGN_IN)


async def _refuse(ctx: Context, staff: Staff | None) -> tuple[_Answer, None]:
    # A name that nobody has is not written down: people type their password there by mistake.
    who, site_id = (f"staff:{staff.id}", staff.site_id) if staff else ("staff:unknown", 0)
    facts = {"locked_until_at": staff.locked_until_at if staff else None}
    await record(ctx, SIGN_IN_PER_ADDRESS.operation, who, facts=facts, site_id=site_id)
    return _Answer.WRONG, None


async def _open(ctx: Context, staff: Staff, rights: Rights, operation: str) -> SignedIn:
    token = await open_session(ctx, CallerKind.STAFF, staff.id)
    caller = Caller(CallerKind.STAFF, id=staff.id, site_id=staff.site_id, name=staff.name)
    itself = ctx.for_call(caller, ctx.request_id, ctx.client_ip, ctx.headers, ctx.body)
    me = await me_of(ctx, staff, token, rights, but=0)
    await record(itself, operation, caller.actor)
    return SignedIn(token=token, me=me)


async def _use_step(ctx: Context, staff: Staff, totp: str) -> bool:
    """Use a one-time password up; False when it is wrong or its step was used before."""
    secret = open_secret(ctx.settings.secret_key, staff.id, staff.totp_secret)
    step = matching_step(secret, totp, ctx.clock.now())
    if step is None:
        return False
    used = await run(
        "UPDATE staff SET totp_last_step = ? WHERE id = ? AND totp_last_step < ?", [step, staff.id, step]
    )
    return used == 1


def _is_locked(staff: Staff, now: datetime) -> bool:
    return staff.locked_until_at is not None and staff.locked_until_at > now


def _count(staff: Staff, now: datetime, *, failed: bool) -> None:
    """Count a failure, or forget all of them. Each fifth in a row locks, twice as long as the one before."""
    if not failed:
        staff.failures, staff.locked_until_at = 0, None
        return
    staff.failures += 1
    locks, rest = divmod(staff.failures, FAILURES_TO_LOCK)
    if rest == 0:
        # The exponent is bounded before the shift: a long siege must not overflow a timedelta.
        staff.locked_until_at = now + min(FIRST_LOCK * (1 << min(locks - 1, 10)), LONGEST_LOCK)


async def _give_back(staff: Staff) -> None:
    """Take back the failure that this attempt was counted as, and the lock if it set one."""
    if staff.failures % FAILURES_TO_LOCK == 0:
        staff.locked_until_at = None
    staff.failures = max(0, staff.failures - 1)
    await _save_counters(staff)


async def _save_counters(staff: Staff) -> None:
    await staff.save(update_fields=["failures", "locked_until_at"])
