"""Undo a top-up of the counter (冲正): one person asks with a reason, another one approves.

What was paid by WeChat is a fact of the channel: it goes back by a refund, never by a reversal.
"""

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.ledger import EntryDraft, EntryKind, PostingDraft, reversal_entry
from backend.errors import NotFound, Refused
from backend.models.accounts import Account
from backend.models.ledger import Entry, Posting
from backend.models.people import Approval
from backend.services.approvals import ask, decide
from backend.services.audit import record
from backend.services.books import book
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.services.show_receipts import REVERSAL, account_of, own_top_up
from backend.services.work import wake
from backend.store import unit_of_work
from common.units import Fen


class AlreadyReversed(Refused):
    code = "already_reversed"
    message = "这笔充值已经冲正"


class AlreadyRefunded(Refused):
    code = "already_refunded"
    message = "这笔充值已经退费，不能再冲正"


class PaidByWechat(Refused):
    code = "paid_by_wechat"
    message = "微信支付的充值不能冲正，请走退费"


class ReversalOfClosed(Refused):
    code = "account_closed"
    message = "该户已销户，不能冲正"


class ReversalAsked(Struct, frozen=True):
    approval_id: str


async def ask_reversal(ctx: Context, entry_id: int, reason: str) -> ReversalAsked:
    """Ask for a top-up to be undone. Nothing moves yet.

    Errors: NotFound, PaidByWechat, AlreadyReversed, AlreadyRefunded, AlreadyAsked, ReversalOfClosed.
    """

    async def work() -> ReversalAsked:
        entry, leg = await own_top_up(ctx, entry_id)
        account = await lock_account(account_of(leg))
        await _check(account, entry)
        approval = await ask(ctx, REVERSAL, entry.id, reason)
        facts = {"cause": entry.cause, "amount_fen": leg.amount_fen}
        await record(ctx, "staff.reversal.ask", f"entry:{entry.id}", reason=reason, facts=facts)
        return ReversalAsked(str(approval.id))

    return await unit_of_work(work, "reversal")


async def decide_reversal(ctx: Context, approval_id: int, granted: bool) -> None:
    """Answer a wish; granted, the money goes off again and the supply is decided by its usual rules.

    Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired, and those of `ask_reversal`.
    """

    async def work() -> None:
        asked = await Approval.get_or_none(id=approval_id, kind=REVERSAL, site_id=ctx.caller.site_id)
        if asked is None:
            raise NotFound()
        entry, leg = await own_top_up(ctx, asked.object_id)
        account = await lock_account(account_of(leg))
        approval = await decide(ctx, REVERSAL, approval_id, granted)
        facts: dict[str, object] = {
            "granted": granted,
            "cause": entry.cause,
            "before_fen": account.settled_fen,
        }
        if granted:
            await _check(account, entry)
            facts["entry_id"] = str(await _reverse(ctx, account, entry, approval))
        facts["after_fen"] = account.settled_fen
        reason = approval.reason
        await record(ctx, "staff.reversal.approve", f"entry:{entry.id}", reason=reason, facts=facts)

    await unit_of_work(work, "reversal")


async def _check(account: Account, entry: Entry) -> None:
    if account.closed_at is not None:
        raise ReversalOfClosed()
    if not entry.cause.startswith("counter:"):
        raise PaidByWechat()
    if await Entry.exists(cause=f"reversal:{entry.cause}"):
        raise AlreadyReversed()
    if await Entry.exists(cause__startswith=f"refund:{entry.cause}", kind=EntryKind.REFUND.value):
        raise AlreadyRefunded()


async def _reverse(ctx: Context, account: Account, entry: Entry, approval: Approval) -> int:
    draft = reversal_entry(
        await _draft(entry),
        booked_at=ctx.clock.now(),
        reason=approval.reason,
        asked_by=approval.asked_by,
        approved_by=ctx.caller.id,
    )
    entry_id = await book(ctx, account.site_id, draft, [account])
    await decide_account(ctx, account, cause=f"reversal:{entry.id}")
    wake(ctx, f"live:{account.site_id}")
    return entry_id


async def _draft(entry: Entry) -> EntryDraft:
    legs = await Posting.filter(entry_id=entry.id).order_by("id")
    return EntryDraft(
        kind=EntryKind(entry.kind),
        cause=entry.cause,
        booked_at=entry.booked_at,
        postings=tuple(PostingDraft(leg.ledger_account, Fen(leg.amount_fen)) for leg in legs),
        facts=msgspec.json.decode(entry.facts),
    )
