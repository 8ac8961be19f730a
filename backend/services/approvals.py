"""Second persons (审批): one asks, another one decides; nobody decides on their own request.

All of it is called inside the caller's unit of work, so that an answer and what it causes are one.
"""

from datetime import timedelta

from backend.context import Context
from backend.errors import NotFound, Refused
from backend.models.people import Approval

STANDS_FOR = timedelta(hours=24)


class OwnRequest(Refused):
    code = "own_request"
    message = "不能审批自己的申请"


class AlreadyDecided(Refused):
    code = "already_decided"
    message = "这项申请已经处理过"


class AlreadyAsked(Refused):
    code = "already_asked"
    message = "已有相同的申请等待审批"


class ApprovalExpired(Refused):
    """Nobody answered within a day: the reason may be gone, so it must be asked for again."""

    code = "approval_expired"
    message = "这项申请已超过 24 小时，请重新申请"


async def ask(
    ctx: Context, kind: str, object_id: int, reason: str, *, site_id: int | None = None
) -> Approval:
    """Remember a request; at most one of a kind stands for an object. Errors: AlreadyAsked."""
    now = ctx.clock.now()
    key = f"{kind}:{object_id}"
    standing = await Approval.filter(standing_key=key).select_for_update().first()
    if standing is not None:
        if now - standing.asked_at < STANDS_FOR:
            raise AlreadyAsked()
        await _close(standing)
    return await Approval.create(
        id=ctx.ids.new(),
        site_id=ctx.caller.site_id if site_id is None else site_id,
        kind=kind,
        object_id=object_id,
        asked_by=ctx.caller.id,
        asked_at=now,
        reason=reason[:200],
        standing_key=key,
    )


async def decide(ctx: Context, kind: str, approval_id: int, granted: bool) -> Approval:
    """Answer somebody else's request, once; the row is locked to the end of the unit of work.

    Whoever asked may take it back (granted=False), never grant it.
    Errors: NotFound (also of another site or kind), OwnRequest, AlreadyDecided, ApprovalExpired.
    """
    approval = await Approval.filter(id=approval_id, kind=kind).select_for_update().first()
    if approval is None or approval.site_id != ctx.caller.site_id:
        raise NotFound()
    if approval.standing_key is None:
        raise AlreadyDecided()
    if granted and approval.asked_by == ctx.caller.id:
        raise OwnRequest()
    now = ctx.clock.now()
    if granted and now - approval.asked_at >= STANDS_FOR:
        raise ApprovalExpired()
    approval.decided_by, approval.decided_at, approval.granted = ctx.caller.id, now, granted
    await approval.save(update_fields=["decided_by", "decided_at", "granted"])
    await _close(approval)
    return approval


async def standing(ctx: Context, kind: str, object_id: int) -> Approval | None:
    """Return the request of a kind that waits for an answer, if there is one that may still be granted."""
    approval = await Approval.filter(standing_key=f"{kind}:{object_id}").select_for_update().first()
    is_open = approval is not None and ctx.clock.now() - approval.asked_at < STANDS_FOR
    return approval if is_open else None


async def withdraw(approval_id: int) -> None:
    """Close a request whose object is gone; nobody can answer it any more. Harmless when it is closed."""
    await Approval.filter(id=approval_id, standing_key__isnull=False).update(standing_key=None)


async def _close(approval: Approval) -> None:
    approval.standing_key = None
    await approval.save(update_fields=["standing_key"])
