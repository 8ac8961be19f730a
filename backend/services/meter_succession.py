"""One meter follows another (换表): registers closed and begun, account and desired state handed over.

Called inside the unit of work of a meter change, with the account and the old meter's state locked.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from backend.context import Context
from backend.domain.charging import charge_day_of
from backend.domain.readings import Accepted, Verdict, judge_as_said
from backend.errors import Refused
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterKind, MeterState
from backend.models.site import Line
from backend.models.supply import OffReason, ReadRequest, Supply, SupplyOrder
from backend.services.accrue import Accruals, go_on_from
from backend.services.cut_day import charge_accounts
from backend.services.decide_supply import order_relay
from backend.services.doubtful import facts_of
from backend.services.line_owners import need_nothing_left
from backend.services.meter_secrets import open_control, resealed
from backend.services.power_limit import pass_on
from backend.services.ratio_boundaries import RatioBoundaries
from backend.services.readings_store import CHANGED, TYPED, reading_row, write_readings, write_states
from backend.services.site_meters import free_unit
from backend.services.site_wiring import end_alarms
from common.wire import OrderClass, Relay, Stage


class RatioIsDue(Refused):
    code = "ratio_is_due"
    message = "旧表的变比更改正等待抄表生效，与换表示数或时间不符：请先完成或撤回变比更改"


class NoTariffYet(Refused):
    code = "no_price_then"
    message = "旧表最后一段用电没有生效的电价，请先补录电价"


async def close_old(
    ctx: Context,
    old: Meter,
    account: Account | None,
    state: MeterState,
    last: Accepted | None,
    end: Accepted,
    ratios: RatioBoundaries,
) -> int:
    """Charge the old meter up to its last register and take it out of use; its address is free again.

    The account's open accruals become entries now: an accrual must not outlive its meter's account.
    Returns the energy charged to close it. A register at which its transformers were replaced divides it.
    """
    accounts = [] if account is None else [account]
    accruals = await Accruals.of(old.site_id, accounts, [state], ctx.clock.now())
    energy_wh = 0
    boundary = ratios.boundary(old.id, last, end.read_at)
    for piece in (end,) if boundary is None else (boundary, end):
        if last is not None and piece != last:
            if piece.register_wh < last.register_wh:
                raise RatioIsDue()
            judged = judge_as_said(last, piece, facts_of(old))
            if accruals.close(old, account, state, last, piece, judged, at=piece.read_at) is None:
                raise NoTariffYet()
            energy_wh += judged.energy_wh
            ratios.accepted(old, piece.read_at)
            last = piece
    seen = [] if boundary is None else [_row(ctx, old, boundary, Verdict.ACCEPTED, TYPED)]
    await write_readings([*seen, _row(ctx, old, end, Verdict.ACCEPTED)])
    await accruals.write()
    state.quarantined_at = state.silent_since_at = None
    await write_states([state])
    if account is not None:
        await charge_accounts(ctx, {account.id: account}, charge_day_of(ctx.clock.now()))
    old.retired_at = ctx.clock.now()
    old.unit = await free_unit(old.line_id)
    await old.save(update_fields=["retired_at", "account_id", "unit"])
    await MeterState.filter(meter_id=old.id).update(account_id=None)
    await ReadRequest.filter(meter_id=old.id, standing_key__isnull=False).update(standing_key=None)
    await end_alarms(ctx, old.site_id, old.id)
    return energy_wh


async def find_or_make_new(ctx: Context, old: Meter, columns: dict[str, Any]) -> Meter:
    """Return the meter that follows, on the old one's address; a retired one of that serial comes back."""
    values = {name: getattr(old, name) for name in Meter._meta.db_fields if name != "id"}
    values |= {"retired_at": None, **columns}
    made = await Meter.filter(site_id=old.site_id, serial=columns["serial"]).first()
    if made is not None and made.retired_at is not None:
        await need_nothing_left(old.site_id, made.line_id, await Line.get(id=old.line_id), made.retired_at)
    number = ctx.ids.new() if made is None else made.id
    key = ctx.settings.secret_key  # What opens a breaker is sealed for one meter: anew for this one.
    control = open_control(key, old.id, old.control_sealed)
    values["control_sealed"] = resealed(key, number, "", control, ctx.random)
    if made is None:
        return await Meter.create(id=number, **values)
    await made.update_from_dict(values).save()
    return made


async def hand_over(
    ctx: Context, old: Meter, new: Meter, account: Account | None, *, first: Accepted, cause: str
) -> None:
    """Let the new meter begin at its first register, with what the old one's relay should be.

    The relay is ordered at once, also ON: the new meter proves its contact, and who was off stays off.
    """
    links = {"site_id": new.site_id, "account_id": new.account_id}
    state, _ = await MeterState.get_or_create(defaults=links, meter_id=new.id)
    state.account_id = new.account_id
    state.quarantined_at = state.silent_since_at = state.relay_at = state.shown_at = None
    state.period_table_at = state.clock_at = state.period_table = state.clock_offset_ms = None
    state.relay, state.forced, state.power_w = Relay.UNKNOWN, None, None
    go_on_from(state, first)
    await state.save()
    await write_readings([_row(ctx, new, first, Verdict.FIRST)])
    if new.kind is not MeterKind.PREPAID:
        return
    before = await Supply.filter(meter_id=old.id).select_for_update().first()
    supply, _ = await Supply.get_or_create(defaults=links, meter_id=new.id)
    supply.account_id = new.account_id
    relay, order_class, reasons = Relay.ON, OrderClass.RESTORE, "[]"
    if before is not None:
        relay, order_class = before.desired, before.order_class
        order = await SupplyOrder.get_or_none(meter_id=old.id, generation=before.generation)
        reasons = "[]" if order is None else order.reasons
        before.account_id = None
        await before.save(update_fields=["account_id"])
    await SupplyOrder.filter(meter_id=old.id, ended_at=None).update(
        ended_at=ctx.clock.now(), end_stage=Stage.SUPERSEDED
    )
    await _move_reasons(ctx, old, new)
    if account is not None:
        await pass_on(ctx, account, old, new)
    why = tuple(msgspec.json.decode(reasons, type=list[str]))
    await order_relay(ctx, supply, relay=relay, order_class=order_class, reasons=why, cause=cause)


async def _move_reasons(ctx: Context, old: Meter, new: Meter) -> None:
    """What holds the shop off other than money holds it off behind the new meter, too."""
    now = ctx.clock.now()
    for row in await OffReason.filter(meter_id=old.id, standing_key__isnull=False):
        await OffReason.create(
            id=ctx.ids.new(),
            site_id=new.site_id,
            meter_id=new.id,
            reason=row.reason,
            note=row.note,
            placed_by=row.placed_by,
            placed_at=row.placed_at,
            standing_key=f"{new.id}:{row.reason}",
        )
        row.lifted_at, row.lifted_by, row.standing_key = now, ctx.caller.id, None
        await row.save(update_fields=["lifted_at", "lifted_by", "standing_key"])


def _row(ctx: Context, meter: Meter, end: Accepted, verdict: Verdict, kind: str = CHANGED) -> Sequence[Any]:
    return reading_row(meter, kind, verdict, end=end, received_at=ctx.clock.now())
