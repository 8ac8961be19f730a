"""What people do for the engine (人工办理): a call to a tenant, the manager's decision over the debt cap."""

from backend.context import Context
from backend.errors import NotFound, Refused
from backend.models.operations import StaffTask
from backend.models.supply import ArrearsEpisode
from backend.services.audit import record
from backend.services.decide_supply import decide_account
from backend.services.emergency_reasons import explain_by_task
from backend.services.locks import lock_account
from backend.services.tasks import EMERGENCY_REASON, NO_PROOF
from backend.services.work import wake
from backend.store import unit_of_work


class NotInArrears(Refused):
    code = "not_in_arrears"
    message = "该户目前没有欠费，无需裁定"


async def finish_task(ctx: Context, task_id: int, note: str) -> None:
    """Close a task. For a tenant who could not be reached, a person's word is the proof of notice; for an
    emergency trip the note is its reason.

    A second call is harmless. Errors: NotFound.
    """

    async def work() -> None:
        task = await StaffTask.get_or_none(id=task_id, site_id=ctx.caller.site_id)
        if task is None:
            raise NotFound()
        account = await lock_account(task.account_id) if task.account_id else None
        task = await StaffTask.get(id=task_id)
        if task.done_at is not None:
            await _record_done(ctx, task, note, repeated=True)
            return
        task.done_at, task.done_by, task.note = ctx.clock.now(), ctx.caller.id, note[:200]
        await task.save(update_fields=["done_at", "done_by", "note"])
        if task.kind == EMERGENCY_REASON:
            await explain_by_task(ctx, task, note)
        if task.kind == NO_PROOF and account is not None:
            episode = await ArrearsEpisode.get_or_none(standing_key=str(account.id))
            if episode is not None and episode.proof_at is None:
                episode.proof_at, episode.proof = ctx.clock.now(), f"staff:{ctx.caller.id}"
                await episode.save(update_fields=["proof_at", "proof"])
                await decide_account(ctx, account, cause=f"proof:{episode.id}")
        wake(ctx, f"live:{task.site_id}")
        await _record_done(ctx, task, note)

    await unit_of_work(work, "finish_task")


async def _record_done(ctx: Context, task: StaffTask, note: str, *, repeated: bool = False) -> None:
    facts = {"kind": task.kind, "repeated": repeated}
    await record(ctx, "staff.task.done", f"task:{task.id}", reason=note, facts=facts)


async def decide_trip(ctx: Context, account_id: int, is_trip: bool, reason: str) -> None:
    """Record the manager's decision about an account whose trip was held up to the debt cap.

    Errors: NotFound, NotInArrears.
    """

    async def work() -> None:
        account = await lock_account(account_id)
        if account.site_id != ctx.caller.site_id:
            raise NotFound()
        episode = await ArrearsEpisode.get_or_none(standing_key=str(account.id))
        if episode is None:
            raise NotInArrears()
        episode.decided_at, episode.decided_by, episode.decided_trip = (
            ctx.clock.now(),
            ctx.caller.id,
            is_trip,
        )
        await episode.save(update_fields=["decided_at", "decided_by", "decided_trip"])
        await decide_account(ctx, account, cause=f"episode:{episode.id}")
        wake(ctx, f"live:{account.site_id}")
        await record(
            ctx, "staff.decide_trip", f"account:{account.id}", reason=reason, facts={"trip": is_trip}
        )

    await unit_of_work(work, "decide_trip")
