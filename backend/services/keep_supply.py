"""Keep-supply (保电): no arrears trip until a time. Asked by one person, approved by another.

A wish that nobody answers within 10 minutes takes effect for at most 24 hours and is reviewed later.
"""

from datetime import datetime, timedelta

from backend.context import Context
from backend.errors import Invalid, NotFound
from backend.models.accounts import Account, KeepSupply
from backend.models.site import Shop
from backend.services.approvals import AlreadyDecided, OwnRequest
from backend.services.audit import record
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.services.tasks import open_task
from backend.services.work import review_keep_supply, tell_keep_supply_end, wake
from backend.store import unit_of_work
from common.clock import local

LONGEST = timedelta(hours=72)
UNANSWERED_AFTER = timedelta(minutes=10)
UNANSWERED_LONGEST = timedelta(hours=24)
TELL_BEFORE = timedelta(hours=2)


async def ask_keep_supply(ctx: Context, account_id: int, until_at: datetime, reason: str) -> str:
    """Ask for a shop in arrears to be kept on; returns the wish's id. Errors: NotFound, Invalid.

    The same wish of the same person again is the one that waits already.
    """
    now = ctx.clock.now()
    if not now < until_at <= now + LONGEST:
        raise Invalid(fields={"until_at": "保电结束时间须在 72 小时之内"})

    async def work() -> str:
        account = await _account(ctx, account_id)
        same = {"until_at": until_at, "reason": reason[:200], "asked_by": ctx.caller.id}
        waiting = KeepSupply.filter(account_id=account.id, approved_by=None, refused_at=None, **same)
        again = await waiting.filter(effective_at=None, released_at=None).first()
        if again is not None:
            facts = {"repeated": True}
            await record(ctx, "staff.keep_supply.ask", f"account:{account.id}", reason=reason, facts=facts)
            return str(again.id)
        row = await KeepSupply.create(
            id=ctx.ids.new(),
            account_id=account.id,
            until_at=until_at,
            reason=reason[:200],
            asked_by=ctx.caller.id,
            asked_at=now,
        )
        await review_keep_supply(ctx, row.id, now + UNANSWERED_AFTER)
        wake(ctx, f"live:{account.site_id}")
        await record(ctx, "staff.keep_supply.ask", f"account:{account.id}", reason=reason)
        return str(row.id)

    return await unit_of_work(work, "keep_supply")


async def decide_keep_supply(ctx: Context, keep_supply_id: int, granted: bool) -> None:
    """Answer a wish; nobody answers their own. Errors: NotFound, OwnRequest, AlreadyDecided."""

    async def work() -> None:
        row = await _row(keep_supply_id)
        account = await _account(ctx, row.account_id)
        row = await _row(keep_supply_id)
        if row.approved_by is not None or row.refused_at is not None or row.released_at is not None:
            raise AlreadyDecided()
        if row.asked_by == ctx.caller.id:
            raise OwnRequest()
        now = ctx.clock.now()
        row.approved_by = ctx.caller.id
        if granted:
            row.effective_at = row.effective_at or now
            await tell_keep_supply_end(ctx, row.id, row.until_at - TELL_BEFORE)
        else:
            row.refused_at = now
            row.effective_at = None
        await row.save()
        await decide_account(ctx, account, cause=f"keep_supply:{row.id}")
        await record(ctx, "staff.keep_supply.approve", f"account:{account.id}", facts={"granted": granted})
        wake(ctx, f"live:{account.site_id}")

    await unit_of_work(work, "keep_supply")


async def release_keep_supply(ctx: Context, keep_supply_id: int) -> None:
    """End keep-supply before its time (保电解除); the trip rules then hold again. Errors: NotFound.

    A second call changes nothing.
    """

    async def work() -> None:
        row = await _row(keep_supply_id)
        account = await _account(ctx, row.account_id)
        row = await _row(keep_supply_id)  # As it is now that we hold the account.
        is_first = row.released_at is None
        if is_first:
            row.released_at, row.released_by = ctx.clock.now(), ctx.caller.id
            await row.save(update_fields=["released_at", "released_by"])
            await decide_account(ctx, account, cause=f"keep_supply:{row.id}")
            wake(ctx, f"live:{account.site_id}")
        facts = {} if is_first else {"repeated": True}
        await record(ctx, "staff.keep_supply.release", f"account:{account.id}", facts=facts)

    await unit_of_work(work, "keep_supply")


async def review_unanswered(ctx: Context, keep_supply_id: int) -> None:
    """Let a wish that nobody answered take effect for at most 24 hours, and ask for its review."""

    async def work() -> None:
        row = await _row(keep_supply_id)
        account = await lock_account(row.account_id)
        row = await _row(keep_supply_id)
        if row.effective_at is not None or row.refused_at is not None or row.released_at is not None:
            return
        now = ctx.clock.now()
        row.effective_at = now
        row.until_at = min(row.until_at, now + UNANSWERED_LONGEST)
        await row.save(update_fields=["effective_at", "until_at"])
        await tell_keep_supply_end(ctx, row.id, row.until_at - TELL_BEFORE)
        await decide_account(ctx, account, cause=f"keep_supply:{row.id}")
        await open_task(
            ctx,
            account.site_id,
            "review_keep_supply",
            cause=f"keep_supply:{row.id}",
            text="保电申请 10 分钟内无人审批，已临时生效，请补审",
            account_id=account.id,
        )
        wake(ctx, f"live:{account.site_id}")

    await unit_of_work(work, "keep_supply")


async def tell_end(ctx: Context, keep_supply_id: int) -> None:
    """Put a keep-supply that ends within two hours on the list (保电即将到期), once, while it stands.

    A shop whose debt is gone, or that is kept on longer by another promise, is nobody's task.
    """

    async def work() -> None:
        row = await _row(keep_supply_id)
        account = await lock_account(row.account_id)
        row = await _row(keep_supply_id)
        now = ctx.clock.now()
        if row.effective_at is None or row.released_at is not None or row.until_at <= now:
            return
        standing = KeepSupply.filter(account_id=account.id, released_at=None, until_at__gt=row.until_at)
        if not account.in_arrears or await standing.filter(effective_at__isnull=False).exists():
            return
        shop = await Shop.get(id=account.shop_id)
        await open_task(
            ctx,
            account.site_id,
            "keep_supply_ends",
            cause=f"keep_supply_ends:{row.id}",
            text=f"{shop.code} {shop.name}的保电将于 {local(row.until_at):%m-%d %H:%M} 到期，仍有欠费，"
            "请联系商户交费或申请续期",
            account_id=account.id,
        )

    await unit_of_work(work, "keep_supply")


async def _account(ctx: Context, account_id: int) -> Account:
    account = await lock_account(account_id)
    if account.site_id != ctx.caller.site_id:
        raise NotFound()
    return account


async def _row(keep_supply_id: int) -> KeepSupply:
    row = await KeepSupply.get_or_none(id=keep_supply_id)
    if row is None:
        raise NotFound()
    return row
