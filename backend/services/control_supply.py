"""Staff control of supply (远程控制): trip, emergency trip, restore, read now."""

from datetime import timedelta

from backend.context import Context
from backend.errors import NotFound, Refused
from backend.models.meters import Meter, MeterKind
from backend.models.supply import OffReason, Supply
from backend.services.approvals import ask, decide, standing
from backend.services.audit import record
from backend.services.decide_supply import decide_account, order_relay
from backend.services.emergency_reasons import ask_for_reason
from backend.services.load_trips import is_load_tripped
from backend.services.locks import lock_account
from backend.services.power_limit import lift_by_person
from backend.services.read_requests import ask_reading
from backend.services.work import wake
from backend.store import unit_of_work
from common.wire import OrderClass, Relay

UNDO_FOR = timedelta(seconds=60)  # An emergency trip by mistake is taken back by the same person.
SAFETY, STAFF, POWER_LIMIT = "safety", "staff", "power_limit"
LIFT, LIFT_PERMISSION = "lift_emergency", "staff.restore.emergency_lift"


class NotPrepaid(Refused):
    code = "not_prepaid"
    message = "公区表没有继电器，不能远程断送电"


class NothingToLift(Refused):
    code = "nothing_to_lift"
    message = "这块表没有人工断电，无需送电；欠费断电在交费后自动恢复"


class NobodyAsked(Refused):
    code = "nobody_asked"
    message = "没有待处理的解除紧急断电申请"


class SecondPersonNeeded(Refused):
    code = "second_person_needed"
    message = "解除紧急断电需要另一人批准，申请已提交"


async def own_meter(ctx: Context, meter_id: int) -> Meter:
    """Return a meter of the caller's site. Errors: NotFound."""
    meter = await Meter.get_or_none(id=meter_id, site_id=ctx.caller.site_id, retired_at=None)
    if meter is None:
        raise NotFound()
    return meter


async def trip(ctx: Context, meter_id: int, reason: str) -> None:
    """Switch a shop off for a reason of the staff's (人工断电); a second call is harmless.

    The caller has shown the second factor. Errors: NotFound, NotPrepaid.
    """
    meter = await prepaid_meter(ctx, meter_id)
    await unit_of_work(lambda: _place(ctx, meter, STAFF, reason, "staff.trip"), "staff_trip")


async def emergency_trip(ctx: Context, meter_id: int, reason: str) -> None:
    """Switch a meter off at once (紧急断电); the reason may follow within 24 hours. Errors as `trip`."""
    meter = await prepaid_meter(ctx, meter_id)

    async def work() -> None:
        placed = await _place(ctx, meter, SAFETY, reason, "staff.trip.emergency")
        if placed is not None and not reason:
            await ask_for_reason(ctx, meter, placed)

    await unit_of_work(work, "staff_trip")


async def restore(ctx: Context, meter_id: int, reason: str) -> None:
    """Lift what the staff and the power limit placed (人工送电). Money is not touched: arrears stay arrears.

    An emergency trip is lifted by a second person, or within 60 s by the one who placed it.
    Errors: NotFound, NotPrepaid, NothingToLift, Forbidden (an emergency takes a right of its own),
    SecondPersonNeeded (the wish is then on record).
    """
    meter = await prepaid_meter(ctx, meter_id)
    if await unit_of_work(lambda: _lift(ctx, meter, reason), "staff_restore"):
        return
    raise SecondPersonNeeded()


async def refuse_lift(ctx: Context, meter_id: int, reason: str) -> None:
    """Leave an emergency as it is (驳回解除): refuse the wish of another person, or take the own one back.

    Errors: NotFound, NobodyAsked.
    """
    meter = await prepaid_meter(ctx, meter_id)

    async def work() -> None:
        row = await OffReason.get_or_none(standing_key=f"{meter.id}:{SAFETY}")
        asked = await standing(ctx, LIFT, row.id) if row is not None else None
        if asked is None:
            raise NobodyAsked()
        await decide(ctx, LIFT, asked.id, granted=False)
        facts = {"own": asked.asked_by == ctx.caller.id}
        await record(ctx, "staff.lift.refused", f"meter:{meter.id}", reason=reason, facts=facts)
        wake(ctx, f"live:{meter.site_id}")

    await unit_of_work(work, "refuse_lift")


async def read_now(ctx: Context, meter_id: int) -> str:
    """Ask for a reading now (立即抄表) and return the request's id; one that stands is used again."""
    meter = await own_meter(ctx, meter_id)

    async def work() -> str:
        return await ask_reading(ctx, meter.site_id, meter.id, "staff", asked_by=ctx.caller.id or None)

    return await unit_of_work(work, "read_now")


async def prepaid_meter(ctx: Context, meter_id: int) -> Meter:
    """Return a shop's meter of the caller's site. Errors: NotFound, NotPrepaid."""
    meter = await own_meter(ctx, meter_id)
    if meter.kind is not MeterKind.PREPAID or meter.account_id is None:
        raise NotPrepaid()
    return meter


async def _place(ctx: Context, meter: Meter, reason: str, note: str, operation: str) -> OffReason | None:
    """Write a reason to be off down and decide; None when it stood already."""
    assert meter.account_id is not None
    account = await lock_account(meter.account_id)
    key = f"{meter.id}:{reason}"
    placed = None
    if not await OffReason.exists(standing_key=key):
        placed = await OffReason.create(
            id=ctx.ids.new(),
            site_id=meter.site_id,
            meter_id=meter.id,
            reason=reason,
            note=note[:200],
            placed_by=ctx.caller.id or None,
            placed_at=ctx.clock.now(),
            standing_key=key,
        )
    await decide_account(ctx, account, cause=f"staff:{ctx.caller.id}", note=note)
    wake(ctx, f"live:{meter.site_id}")
    await record(ctx, operation, f"meter:{meter.id}", reason=note)
    return placed


async def _lift(ctx: Context, meter: Meter, note: str) -> bool:
    assert meter.account_id is not None
    account = await lock_account(meter.account_id)
    reasons = await OffReason.filter(meter_id=meter.id, standing_key__isnull=False).order_by("id")
    if not reasons:
        await _switch_on_again(ctx, meter, note)
        return True
    left, lifted = 0, []
    for row in reasons:
        if row.reason == SAFETY and not await _may_lift(ctx, row, note):
            left += 1
            continue
        row.lifted_by, row.lifted_at, row.standing_key = ctx.caller.id, ctx.clock.now(), None
        await row.save(update_fields=["lifted_by", "lifted_at", "standing_key"])
        lifted.append(row.reason)
        if row.reason == POWER_LIMIT:
            await lift_by_person(ctx, account, meter)
    await decide_account(ctx, account, cause=f"staff:{ctx.caller.id}", note=note)
    wake(ctx, f"live:{meter.site_id}")
    await record(
        ctx, "staff.restore", f"meter:{meter.id}", reason=note, facts={"waiting": left, "lifted": lifted}
    )
    return left == 0


async def _switch_on_again(ctx: Context, meter: Meter, note: str) -> None:
    """Order a meter on that shall be on and has switched itself off (负荷跳闸)."""
    supply = await Supply.filter(meter_id=meter.id).select_for_update().get()
    if supply.desired is not Relay.ON or not await is_load_tripped(meter):
        raise NothingToLift()
    restore_class, cause = OrderClass.RESTORE, f"staff:{ctx.caller.id}"
    await order_relay(
        ctx, supply, relay=Relay.ON, order_class=restore_class, reasons=(), cause=cause, note=note
    )
    await record(ctx, "staff.restore", f"meter:{meter.id}", reason=note, facts={"load_trip": True})


async def _may_lift(ctx: Context, row: OffReason, note: str) -> bool:
    """Two people lift an emergency: the first asks, another one does it within a day."""
    if row.placed_by == ctx.caller.id and ctx.clock.now() - row.placed_at <= UNDO_FOR:
        return True
    ctx.need(LIFT_PERMISSION)
    asked = await standing(ctx, LIFT, row.id)
    if asked is None:
        await ask(ctx, LIFT, row.id, note, site_id=row.site_id)
        return False
    if asked.asked_by == ctx.caller.id:
        return False
    await decide(ctx, LIFT, asked.id, granted=True)
    return True
