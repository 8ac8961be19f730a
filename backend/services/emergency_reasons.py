"""Why a meter was switched off in an emergency (紧急断电补填原因): asked for within 24 hours.

Nobody writes a reason while a shop is on fire. The task stands from the trip on; a day later its absence
is an alarm, which ends with the reason.
"""

from datetime import timedelta

from backend.context import Context
from backend.errors import NotFound, Refused
from backend.models.meters import Meter
from backend.models.operations import StaffTask
from backend.models.supply import OffReason
from backend.services.alarm_book import clear_alarm, raise_alarm
from backend.services.alarm_places import place_of
from backend.services.audit import record
from backend.services.tasks import EMERGENCY_REASON, open_task
from backend.services.work import check_emergency_reason, wake
from backend.store import unit_of_work

EXPLAINED_WITHIN = timedelta(hours=24)
UNEXPLAINED = "emergency_unexplained"
_SAFETY = "safety"


class NothingToExplain(Refused):
    code = "nothing_to_explain"
    message = "该表没有待补填原因的紧急断电"


async def ask_for_reason(ctx: Context, meter: Meter, placed: OffReason) -> None:
    """Put the missing reason on the list, inside the trip's unit of work."""
    await open_task(
        ctx,
        meter.site_id,
        EMERGENCY_REASON,
        cause=_cause(placed.id),
        text=f"请在 24 小时内补填{await place_of(meter)}紧急断电的原因",
        account_id=meter.account_id,
    )
    await check_emergency_reason(ctx, placed.id, placed.placed_at + EXPLAINED_WITHIN)


async def explain_emergency(ctx: Context, meter_id: int, reason: str) -> None:
    """Write down why a meter's newest unexplained emergency trip was made, lifted or not.

    Errors: NotFound, NothingToExplain.
    """
    meter = await Meter.get_or_none(id=meter_id, site_id=ctx.caller.site_id)
    if meter is None:
        raise NotFound()

    async def work() -> None:
        row = (
            await OffReason.filter(meter_id=meter_id, reason=_SAFETY, note="")
            .order_by("-id")
            .select_for_update()
            .first()
        )
        if row is None:
            raise NothingToExplain()
        await _explain(ctx, row, reason)
        await StaffTask.filter(cause=_cause(row.id), done_at=None).update(
            done_at=ctx.clock.now(), done_by=ctx.caller.id, note=reason[:200]
        )
        await record(ctx, "staff.emergency.explained", f"meter:{meter_id}", reason=reason)
        wake(ctx, f"live:{meter.site_id}")

    await unit_of_work(work, "explain_emergency")


async def explain_by_task(ctx: Context, task: StaffTask, reason: str) -> None:
    """Take a finished task's note as the reason; inside its unit of work."""
    number = task.cause.removeprefix(_cause(""))
    row = await OffReason.get_or_none(id=int(number)) if number.isdecimal() else None
    if row is not None and not row.note:
        await _explain(ctx, row, reason)


async def raise_unexplained(ctx: Context, off_reason_id: int) -> None:
    """Raise an alarm about an emergency trip that nobody has explained in time; harmless when repeated."""

    async def work() -> None:
        row = await OffReason.get_or_none(id=off_reason_id)
        if row is None or row.note:
            return
        meter = await Meter.get(id=row.meter_id)
        await raise_alarm(
            ctx,
            row.site_id,
            UNEXPLAINED,
            str(row.id),
            f"{await place_of(meter)}紧急断电已超过 24 小时仍未补填原因，请当班经理督促补填",
            severity="minor",
            meter_id=meter.id,
            account_id=meter.account_id,
        )
        wake(ctx, f"live:{row.site_id}")

    await unit_of_work(work, "raise_unexplained")


async def _explain(ctx: Context, row: OffReason, reason: str) -> None:
    row.note = reason[:200]
    await row.save(update_fields=["note"])
    await clear_alarm(ctx, UNEXPLAINED, str(row.id))


def _cause(off_reason_id: object) -> str:
    return f"emergency:{off_reason_id}"
