"""Things for people to do (人工待办). Once per cause; called inside a unit of work."""

from backend.context import Context
from backend.models.operations import StaffTask
from backend.services.work import wake

NO_PROOF = "no_proof"  # Nobody is known to have got the last warning: call them.
OVER_CAP = "over_cap"  # Something held the trip up to the debt cap: the manager decides.
EMERGENCY_REASON = "emergency_reason"  # Why was it switched off in an emergency?
PAYMENT_MISMATCH = "payment_mismatch"  # Money that we cannot account for: finance looks at it.


async def open_task(
    ctx: Context, site_id: int, kind: str, *, cause: str, text: str, account_id: int | None = None
) -> None:
    """Put something on the staff's list, once per cause."""
    if not await StaffTask.exists(cause=cause):
        await StaffTask.create(
            id=ctx.ids.new(),
            site_id=site_id,
            kind=kind,
            cause=cause,
            text=text[:200],
            account_id=account_id,
            opened_at=ctx.clock.now(),
        )
        wake(ctx, f"live:{site_id}")
