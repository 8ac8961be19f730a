"""Follow power limits (功率限值): samples and time → domain.power_limit → alarm, message, reason, restore.

Called inside a unit of work with the account locked. The reason to be off is a row beside the others:
arrears, their notice, windows and keep-supply have no part in it, and no payment lifts it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.power_limit import (
    Act,
    PowerState,
    PowerStep,
    Sample,
    follow,
    follow_night,
    handed_over,
    lifted,
)
from backend.domain.power_limit import PowerWatch as PowerWatched
from backend.domain.supply import Reason
from backend.domain.windows import windows_from
from backend.messages.port import NoticeLevel
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.operations import StaffTask
from backend.models.power import PowerWatch
from backend.models.supply import OffReason
from backend.services.alarm_book import clear_alarm, raise_alarm
from backend.services.alarm_places import place_of
from backend.services.decide_supply import decide_account
from backend.services.load_trips import note_load_trips
from backend.services.locks import lock_account, lock_states
from backend.services.power_watches import (
    limit_of,
    lock_watches,
    new_watch,
    night_limit_of,
    night_of,
    night_rules_of,
    note_night,
    note_watch,
    rules_of,
    watch_of,
)
from backend.services.site_policy import SitePolicy, policy_of
from backend.services.supply_facts import estimated_of
from backend.services.tasks import open_task
from backend.services.warn import make_notice
from backend.services.work import check_power, wake
from common.units import Watt
from common.wire import Relay

OVER_POWER, NIGHT_POWER = "over_power", "night_power"
HELD_TASK = "power_limit"
CAUSE = "power_limit"


class Seen(Struct, frozen=True):
    """What one reading says beside its register, accepted or peeked; power on the primary side."""

    meter: Meter
    at: datetime
    power_w: int | None
    relay: Relay
    load_tripped: bool | None


async def follow_power(
    ctx: Context, site_id: int, accounts: Mapping[int, Account], seen: Sequence[Seen]
) -> None:
    """Follow the meters of a batch of readings; the batch's accounts are locked, its states are written."""
    await note_load_trips(ctx, site_id, [(one.meter, one.relay, one.load_tripped) for one in seen])
    by_meter: dict[int, list[Seen]] = {}
    for one in seen:
        account = accounts.get(one.meter.account_id or 0)
        limits = () if account is None else (account.power_limit_w, account.night_limit_w)
        if one.power_w is not None and any(limit is not None for limit in limits):
            by_meter.setdefault(one.meter.id, []).append(one)
    if not by_meter:
        return
    policy = await policy_of(site_id)
    rows = await lock_watches(sorted(by_meter))
    for meter_id, found in sorted(by_meter.items()):
        meter = found[0].meter
        account = accounts[meter.account_id or 0]
        limits_w = [limit for limit in (account.power_limit_w, account.night_limit_w) if limit is not None]
        row = rows.get(meter_id)
        if row is None and not any((one.power_w or 0) > min(limits_w) for one in found):
            continue
        samples = [Sample(one.at, Watt(one.power_w)) for one in found if one.power_w is not None]
        await _follow_one(ctx, account, meter, row or new_watch(meter), samples, policy)


async def look_at_power(ctx: Context, meter_id: int) -> datetime | None:
    """Follow one meter through time alone; return when to look again, None when only a sample can tell."""
    meter = await Meter.get_or_none(id=meter_id)
    if meter is None or meter.account_id is None:
        return None
    account = await lock_account(meter.account_id)
    row = (await lock_watches([meter_id])).get(meter_id)
    if row is None:
        return None
    policy = await policy_of(meter.site_id)
    step = await _follow_one(ctx, account, meter, row, [], policy, is_job=True)
    return step.check_at


async def follow_limit(ctx: Context, account: Account, meter: Meter) -> None:
    """Follow one meter after its limits have changed: what is no longer over anything ends."""
    row = (await lock_watches([meter.id])).get(meter.id)
    if row is not None:
        await _follow_one(ctx, account, meter, row, [], await policy_of(meter.site_id))


async def lift_by_person(ctx: Context, account: Account, meter: Meter) -> None:
    """A person has lifted the reason, whatever the state: it begins from nothing, with all its restores."""
    row = (await lock_watches([meter.id])).get(meter.id)
    if row is None:
        return
    note_watch(row, lifted(watch_of(row), ctx.clock.now()))
    row.state_since_at = ctx.clock.now()
    await row.save()
    await clear_alarm(ctx, OVER_POWER, str(meter.id))
    await StaffTask.filter(account_id=account.id, kind=HELD_TASK, done_at=None).update(
        done_at=ctx.clock.now(), done_by=ctx.caller.id or None, note="已人工送电"
    )


async def pass_on(ctx: Context, account: Account, old: Meter, new: Meter) -> None:
    """A meter was replaced: the limit is the shop's, so what stands of it goes on behind the new one."""
    rows = await lock_watches(sorted((old.id, new.id)))
    await PowerWatch.filter(meter_id__in=[old.id, new.id]).delete()
    before = rows.get(old.id)
    watch = None if before is None else handed_over(watch_of(before))
    if before is None or watch is None or watch == PowerWatched():
        return
    row = new_watch(new)
    note_watch(row, watch)
    row.state_since_at, row.over_w = before.state_since_at, before.over_w
    await row.save(force_create=True)
    if watch.state is PowerState.TRIPPED and watch.tripped_at is not None:
        rules = rules_of(account, await policy_of(new.site_id))
        await check_power(ctx, new.id, watch.tripped_at + rules.restore)


async def _follow_one(
    ctx: Context,
    account: Account,
    meter: Meter,
    row: PowerWatch,
    samples: Sequence[Sample],
    policy: SitePolicy,
    *,
    is_job: bool = False,
) -> PowerStep:
    now = ctx.clock.now()
    before, night_before = watch_of(row), night_of(row)
    rules = rules_of(account, policy)
    step = follow(before, samples, limit_of(account), rules, now)
    hours = windows_from(policy.power_night_hours, False, [])
    night, night_act = follow_night(
        night_before, samples, night_limit_of(account), hours, night_rules_of(rules, policy)
    )
    if step.watch == before and night == night_before:
        return step
    is_new_state = step.watch.state is not before.state
    note_watch(row, step.watch)
    note_night(row, night)
    if samples and step.watch.streak is not None:
        row.over_w = samples[-1].power_w
    if is_new_state:
        row.state_since_at = now
    await row.save()
    await _tell_night(ctx, account, meter, samples, night_act)
    for act in step.acts:
        await _act(ctx, account, meter, row, act)
    if Act.TRIP in step.acts or Act.RESTORE in step.acts:
        await decide_account(ctx, account, cause=CAUSE)
    if is_new_state:
        wake(ctx, f"live:{meter.site_id}")
        if step.check_at is not None and not is_job:
            await check_power(ctx, meter.id, step.check_at)
    return step


async def _act(ctx: Context, account: Account, meter: Meter, row: PowerWatch, act: Act) -> None:
    match act:
        case Act.CALM:
            await clear_alarm(ctx, OVER_POWER, str(meter.id))
        case Act.TELL:
            await _tell(ctx, account, meter, row)
        case Act.TRIP:
            await _place(ctx, account, meter, row)
        case Act.ASK_PERSON:
            said = f"自动送电 {row.retries} 次后仍超过功率限值，已断电，请核实后人工送电"
            await open_task(
                ctx,
                meter.site_id,
                HELD_TASK,
                cause=f"{HELD_TASK}:{meter.id}:{ctx.clock.now().timestamp():.0f}",
                text=f"{await place_of(meter)}{said}",
                account_id=account.id,
            )
        case Act.RESTORE:
            await OffReason.filter(standing_key=_key(meter)).update(
                lifted_at=ctx.clock.now(), lifted_by=None, standing_key=None
            )


async def _tell(ctx: Context, account: Account, meter: Meter, row: PowerWatch) -> None:
    """Tell the staff and the shop's people, before anything is done about it."""
    facts = {"power_w": row.over_w, "limit_w": account.power_limit_w, "retries": row.retries}
    where = await place_of(meter)
    await raise_alarm(
        ctx,
        meter.site_id,
        OVER_POWER,
        str(meter.id),
        f"{where}功率 {_kw(row.over_w)}，超过限值 {_kw(account.power_limit_w)}，继续超限将断电",
        severity="major",
        meter_id=meter.id,
        account_id=account.id,
        facts=facts,
    )
    estimated = estimated_of(account, await lock_states(account.id))
    cause = f"POWER:{meter.id}:{ctx.clock.now().timestamp():.3f}"
    await make_notice(ctx, account, NoticeLevel.POWER, cause, estimated, None)


async def _place(ctx: Context, account: Account, meter: Meter, row: PowerWatch) -> None:
    if await OffReason.exists(standing_key=_key(meter)):
        return
    await OffReason.create(
        id=ctx.ids.new(),
        site_id=meter.site_id,
        meter_id=meter.id,
        reason=Reason.POWER_LIMIT.value,
        note=f"功率 {_kw(row.over_w)}，限值 {_kw(account.power_limit_w)}",
        placed_by=None,
        placed_at=ctx.clock.now(),
        standing_key=_key(meter),
    )


async def _tell_night(
    ctx: Context, account: Account, meter: Meter, samples: Sequence[Sample], act: Act | None
) -> None:
    if act is Act.CALM:
        await clear_alarm(ctx, NIGHT_POWER, str(meter.id))
    elif act is Act.TELL:
        power_w = samples[-1].power_w
        limit = _kw(account.night_limit_w)
        text = f"{await place_of(meter)}夜间功率 {_kw(power_w)}，超过夜间限值 {limit}，请核实"
        await raise_alarm(
            ctx,
            meter.site_id,
            NIGHT_POWER,
            str(meter.id),
            text,
            severity="minor",
            meter_id=meter.id,
            account_id=account.id,
            facts={"power_w": power_w, "limit_w": account.night_limit_w},
        )


def _key(meter: Meter) -> str:
    return f"{meter.id}:{Reason.POWER_LIMIT.value}"


def _kw(power_w: int | None) -> str:
    return "未知" if power_w is None else f"{power_w / 1000:.2f} kW"
