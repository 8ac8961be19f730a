"""Decide and order supply (送电决定与下发). The account must be locked; nothing here leaves the database.

Facts → domain.supply.decide → rows: the desired state with a greater generation, its order, the arrears
episode, read requests, tasks, and the next time to look.
"""

from datetime import datetime, timedelta

import msgspec

from backend.context import Context
from backend.domain.supply import Ask, Hold, Reason, SupplyDecision, decide, is_arrears
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.models.supply import ArrearsEpisode, EpisodeEnd, Supply, SupplyOrder
from backend.services.collector_link import TRIP_LIFETIME
from backend.services.locks import lock_states
from backend.services.read_requests import ask_reading
from backend.services.supply_facts import AccountFacts, account_facts, meter_facts
from backend.services.tasks import NO_PROOF, OVER_CAP, open_task
from backend.services.warn import tell_last, warn_account
from backend.services.work import check_supply, wake, watch_restore
from common.units import Fen
from common.wire import OrderClass, Relay, Stage

WATCH_AFTER = timedelta(seconds=5)


async def decide_account(ctx: Context, account: Account, cause: str, note: str = "") -> None:
    """Bring levels, arrears and every meter's desired state of one account up to date.

    cause: what set it going, kept with the orders: "top_up:<order_no>", "reading", "staff:<id>", "time".
    note: why, in the words of the person who set it going.
    Harmless when repeated: it orders only what differs.
    """
    states = await lock_states(account.id)
    supplies = await Supply.filter(account_id=account.id).order_by("meter_id").select_for_update()
    if not supplies:
        return
    shared = await account_facts(ctx, account, states)
    episode = await _follow_arrears(ctx, account, shared)
    await warn_account(ctx, account, shared.estimated_fen, _oldest(states), shared.now)
    checks = []
    for supply in supplies:
        decision = decide(await meter_facts(account, shared, supply, episode))
        await _apply(ctx, account, supply, episode, decision, cause, note)
        if decision.check_at is not None:
            checks.append(decision.check_at)
    if checks:
        await check_supply(ctx, account.id, min(checks))


async def order_relay(
    ctx: Context,
    supply: Supply,
    *,
    relay: Relay,
    order_class: OrderClass,
    reasons: tuple[str, ...],
    cause: str,
    note: str = "",
    retries: int = 0,
) -> None:
    """Give a meter a new desired state: the next generation, its order, and the wake-up after commit.

    Supersedes the order before. The supply row is locked.
    """
    now = ctx.clock.now()
    await SupplyOrder.filter(meter_id=supply.meter_id, ended_at=None).update(
        ended_at=now, end_stage=Stage.SUPERSEDED
    )
    supply.generation += 1
    supply.desired, supply.order_class = relay, order_class
    supply.desired_at, supply.stage_at = now, None
    supply.stage = None
    supply.first_write_until_at = now + TRIP_LIFETIME if relay is Relay.OFF else None
    await supply.save()
    await SupplyOrder.create(
        id=ctx.ids.new(),
        site_id=supply.site_id,
        meter_id=supply.meter_id,
        account_id=supply.account_id,
        generation=supply.generation,
        relay=relay,
        order_class=order_class,
        reasons=msgspec.json.encode(list(reasons)).decode(),
        cause=cause[:160],
        ordered_by=int(cause.removeprefix("staff:")) if cause.startswith("staff:") else None,
        ordered_at=now,
        note=note[:200],
        retries=retries,
    )
    if relay is Relay.ON:
        await watch_restore(ctx, supply.meter_id, supply.generation, WATCH_AFTER)
    wake(ctx, f"desired:{supply.site_id}")
    wake(ctx, f"live:{supply.site_id}")


async def _follow_arrears(ctx: Context, account: Account, shared: AccountFacts) -> ArrearsEpisode | None:
    """Begin or end the account's arrears episode, and send the last warning when it begins."""
    arrears = is_arrears(
        account.in_arrears,
        shared.estimated_fen,
        Fen(account.overdraft_fen),
        Fen(account.restore_level_fen),
    )
    key = str(account.id)
    episode = await ArrearsEpisode.get_or_none(standing_key=key)
    if arrears and episode is None:
        episode = await ArrearsEpisode.create(
            id=ctx.ids.new(),
            site_id=account.site_id,
            account_id=account.id,
            began_at=shared.now,
            standing_key=key,
        )
    if arrears and episode is not None and episode.warned_at is None:
        await tell_last(ctx, account, episode, shared.estimated_fen)
    if not arrears and episode is not None:
        episode.ended_at, episode.end, episode.standing_key = shared.now, EpisodeEnd.PAID, None
        await episode.save(update_fields=["ended_at", "end", "standing_key"])
        episode = None
    if arrears != account.in_arrears:
        account.in_arrears = arrears
        await account.save(update_fields=["in_arrears"])
    return episode


async def _apply(
    ctx: Context,
    account: Account,
    supply: Supply,
    episode: ArrearsEpisode | None,
    decision: SupplyDecision,
    cause: str,
    note: str,
) -> None:
    holds = msgspec.json.encode([hold.value for hold in decision.holds]).decode()
    if supply.holds != holds or supply.check_at != decision.check_at:
        supply.holds, supply.check_at = holds, decision.check_at
        await supply.save(update_fields=["holds", "check_at"])
    relay = Relay.ON if decision.on else Relay.OFF
    reasons = tuple(reason.value for reason in decision.reasons)
    if relay is not supply.desired or (relay is Relay.OFF and await _are_other(supply, reasons)):
        is_safety = Reason.SAFETY in decision.reasons
        off_class = OrderClass.SAFETY if is_safety else OrderClass.TRIP
        await order_relay(
            ctx,
            supply,
            relay=relay,
            order_class=OrderClass.RESTORE if decision.on else off_class,
            reasons=reasons,
            cause=cause,
            note=note,
        )
    if episode is not None:
        await _note_episode(ctx, account, supply, episode, decision)


async def _are_other(supply: Supply, reasons: tuple[str, ...]) -> bool:
    """Tell whether a meter that is off is off for other reasons now: written down, nothing is sent.

    The order keeps its generation; only an emergency is ordered anew, ahead of everything on the line.
    """
    order = await SupplyOrder.get_or_none(meter_id=supply.meter_id, generation=supply.generation)
    if order is None:
        return True
    before = msgspec.json.decode(order.reasons, type=list[str])
    if tuple(before) == reasons:
        return False
    if Reason.SAFETY.value in reasons and Reason.SAFETY.value not in before:
        return True
    is_debt_alone = set(before) == {Reason.ARREARS.value}
    if is_debt_alone and set(reasons) - set(before) and supply.verified_generation != supply.generation:
        return True  # A meter that its own keep-supply holds on: this trip lifts that, one for debt does not.
    order.reasons = msgspec.json.encode(list(reasons)).decode()
    await order.save(update_fields=["reasons"])
    return False


async def _note_episode(
    ctx: Context, account: Account, supply: Supply, episode: ArrearsEpisode, decision: SupplyDecision
) -> None:
    changed: list[str] = []
    if Hold.BAND in decision.holds:
        episode.trip_not_before_at = ctx.clock.now()
        changed.append("trip_not_before_at")
    if decision.held_order_no is not None and decision.held_order_no != episode.held_order_no:
        episode.held_order_no = decision.held_order_no
        episode.order_holds += 1
        changed += ["held_order_no", "order_holds"]
    if Ask.MANAGER in decision.asks and episode.capped_at is None:
        episode.capped_at = ctx.clock.now()
        changed.append("capped_at")
        await _task(ctx, account, OVER_CAP, episode, "欠费已超过上限，自动断电被推迟，请经理裁定")
    if changed:
        await episode.save(update_fields=changed)
    if Ask.CALL_TENANT in decision.asks:
        await _task(ctx, account, NO_PROOF, episode, "最后预警没有送达回执，请电话通知商户并登记")
    if Ask.CONFIRMING_READ in decision.asks and decision.confirm_due_at is not None:
        wait = max(timedelta(), decision.confirm_due_at - ctx.clock.now())
        await ask_reading(ctx, supply.site_id, supply.meter_id, "confirm", wait=wait)


async def _task(ctx: Context, account: Account, kind: str, episode: ArrearsEpisode, text: str) -> None:
    await open_task(
        ctx, account.site_id, kind, cause=f"{kind}:{episode.id}", text=text, account_id=account.id
    )


def _oldest(states: list[MeterState]) -> datetime | None:
    return min((state.read_at for state in states if state.read_at is not None), default=None)
