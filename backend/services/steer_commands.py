"""What people do about a relay order under way (指令处置): take back what was not sent, send it again."""

import msgspec

from backend.context import Context
from backend.errors import NotFound, Refused
from backend.models.supply import OffReason, Supply, SupplyOrder
from backend.services.audit import record
from backend.services.control_supply import STAFF
from backend.services.decide_supply import decide_account, order_relay
from backend.services.locks import lock_account
from backend.services.work import wake
from backend.store import unit_of_work
from common.wire import OrderClass, Relay, Stage

STUCK = (Stage.UNREACHABLE, Stage.CONTRADICTED, Stage.REFUSED)


class NotYours(Refused):
    code = "not_your_command"
    message = "只能取消自己下达的断电指令"


class AlreadySent(Refused):
    """A restore is never taken back: that would be a trip without its second factor."""

    code = "already_sent"
    message = "指令已发往电表或已结束，不能取消；如需恢复供电请送电"


class NothingToRetry(Refused):
    code = "nothing_to_retry"
    message = "这条指令没有受阻，或已有更新的指令，无需重新下发"


def may_cancel(ctx: Context, order: SupplyOrder) -> bool:
    """Say whether the caller may take an order back: an own trip, no emergency, that was not sent."""
    return (
        order.ordered_by == ctx.caller.id
        and order.relay is Relay.OFF
        and STAFF in reasons_of(order)
        and order.sent_at is None
        and order.ended_at is None
        and "staff.trip" in ctx.caller.permissions
    )


def may_retry(ctx: Context, order: SupplyOrder, supply: Supply | None) -> bool:
    """Say whether the caller may have an order sent again: the newest of its meter, and stuck."""
    if supply is None or supply.generation != order.generation or order.verified_at is not None:
        return False
    right = "staff.trip" if order.relay is Relay.OFF else "staff.restore"
    return (order.trouble in STUCK or order.end_stage is Stage.REFUSED) and right in ctx.caller.permissions


def reasons_of(order: SupplyOrder) -> list[str]:
    return msgspec.json.decode(order.reasons, type=list[str])


async def cancel_command(ctx: Context, order_id: int, reason: str) -> None:
    """Take an own trip back before it was sent (取消断电). What else stands goes on standing.

    A second call is refused like any that comes too late. Errors: NotFound, NotYours, AlreadySent.
    """

    async def work() -> None:
        order, supply = await _locked(ctx, order_id)
        if order.ordered_by != ctx.caller.id or order.relay is not Relay.OFF:
            raise NotYours()
        if not may_cancel(ctx, order) or supply.generation != order.generation:
            raise AlreadySent()
        standing = await OffReason.get_or_none(standing_key=f"{order.meter_id}:{STAFF}")
        if standing is None or standing.placed_by != ctx.caller.id:
            raise NotYours()
        standing.lifted_by, standing.lifted_at, standing.standing_key = ctx.caller.id, ctx.clock.now(), None
        await standing.save(update_fields=["lifted_by", "lifted_at", "standing_key"])
        account = await lock_account(supply.account_id or 0)
        await decide_account(ctx, account, cause=f"staff:{ctx.caller.id}", note=f"取消断电：{reason}")
        facts = {"order_id": str(order.id), "generation": order.generation}
        await record(ctx, "staff.command.cancelled", f"meter:{order.meter_id}", reason=reason, facts=facts)
        wake(ctx, f"live:{order.site_id}")

    await unit_of_work(work, "cancel_command")


async def retry_command(ctx: Context, order_id: int) -> None:
    """Send an order that is stuck again under a new generation (重新下发). What is wanted stays the same.

    Errors: NotFound, Forbidden (a trip takes the right to trip), NothingToRetry.
    """

    async def work() -> None:
        order, supply = await _locked(ctx, order_id)
        ctx.need("staff.trip" if order.relay is Relay.OFF else "staff.restore")
        if not may_retry(ctx, order, supply):
            raise NothingToRetry()
        await order_relay(
            ctx,
            supply,
            relay=order.relay,
            order_class=OrderClass(order.order_class),
            reasons=tuple(reasons_of(order)),
            cause=order.cause,
            note=order.note,
            retries=order.retries + 1,
        )
        facts = {"order_id": str(order.id), "generation": supply.generation, "relay": order.relay.value}
        await record(ctx, "staff.command.retried", f"meter:{order.meter_id}", facts=facts)

    await unit_of_work(work, "retry_command")


async def _locked(ctx: Context, order_id: int) -> tuple[SupplyOrder, Supply]:
    """Return an order of the caller's site with its meter's supply, both locked, the account first."""
    order = await SupplyOrder.get_or_none(id=order_id, site_id=ctx.caller.site_id)
    if order is None:
        raise NotFound()
    supply = await Supply.get(meter_id=order.meter_id)
    if supply.account_id is not None:
        await lock_account(supply.account_id)
    supply = await Supply.filter(meter_id=order.meter_id).select_for_update().get()
    return await SupplyOrder.get(id=order_id), supply
