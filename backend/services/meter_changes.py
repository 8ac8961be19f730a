"""Replace a meter (换表): asked for by one person, carried out when another one approves.

The old meter's last register closes its interval, everything that it has accrued is charged at once, and it
is retired. The new one begins at its own first register, with the same account and the same desired state
under a generation of its own. Undo is another change: a meter that comes back keeps its id and generations.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from backend.context import Context
from backend.domain.readings import Accepted, most_energy_wh
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterChange
from backend.services import approvals
from backend.services.accrue import accepted_of
from backend.services.audit import record
from backend.services.control_supply import own_meter
from backend.services.decide_supply import decide_account
from backend.services.doubtful import facts_of
from backend.services.file_names import names_of_staff, shop_names
from backend.services.locks import lock_account, lock_state
from backend.services.meter_succession import RatioIsDue, close_old, find_or_make_new, hand_over
from backend.services.ratio_boundaries import RatioBoundaries, drop_waiting
from backend.services.site_plan import renew_plan
from backend.services.site_wiring import check_wiring
from backend.services.work import wake
from backend.store import unit_of_work

CHANGE = "change_meter"
OLDEST = timedelta(days=3)  # A change is registered while its registers can still be looked up.


class Replacement(Struct, frozen=True, kw_only=True):
    """What is different about the new meter; None: as the old one."""

    serial: str
    register_wh: int  # What it showed when it was put in.
    unit: int | None = None
    address: str | None = None
    profile: str | None = None
    ct_ratio: int | None = None
    rated_power_w: int | None = None
    register_step_wh: int | None = None


class SerialInUse(Refused):
    code = "serial_in_use"
    message = "表号已在使用"


class UnitInUse(Refused):
    code = "unit_in_use"
    message = "该总线上的这个地址已有电表"


class RegisterHasPassed(Refused):
    code = "register_has_passed"
    message = "旧表已抄到更大的示数，请按最新示数重新申请"


class UnlikelyRegister(Refused):
    code = "unlikely_register"
    message = "末次示数超过旧表这段时间可能的用电量，请核对后确认"


class ChangeView(Struct, frozen=True, kw_only=True):
    """One change. The registers are as the meters show them; energy_wh was charged to close the old one."""

    change_id: str
    account_id: str | None
    shop: str  # Number and name; empty for a public area's meter.
    old_meter_id: str
    old_serial: str
    old_register_wh: int
    old_source: str
    new_meter_id: str | None
    new_meter: Replacement
    changed_at: datetime
    reason: str
    asked_by: str
    asked_name: str
    asked_at: datetime
    done_by: str | None
    done_name: str
    done_at: datetime | None
    energy_wh: int | None
    state: str  # "asked", "done", "refused".


async def ask_change(
    ctx: Context,
    meter_id: int,
    new: Replacement,
    *,
    reason: str,
    old_register_wh: int | None,
    changed_at: datetime | None,
    confirmed: bool,
) -> str:
    """Ask for a change and return its id; at most one waits for a meter.

    old_register_wh: typed from the old meter; None: the newest accepted register. changed_at: when the old
    one was taken off; None: now. confirmed: the register is right although the meter can hardly have come to
    it. Errors: NotFound, SerialInUse, UnitInUse, RegisterHasPassed, UnlikelyRegister, Invalid, AlreadyAsked.
    """
    now = ctx.clock.now()
    changed_at = changed_at or now
    if not now - OLDEST <= changed_at <= now:
        raise Invalid(fields={"changed_at": "换表时间须在最近 3 天之内"})
    meter = await own_meter(ctx, meter_id)

    async def work() -> str:
        if meter.account_id is not None:
            await lock_account(meter.account_id)
        last = accepted_of(await lock_state(meter.id))
        source = "read" if old_register_wh is None else "typed"
        if old_register_wh is None and last is None:
            raise Invalid(fields={"old_register_wh": "旧表从未抄到示数，请填写末次示数"})
        register_wh = old_register_wh if old_register_wh is not None else last.register_wh if last else 0
        if last is not None and source == "typed":
            _check(meter, last, Accepted(max(changed_at, last.read_at), register_wh), confirmed)
        await _check_new(meter, new)
        approval = await approvals.ask(ctx, CHANGE, meter.id, reason, site_id=meter.site_id)
        change = await MeterChange.create(
            id=ctx.ids.new(),
            site_id=meter.site_id,
            account_id=meter.account_id,
            old_meter_id=meter.id,
            line_id=meter.line_id,
            unit=meter.unit,
            changed_at=changed_at,
            old_register_wh=register_wh,
            old_source=source,
            new_meter=msgspec.json.encode(new).decode(),
            reason=reason[:200],
            asked_by=ctx.caller.id,
            asked_at=now,
            approval_id=approval.id,
        )
        await _record(ctx, "staff.meter.change", change, {"new": structs.asdict(new)})
        return str(change.id)

    return await unit_of_work(work, "ask_change")


async def decide_change(ctx: Context, change_id: int, granted: bool) -> None:
    """Approve a change, which carries it out, or refuse it. Whoever asked may only take it back.

    Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired; and what asking refuses.
    """

    async def work() -> None:
        change = await _own_change(ctx, change_id)
        account = await lock_account(change.account_id) if change.account_id is not None else None
        await approvals.decide(ctx, CHANGE, change.approval_id, granted)
        if granted:
            await _carry_out(ctx, change, account)
        else:
            change.refused_at = ctx.clock.now()
            await change.save(update_fields=["refused_at"])
        facts = {"granted": granted, "energy_wh": change.energy_wh, "new_meter_id": change.new_meter_id}
        await _record(ctx, "staff.meter.change.approve", change, facts)

    await unit_of_work(work, "decide_change")


async def list_changes(ctx: Context) -> list[ChangeView]:
    """Return the site's changes, newest first, 200 at most."""
    found = await MeterChange.filter(site_id=ctx.caller.site_id).order_by("-id").limit(200)
    serials = {row.id: row.serial for row in await Meter.filter(id__in=[one.old_meter_id for one in found])}
    names, shops = await names_of_staff(ctx.caller.site_id), await shop_names(ctx.caller.site_id)
    return [_view(row, serials[row.old_meter_id], names, shops) for row in found]


async def _carry_out(ctx: Context, change: MeterChange, account: Account | None) -> None:
    old = await own_meter(ctx, change.old_meter_id)
    if old.account_id != change.account_id:
        raise NotFound()  # It has gone to another shop since.
    new = msgspec.json.decode(change.new_meter, type=Replacement)
    await _check_new(old, new)
    state = await lock_state(old.id)
    last = accepted_of(state)
    end = Accepted(change.changed_at, change.old_register_wh)
    if last is not None:
        # A register that was read goes on being read until the change is approved.
        end = (
            last if change.old_source == "read" else Accepted(max(end.read_at, last.read_at), end.register_wh)
        )
        if end.register_wh < last.register_wh:
            raise RegisterHasPassed()
    meters = {str(old.id): old}
    ratios = await RatioBoundaries.of(meters)
    old = meters[str(old.id)]
    ratios.begin(old, last)
    columns = {"unit": old.unit, **_columns(new)}
    change.energy_wh = await close_old(ctx, old, account, state, last, end, ratios)
    taken_off_at = max(change.changed_at, end.read_at)
    is_passed_over = ratios.boundary(old.id, end, taken_off_at) is not None
    ratios.accepted(old, taken_off_at)  # What was due before holds for the new one.
    if is_passed_over or ratios.is_due(old):
        raise RatioIsDue()
    await ratios.write(ctx)
    await drop_waiting(old.id)
    made = await find_or_make_new(ctx, old, columns)
    await check_wiring(old.site_id, meters={made.id})
    first = Accepted(end.read_at, new.register_wh)
    await hand_over(ctx, old, made, account, first=first, cause=f"meter_change:{change.id}")
    await Meter.filter(id=old.id).update(account_id=None)
    change.new_meter_id, change.changed_at = made.id, end.read_at
    change.old_register_wh = end.register_wh
    change.done_by, change.done_at = ctx.caller.id, ctx.clock.now()
    await change.save()
    if account is not None:
        await decide_account(ctx, account, cause=f"meter_change:{change.id}")
    await renew_plan(ctx, old.site_id)
    wake(ctx, f"live:{old.site_id}")


def _check(meter: Meter, last: Accepted, end: Accepted, confirmed: bool) -> None:
    facts = facts_of(meter)
    if end.register_wh < last.register_wh:
        raise RegisterHasPassed()
    rise_wh = (end.register_wh - last.register_wh) * facts.ratio
    if rise_wh > most_energy_wh(facts, end.read_at - last.read_at) and not confirmed:
        raise UnlikelyRegister()


async def _check_new(old: Meter, new: Replacement) -> None:
    if await Meter.filter(site_id=old.site_id, serial=new.serial, retired_at=None).exists():
        raise SerialInUse()
    unit = old.unit if new.unit is None else new.unit
    if await Meter.filter(line_id=old.line_id, unit=unit, retired_at=None).exclude(id=old.id).exists():
        raise UnitInUse()


def _columns(new: Replacement) -> dict[str, Any]:
    """Return the columns of the new meter that differ from the old one's."""
    said = structs.asdict(new)
    del said["register_wh"]
    return {name: value for name, value in said.items() if value is not None}


async def _own_change(ctx: Context, change_id: int) -> MeterChange:
    change = await MeterChange.get_or_none(id=change_id, site_id=ctx.caller.site_id)
    if change is None:
        raise NotFound()
    return change


async def _record(ctx: Context, operation: str, change: MeterChange, facts: dict[str, Any]) -> None:
    shown = {"change_id": str(change.id), "old_register_wh": change.old_register_wh, **facts}
    await record(ctx, operation, f"meter:{change.old_meter_id}", reason=change.reason, facts=shown)


def _view(row: MeterChange, serial: str, names: Mapping[int, str], shops: Mapping[int, str]) -> ChangeView:
    state: Literal["asked", "done", "refused"] = "asked"
    if row.done_at is not None or row.refused_at is not None:
        state = "done" if row.done_at is not None else "refused"
    return ChangeView(
        change_id=str(row.id),
        account_id=_text(row.account_id),
        shop=shops.get(row.account_id or 0, ""),
        old_serial=serial,
        old_meter_id=str(row.old_meter_id),
        old_register_wh=row.old_register_wh,
        old_source=row.old_source,
        new_meter_id=_text(row.new_meter_id),
        new_meter=msgspec.json.decode(row.new_meter, type=Replacement),
        changed_at=row.changed_at,
        reason=row.reason,
        asked_by=str(row.asked_by),
        asked_name=names.get(row.asked_by, ""),
        done_name=names.get(row.done_by or 0, ""),
        done_at=row.done_at,
        asked_at=row.asked_at,
        done_by=_text(row.done_by),
        energy_wh=row.energy_wh,
        state=state,
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
