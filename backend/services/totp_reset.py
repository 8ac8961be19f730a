"""A lost phone (动态口令重置): one colleague asks, another one grants, neither of them for themselves."""

from backend.context import CallerKind, Context
from backend.services import approvals
from backend.services.audit import record
from backend.services.authenticate import revoke_sessions
from backend.services.credentials import new_totp_secret, seal_secret, totp_uri
from backend.services.staff_admin import NewStaff, another
from backend.store import unit_of_work

TOTP_RESET = "totp_reset"


async def ask_totp_reset(ctx: Context, staff_id: int, reason: str) -> int:
    """Ask for a new one-time password for a colleague (动态口令重置申请); returns the request's id.

    Errors: NotFound, OwnRights, AlreadyAsked.
    """

    async def work() -> int:
        staff = await another(ctx, staff_id)
        approval = await approvals.ask(ctx, TOTP_RESET, staff.id, reason, site_id=staff.site_id)
        await record(ctx, "staff.totp_reset.ask", f"staff:{staff.id}", reason=reason, site_id=staff.site_id)
        return int(approval.id)

    return await unit_of_work(work, "ask_totp_reset")


async def decide_totp_reset(ctx: Context, approval_id: int, granted: bool) -> NewStaff | None:
    """Answer somebody else's request for a third person (动态口令重置审批).

    Granted: that person's sessions end, and the new secret is shown this once.
    Errors: NotFound, OwnRequest, OwnRights, AlreadyDecided, ApprovalExpired.
    """

    async def work() -> NewStaff | None:
        approval = await approvals.decide(ctx, TOTP_RESET, approval_id, granted)
        staff = await another(ctx, approval.object_id)
        new: NewStaff | None = None
        if granted:
            secret = new_totp_secret(ctx.random)
            staff.totp_secret = seal_secret(ctx.settings.secret_key, staff.id, secret, ctx.random)
            staff.failures, staff.locked_until_at = 0, None
            await staff.save(update_fields=["totp_secret", "failures", "locked_until_at"])
            await revoke_sessions(ctx, CallerKind.STAFF, staff.id)
            new = NewStaff(
                staff_id=staff.id,
                username=staff.username,
                totp_secret=secret,
                totp_uri=totp_uri(secret, staff.username),
            )
        await record(ctx, "staff.totp_reset.decide", f"staff:{staff.id}", facts={"granted": granted})
        return new

    return await unit_of_work(work, "decide_totp_reset")
