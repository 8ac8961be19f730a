"""Meters added, hung elsewhere and retired while the mall runs (电表档案).

A retired meter keeps its rows and its history; its address on the line is free for another one. The same
serial added again is the same meter, and begins again: what it counted meanwhile is nobody's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.domain.transformers import EnergySide
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterKind, MeterState
from backend.models.power import PowerWatch
from backend.models.site import Line, Shop
from backend.models.supply import OffReason, Supply
from backend.services.line_owners import need_nothing_left, need_same_owner
from backend.services.locks import lock_account
from backend.services.meter_models import known_families
from backend.services.meter_secrets import Control, open_control, resealed
from backend.services.ratio_boundaries import drop_waiting
from backend.services.row_ids import id_of
from backend.services.site_parts import (
    Address,
    Code,
    ControlWord,
    Kind,
    Name,
    Place,
    RatedPower,
    Ratio,
    Register,
    Side,
    Unit,
)
from backend.services.site_wiring import change_site, check_wiring, end_alarms, own, planned

_RETIRED_UNITS = 1_000  # From here on: addresses that retired meters no longer have.


class MeterInUse(Refused):
    """It counts for an open account: another meter takes its place first."""

    code = "meter_in_use"
    message = "表 {serial} 正在为商铺计费，请先换表或销户"


class MeterExists(Refused):
    code = "meter_exists"
    message = "表号 {serial} 已存在"


class Hanging(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a meter hangs and how it is read; all of it can be changed at any time."""

    unit: Unit
    profile: Name
    rated_power_w: RatedPower
    place: Place = ""
    shop_code: str = ""  # Empty: a public meter, or one that waits for a tenant.
    status_block_at: Register | None = None
    permit: bool = False
    address: Address = ""
    control_password: ControlWord | None = None  # Secrets; None: as they are.
    operator: ControlWord | None = None


class NewMeter(Hanging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    serial: Code
    kind: Kind
    ct_ratio: Ratio = 1
    pt_ratio: Ratio = 1
    energy_side: Side = "secondary"


class ChangedMeter(Hanging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    line_id: str


class Added(Struct, frozen=True):
    """profile_unconfirmed: no collector has said yet which models it can read."""

    meter_id: str
    serial: str
    profile_unconfirmed: bool


async def add_meters(ctx: Context, line_id: int, parts: Sequence[NewMeter]) -> list[Added]:
    """Add meters to a line in one change. Errors: NotFound, MeterExists, OtherCollector, Invalid."""

    async def work(site_id: int) -> list[Added]:
        line = await own(Line, site_id, line_id)
        meters = [await _add(ctx, site_id, line, part) for part in parts]
        await check_wiring(site_id, meters={meter.id for meter in meters})
        unknown = await known_families(site_id) is None
        facts = {"line": line.code, "meters": {part.serial: part.unit for part in parts}}
        await planned(ctx, site_id, "staff.site.add_meters", f"line:{line.id}", facts=facts)
        return [Added(str(meter.id), meter.serial, unknown) for meter in meters]

    return await change_site(ctx, work)


async def change_meter(ctx: Context, meter_id: int, part: ChangedMeter) -> None:
    """Change how a meter hangs and is read; transformers have a way of their own (变比更改).

    Errors: NotFound, MeterInUse (another shop's while its own account is open), OtherCollector, Invalid.
    """

    async def work(site_id: int) -> None:
        meter = await _own_meter(site_id, meter_id)
        line = await own(Line, site_id, id_of(part.line_id) or 0)
        before = {"line_id": str(meter.line_id), "unit": meter.unit, "profile": meter.profile}
        account = await _account(site_id, meter.kind, part.shop_code)
        if meter.account_id is not None and (account is None or account.id != meter.account_id):
            await _need_closed(meter)
        await need_same_owner(site_id, meter.line_id, line)
        await _need_unit(line, part.unit, meter.id)
        await _hang(ctx, meter, line, part, account)
        await meter.save()
        await check_wiring(site_id, meters={meter.id})
        facts = {"before": before, "line_id": part.line_id, "unit": part.unit, "profile": part.profile}
        await planned(ctx, site_id, "staff.site.change_meter", f"meter:{meter.id}", facts=facts)

    await change_site(ctx, work)


async def retire_meters(ctx: Context, meter_ids: Sequence[str], reason: str) -> None:
    """Take meters out; their history stays. Errors: NotFound, MeterInUse."""

    async def work(site_id: int) -> None:
        meters = [
            await _own_meter(site_id, number) for number in sorted({id_of(one) or 0 for one in meter_ids})
        ]
        for meter in meters:
            await _need_closed(meter)
        for meter in meters:
            await _retire(ctx, meter, ctx.clock.now())
        facts = {"meters": {meter.serial: str(meter.id) for meter in meters}}
        object_ = f"meter:{meters[0].id}" if len(meters) == 1 else f"site:{site_id}"
        await planned(ctx, site_id, "staff.site.retire_meters", object_, reason=reason, facts=facts)

    await change_site(ctx, work)


async def free_unit(line_id: int) -> int:
    """Return an address beyond all real ones, for a meter that is retired."""
    last = await Meter.filter(line_id=line_id).order_by("-unit").first()
    return max(_RETIRED_UNITS, last.unit + 1 if last else 0)


async def begin_again(meter: Meter) -> None:
    """Forget where a retired meter's register stood: its next reading is a first one."""
    await MeterState.filter(meter_id=meter.id).update(
        read_at=None,
        register_wh=None,
        period_registers=None,
        power_w=None,
        quarantined_at=None,
        silent_since_at=None,
        account_id=meter.account_id,
    )
    await Supply.filter(meter_id=meter.id).update(account_id=meter.account_id)


async def make_rows(site_id: int, meter: Meter) -> None:
    """Make what every meter has beside its own row, where it is missing."""
    links = {"site_id": site_id, "account_id": meter.account_id}
    for table in (MeterState, Supply) if meter.kind is MeterKind.PREPAID else (MeterState,):
        if not await table.exists(meter_id=meter.id):
            await table.create(meter_id=meter.id, **links)


async def _add(ctx: Context, site_id: int, line: Line, part: NewMeter) -> Meter:
    await _need_unit(line, part.unit, None)
    account = await _account(site_id, MeterKind(part.kind), part.shop_code)
    values: dict[str, Any] = {
        "kind": MeterKind(part.kind),
        "ct_ratio": part.ct_ratio,
        "pt_ratio": part.pt_ratio,
        "energy_side": EnergySide(part.energy_side),
    }
    meter = await Meter.filter(site_id=site_id, serial=part.serial).select_for_update().first()
    if meter is None:
        meter = Meter(id=ctx.ids.new(), site_id=site_id, serial=part.serial, **values)
        await _hang(ctx, meter, line, part, account)
        await meter.save(force_create=True)
    elif meter.retired_at is None:
        raise MeterExists(serial=part.serial)
    else:
        await need_nothing_left(site_id, meter.line_id, line, meter.retired_at)
        meter.update_from_dict({**values, "retired_at": None})
        await _hang(ctx, meter, line, part, account)
        await meter.save()
        await begin_again(meter)
    await make_rows(site_id, meter)
    return meter


async def _hang(ctx: Context, meter: Meter, line: Line, part: Hanging, account: Account | None) -> None:
    key = ctx.settings.secret_key
    before = open_control(key, meter.id, meter.control_sealed)
    control = Control(
        (part.control_password or before.password).upper(), (part.operator or before.operator).upper()
    )
    meter.control_sealed = resealed(key, meter.id, meter.control_sealed, control, ctx.random)
    meter.line_id, meter.unit, meter.profile = line.id, part.unit, part.profile
    meter.rated_power_w, meter.place, meter.address = part.rated_power_w, part.place, part.address
    meter.status_block_at, meter.permit = part.status_block_at, part.permit
    if meter.account_id != (account.id if account else None):
        meter.account_id = account.id if account else None
        await begin_again(meter)


async def _retire(ctx: Context, meter: Meter, now: datetime) -> None:
    meter.retired_at, meter.unit, meter.account_id = now, await free_unit(meter.line_id), None
    await meter.save(update_fields=["retired_at", "unit", "account_id"])
    await MeterState.filter(meter_id=meter.id).update(
        account_id=None, silent_since_at=None, quarantined_at=None
    )
    await Supply.filter(meter_id=meter.id).update(account_id=None)
    await drop_waiting(meter.id)
    await PowerWatch.filter(meter_id=meter.id).delete()
    # Whoever it belongs to when it comes back begins without the reasons of the shop before.
    await OffReason.filter(meter_id=meter.id, standing_key__isnull=False).update(
        lifted_at=now, lifted_by=ctx.caller.id or None, standing_key=None
    )
    await end_alarms(ctx, meter.site_id, meter.id)


async def _own_meter(site_id: int, meter_id: int) -> Meter:
    meter = await Meter.filter(id=meter_id, site_id=site_id, retired_at=None).select_for_update().first()
    if meter is None:
        raise NotFound()
    return meter


async def _need_closed(meter: Meter) -> None:
    """Refuse while the meter's account is open: its energy would be nobody's from now on."""
    if meter.account_id is None:
        return
    account = await lock_account(meter.account_id)
    if account.closed_at is None:
        raise MeterInUse(serial=meter.serial)


async def _need_unit(line: Line, unit: int, but: int | None) -> None:
    taken = await Meter.filter(line_id=line.id, unit=unit).first()
    if taken is not None and taken.id != but:
        raise Invalid(fields={"unit": f"同一总线上地址 {unit} 重复，已用于表 {taken.serial}"})


async def _account(site_id: int, kind: MeterKind, shop_code: str) -> Account | None:
    """Return the open account of a shop; None for none. Errors: Invalid."""
    if not shop_code:
        return None
    if kind is MeterKind.PUBLIC:
        raise Invalid(fields={"shop_code": "公区表不能属于商铺"})
    shop = await Shop.get_or_none(site_id=site_id, code=shop_code)
    account = await Account.filter(shop_id=shop.id, closed_at=None).first() if shop else None
    if account is None:
        raise Invalid(fields={"shop_code": f"商铺 {shop_code} 不存在或没有开户"})
    return account
