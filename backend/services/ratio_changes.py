"""Changing a meter's ratio (变比更改): asked for by one person, approved by another, from a reading on.

A ratio is a price. Energy up to a reading keeps the old one, energy after it has the new one, and no
interval is priced by both:

- a ratio that was entered wrong is corrected at the first accepted reading after the approval;
- transformers that are replaced are reported at the meter, while it is switched off, with the register as
  it shows then (or with the next reading, which is asked for at once): that register ends the old ratio.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from backend.context import Context
from backend.domain.readings import MeterFacts, most_energy_wh
from backend.domain.transformers import EnergySide, Transformers
from backend.errors import Invalid, NotFound, Refused
from backend.models.meters import Meter, MeterState, RatioChange
from backend.models.people import Approval
from backend.services import approvals
from backend.services.audit import record
from backend.services.file_names import names_of_staff, shop_names
from backend.services.read_requests import ask_reading
from backend.services.site_parts import RatedPower, Ratio, Reason, Side
from backend.services.work import wake
from backend.store import unit_of_work
from common.units import Watt

KIND = "ratio_change"
_MOST = 200


class NothingReplaced(Refused):
    code = "nothing_replaced"
    message = "这项更改尚未批准、已登记或已生效"


class RatioBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    ct_ratio: Ratio
    pt_ratio: Ratio = 1
    energy_side: Side = "secondary"
    rated_power_w: RatedPower
    replaced: bool  # The transformers themselves, not only what is written about them.
    reason: Reason


class RatioChangeView(Struct, frozen=True, kw_only=True):
    ratio_change_id: str
    meter_id: str
    serial: str
    shop: str  # Number and name; empty for a public area's meter.
    ct_ratio: int
    pt_ratio: int
    energy_side: str
    rated_power_w: int
    ratio: int
    ratio_before: int | None
    replaced: bool
    reason: str
    asked_by: str
    asked_name: str
    asked_at: datetime
    decided_by: str | None
    decided_name: str
    from_at: datetime | None
    register_wh: int | None
    applied_at: datetime | None
    state: (
        str  # "asked", "approved" (waits for the replacement), "due" (for a reading), "applied", "refused".
    )


async def ask_ratio_change(ctx: Context, meter_id: int, body: RatioBody) -> str:
    """Ask; at most one change stands for a meter. Errors: NotFound, Invalid, AlreadyAsked."""

    async def work() -> str:
        meter = await _meter(ctx, meter_id)
        asked = Transformers(body.ct_ratio, body.pt_ratio, EnergySide(body.energy_side))
        if asked == meter.transformers and body.rated_power_w == meter.rated_power_w:
            raise Invalid(fields={"ct_ratio": "与现在的变比相同"})
        standing = await RatioChange.filter(standing_key=str(meter.id)).select_for_update().first()
        if standing is not None:
            if standing.approved_at is not None:
                raise approvals.AlreadyAsked()
            standing.standing_key = None
            await standing.save(update_fields=["standing_key"])
        approval = await approvals.ask(ctx, KIND, meter.id, body.reason)
        change = await RatioChange.create(
            id=ctx.ids.new(),
            site_id=meter.site_id,
            meter_id=meter.id,
            ct_ratio=body.ct_ratio,
            pt_ratio=body.pt_ratio,
            energy_side=asked.energy_side,
            rated_power_w=body.rated_power_w,
            replaced=body.replaced,
            approval_id=approval.id,
            standing_key=str(meter.id),
        )
        facts = _facts(change)
        await record(ctx, "staff.ratio.ask", f"meter:{meter.id}", reason=body.reason, facts=facts)
        return str(change.id)

    return await unit_of_work(work, "ratio_change")


async def decide_ratio_change(ctx: Context, ratio_change_id: int, granted: bool) -> None:
    """Answer somebody else's wish; one that waits for its reading can still be taken back.

    Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired.
    """

    async def work() -> None:
        change = await _change(ctx, ratio_change_id)
        is_waiting = change.approved_at is not None and change.standing_key is not None
        if granted or not is_waiting:
            await approvals.decide(ctx, KIND, change.approval_id, granted)
        now = ctx.clock.now()
        if not granted:
            change.standing_key = None  # Refused, or taken back before any reading.
        else:
            change.approved_at = now
            if not change.replaced:
                change.from_at = now
                await ask_reading(ctx, change.site_id, change.meter_id, "ratio", asked_by=ctx.caller.id)
        await change.save()
        facts = {**_facts(change), "granted": granted}
        await record(ctx, "staff.ratio.approve", f"meter:{change.meter_id}", facts=facts)
        wake(ctx, f"live:{change.site_id}")

    await unit_of_work(work, "ratio_change")


async def report_replaced(ctx: Context, ratio_change_id: int, register_wh: int | None) -> None:
    """Say that the transformers are being replaced now, the meter standing at register_wh (None: read it).

    Errors: NotFound, NothingReplaced, Invalid (the meter cannot stand there).
    """

    async def work() -> None:
        change = await _change(ctx, ratio_change_id)
        if change.approved_at is None or change.from_at is not None or change.standing_key is None:
            raise NothingReplaced()
        meter = await _meter(ctx, change.meter_id)
        now = ctx.clock.now()
        if register_wh is not None:
            await _need_possible(meter, register_wh, now)
        change.from_at, change.register_wh = now, register_wh
        await change.save(update_fields=["from_at", "register_wh"])
        await ask_reading(ctx, meter.site_id, meter.id, "ratio", asked_by=ctx.caller.id)
        facts = {**_facts(change), "register_wh": register_wh}
        await record(ctx, "staff.ratio.replaced", f"meter:{meter.id}", facts=facts)

    await unit_of_work(work, "ratio_change")


async def list_ratio_changes(ctx: Context, meter_id: int | None = None) -> list[RatioChangeView]:
    """Return the site's newest changes, or one meter's: open ones and what became of the others."""
    wanted = RatioChange.filter(site_id=ctx.caller.site_id)
    if meter_id is not None:
        wanted = wanted.filter(meter_id=meter_id)
    found = await wanted.order_by("-id").limit(_MOST)
    asked = {row.id: row for row in await Approval.filter(id__in=[one.approval_id for one in found])}
    meters = {row.id: row for row in await Meter.filter(id__in=[one.meter_id for one in found])}
    names, shops = await names_of_staff(ctx.caller.site_id), await shop_names(ctx.caller.site_id)
    return [_view(one, asked[one.approval_id], meters[one.meter_id], names, shops) for one in found]


async def _need_possible(meter: Meter, register_wh: int, now: datetime) -> None:
    state = await MeterState.get(meter_id=meter.id)
    if state.register_wh is None or state.read_at is None:
        return
    facts = MeterFacts(meter.transformers.ratio, Watt(meter.rated_power_w), meter.register_step_wh)
    rise_wh = register_wh - state.register_wh
    most_wh = most_energy_wh(facts, max(now - state.read_at, timedelta()))
    if rise_wh < 0 or rise_wh * facts.ratio > most_wh:
        raise Invalid(fields={"register_wh": f"上次抄表为 {state.register_wh / 1000:.2f} kWh，请核对表底"})


async def _change(ctx: Context, ratio_change_id: int) -> RatioChange:
    change = await RatioChange.filter(id=ratio_change_id).select_for_update().first()
    if change is None or change.site_id != ctx.caller.site_id:
        raise NotFound()
    return change


async def _meter(ctx: Context, meter_id: int) -> Meter:
    meter = await Meter.filter(id=meter_id, retired_at=None).select_for_update().first()
    if meter is None or meter.site_id != ctx.caller.site_id:
        raise NotFound()
    return meter


def _facts(change: RatioChange) -> dict[str, object]:
    return {
        "ratio_change": str(change.id),
        "ct_ratio": change.ct_ratio,
        "pt_ratio": change.pt_ratio,
        "energy_side": change.energy_side.value,
        "rated_power_w": change.rated_power_w,
        "replaced": change.replaced,
    }


def _view(
    change: RatioChange, approval: Approval, meter: Meter, names: Mapping[int, str], shops: Mapping[int, str]
) -> RatioChangeView:
    if change.applied_at is not None:
        state = "applied"
    elif change.standing_key is None:
        state = "refused"
    elif change.approved_at is None:
        state = "asked"
    else:
        state = "due" if change.from_at is not None else "approved"
    return RatioChangeView(
        ratio_change_id=str(change.id),
        meter_id=str(change.meter_id),
        serial=meter.serial,
        shop=shops.get(meter.account_id or 0, ""),
        ct_ratio=change.ct_ratio,
        pt_ratio=change.pt_ratio,
        energy_side=change.energy_side.value,
        rated_power_w=change.rated_power_w,
        ratio=Transformers(change.ct_ratio, change.pt_ratio, change.energy_side).ratio,
        ratio_before=change.ratio_before,
        replaced=change.replaced,
        reason=approval.reason,
        asked_by=str(approval.asked_by),
        asked_name=names.get(approval.asked_by, ""),
        decided_name=names.get(approval.decided_by or 0, ""),
        asked_at=approval.asked_at,
        decided_by=None if approval.decided_by is None else str(approval.decided_by),
        from_at=change.from_at,
        register_wh=change.register_wh,
        applied_at=change.applied_at,
        state=state,
    )
