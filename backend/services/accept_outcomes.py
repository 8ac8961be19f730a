"""Take in how relay orders went (指令进展). A step is remembered once; an old generation only ends.

The supply row is rewritten by the newest generation alone; nothing here decides about a relay, except
that an expired trip is taken back, so that it can be decided anew on fresh facts.
"""

import msgspec
from tortoise.expressions import Q

from backend.context import Context
from backend.logs import logger
from backend.metrics import observe_paid_to_verified, observe_relay_order
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.supply import Supply, SupplyOrder
from backend.services.alarm_book import clear_alarm, raise_alarm
from backend.services.alarm_places import place_of
from backend.services.collector_link import own_collector
from backend.services.decide_supply import decide_account, order_relay
from backend.services.locks import lock_account
from backend.services.own_meters import own_meters
from backend.services.work import wake
from backend.store import after_commit, unit_of_work
from common.wire import BatchAnswer, OrderClass, Outcome, OutcomeBatch, Relay, Stage

_log = logger(__name__)

_TIMES = {
    Stage.SENT: "sent_at",
    Stage.ACKNOWLEDGED: "acknowledged_at",
    Stage.COMMANDED: "commanded_at",
    Stage.VERIFIED: "verified_at",
}
_TRIP_ENDS = {Stage.VERIFIED, Stage.REFUSED, Stage.EXPIRED, Stage.SUPERSEDED}
_RESTORE_ENDS = {Stage.VERIFIED, Stage.SUPERSEDED}  # Never given up, whatever the meter says.
_TROUBLES = {Stage.UNREACHABLE, Stage.CONTRADICTED, Stage.REFUSED, Stage.EXPIRED}
_RANK = {
    Stage.SENT: 1,
    Stage.UNREACHABLE: 1,
    Stage.ACKNOWLEDGED: 2,
    Stage.COMMANDED: 3,
    Stage.CONTRADICTED: 3,
    Stage.VERIFIED: 4,
    Stage.REFUSED: 4,
    Stage.EXPIRED: 4,
    Stage.SUPERSEDED: 4,
}


async def accept_outcomes(ctx: Context, batch: OutcomeBatch) -> BatchAnswer:
    """Remember the steps of a batch, in order; a repeated batch changes nothing.

    Errors: Forbidden when a meter is another collector's.
    """
    collector = await own_collector(ctx)
    meters = await own_meters(collector, {item.meter_id for item in batch.outcomes})
    refused = dict.fromkeys({item.meter_id for item in batch.outcomes} - set(meters), "没有这块表")
    for outcome in batch.outcomes:
        meter = meters.get(outcome.meter_id)
        if meter is not None:
            await _take(ctx, meter, outcome)
    return BatchAnswer(epoch=batch.epoch, number=batch.number, server_time=ctx.clock.now(), refused=refused)


async def _take(ctx: Context, meter: Meter, outcome: Outcome) -> None:
    await unit_of_work(lambda: _write(ctx, meter, outcome), "accept_outcome")


async def _write(ctx: Context, meter: Meter, outcome: Outcome) -> None:
    account = await lock_account(meter.account_id) if meter.account_id else None
    supply = await Supply.filter(meter_id=meter.id).select_for_update().first()
    order = await SupplyOrder.get_or_none(meter_id=meter.id, generation=outcome.generation)
    if supply is None or order is None:
        return  # Nothing that we ever ordered: a collector's old spool, or a meter of another life.
    if order.end_stage is Stage.VERIFIED and outcome.stage is Stage.CONTRADICTED:
        # It was off and now current flows: the trip has ended, the alarm has not.
        if outcome.generation == supply.generation:
            await _alarm(ctx, meter, order, outcome)
        return
    is_news = await _note_order(ctx, order, outcome)
    if not is_news:
        return
    if outcome.generation == supply.generation:
        await _note_supply(ctx, meter, supply, order, outcome)
        if outcome.stage is Stage.EXPIRED and account is not None:
            await _take_back(ctx, account, supply)
    wake(ctx, f"live:{meter.site_id}")
    if outcome.stage is Stage.VERIFIED:
        after_commit(lambda: _tell(ctx, order))
    if order.cause.startswith("top_up:"):
        wake(ctx, order.cause)


def _tell(ctx: Context, order: SupplyOrder) -> None:
    """Say when a verified step was committed: the end of "paid means powered"."""
    word = "restore" if order.relay is Relay.ON else "trip"
    observe_relay_order(word, "verified", (ctx.clock.now() - order.ordered_at).total_seconds())
    _log.info(
        "supply_verified",
        cause=order.cause,
        relay=order.relay.value,
        committed_at=ctx.clock.now().isoformat(),
    )


async def _note_order(ctx: Context, order: SupplyOrder, outcome: Outcome) -> bool:
    if order.end_stage is not None:
        return False
    name = _TIMES.get(outcome.stage)
    if name is not None and getattr(order, name) is not None:
        return False
    if name is not None:
        setattr(order, name, outcome.at)
        order.trouble = None
    elif outcome.stage in _TROUBLES:
        if order.trouble is outcome.stage:
            return False
        order.trouble = outcome.stage
    if outcome.stage in (_TRIP_ENDS if order.relay is Relay.OFF else _RESTORE_ENDS):
        order.ended_at, order.end_stage = ctx.clock.now(), outcome.stage
    detail = msgspec.json.decode(order.detail or "{}", type=dict[str, str])
    detail[outcome.stage.value] = f"{outcome.at.isoformat()} {outcome.relay.value} {outcome.detail}".strip()
    order.detail = msgspec.json.encode(detail).decode()
    await order.save()
    return True


async def _note_supply(
    ctx: Context, meter: Meter, supply: Supply, order: SupplyOrder, outcome: Outcome
) -> None:
    if supply.stage is None or _RANK[outcome.stage] >= _RANK[supply.stage]:
        supply.stage, supply.stage_at = outcome.stage, outcome.at
    if outcome.stage is Stage.VERIFIED:
        supply.verified_generation = outcome.generation
        await _verified(ctx, meter, order)
    await supply.save(update_fields=["stage", "stage_at", "verified_generation"])
    if outcome.relay is not Relay.UNKNOWN:
        # What the meter says, beside what it shall be: a fact of its own.
        older = Q(relay_at=None) | Q(relay_at__lte=outcome.at)
        await MeterState.filter(older, meter_id=meter.id).update(relay=outcome.relay, relay_at=outcome.at)
    await _alarm(ctx, meter, order, outcome)


async def _verified(ctx: Context, meter: Meter, order: SupplyOrder) -> None:
    for kind in ("restore_late", "order_unreachable", "order_contradicted", "order_refused"):
        await clear_alarm(ctx, kind, str(meter.id))
    if order.relay is Relay.ON and order.cause.startswith("top_up:"):
        # Booked and ordered in one transaction, whatever way the money came.
        observe_paid_to_verified((ctx.clock.now() - order.ordered_at).total_seconds())


async def _alarm(ctx: Context, meter: Meter, order: SupplyOrder, outcome: Outcome) -> None:
    where = {"meter_id": meter.id, "account_id": meter.account_id}
    word = "送电" if order.relay is Relay.ON else "断电"
    if outcome.stage not in (Stage.UNREACHABLE, Stage.CONTRADICTED, Stage.REFUSED):
        return
    place = await place_of(meter)
    if outcome.stage is Stage.UNREACHABLE:
        text = f"{place}没有应答，{word}指令在继续重试。请检查该表供电与通讯接线；应答后自动执行"
        severity = "urgent" if order.relay is Relay.ON else "major"
        await raise_alarm(
            ctx, meter.site_id, "order_unreachable", str(meter.id), text, severity=severity, **where
        )
    elif outcome.stage is Stage.CONTRADICTED:
        text = f"{place}显示已断开但仍有电流：触点粘连或旁路。请立即到现场核查，切勿视为已停电"
        await raise_alarm(
            ctx, meter.site_id, "order_contradicted", str(meter.id), text, severity="urgent", **where
        )
    elif outcome.stage is Stage.REFUSED:
        text = f"{place}拒绝了{word}指令（{outcome.detail}）。请核对该表的控制密码、操作权限与编程状态"
        await raise_alarm(
            ctx, meter.site_id, "order_refused", str(meter.id), text, severity="urgent", **where
        )


async def _take_back(ctx: Context, account: Account, supply: Supply) -> None:
    """A trip that was not started in time is over: supply stays on, and the engine looks again."""
    if supply.desired is Relay.OFF:
        await order_relay(
            ctx, supply, relay=Relay.ON, order_class=OrderClass.RESTORE, reasons=(), cause="expired"
        )
        await decide_account(ctx, account, cause="expired")
