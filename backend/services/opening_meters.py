"""Free meters taken over by a new account (开户用表): each begins at its opening register (开户示数).

What a meter counted before that register is nobody's on this account: the interval before it is never priced,
and readings that come late for it are stored and shown alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.domain.readings import Accepted, Verdict, most_energy_wh
from backend.errors import Bug
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterKind, MeterState, RatioChange
from backend.models.people import Approval
from backend.models.power import PowerWatch
from backend.models.site import Shop
from backend.models.supply import OffReason, Supply
from backend.services.accrue import accepted_of, go_on_from
from backend.services.alarm_book import clear_alarm
from backend.services.control_supply import POWER_LIMIT
from backend.services.doubtful import facts_of
from backend.services.locks import lock_accounts, lock_states_of
from backend.services.meter_changes import CHANGE
from backend.services.power_limit import OVER_POWER
from backend.services.readings_store import TYPED, reading_row, write_readings
from backend.services.row_ids import id_of
from backend.services.site_meters import make_rows
from backend.store import rows

FRESH = timedelta(minutes=10)  # A register read longer ago is read again before it opens an account.
READ, TYPED_IN = "read", "typed"
MOST_WH = 10**12  # Beyond any register.
_SHORTEST_REASON = 2


class OpeningMeter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One meter of the contract.

    register_wh: as the meter shows it, typed by a person who says why; None: as it was read last.
    confirmed: the typed register is right although the meter can hardly have come to it.
    """

    meter_id: str
    register_wh: Annotated[int, Meta(ge=0, le=MOST_WH)] | None = None
    reason: Annotated[str, Meta(max_length=200)] = ""
    confirmed: bool = False


class OpenedMeter(Struct, frozen=True, kw_only=True):
    """What the printed sheet says of a meter. read_at: when it showed register_wh."""

    meter_id: str
    serial: str
    place: str
    ratio: int
    register_wh: int
    read_at: datetime
    source: str  # "read" or "typed".
    reason: str


class Taken(Struct, frozen=True):
    """A free meter under lock, with the register that it begins at."""

    part: OpeningMeter
    meter: Meter
    state: MeterState
    begin: Accepted


async def lock_meters(
    ctx: Context, site_id: int, parts: Sequence[OpeningMeter]
) -> tuple[list[Taken], dict[str, str]]:
    """Lock the meters of a contract and look at each; what is wrong comes as "meters.0.register_wh"."""
    wanted = [id_of(part.meter_id) or 0 for part in parts]
    owners = await Meter.filter(id__in=wanted, site_id=site_id, account_id__isnull=False)
    await lock_accounts({meter.account_id for meter in owners if meter.account_id is not None})
    states = {row.meter_id: row for row in await lock_states_of(sorted(set(wanted)), [])} if wanted else {}
    # Read again behind the locks: whoever took a meter in between has it.
    meters = {row.id: row for row in await Meter.filter(id__in=wanted, site_id=site_id)}
    taken: list[Taken] = []
    problems: dict[str, str] = {}
    for index, (part, meter_id) in enumerate(zip(parts, wanted, strict=True)):
        at, meter, state = f"meters.{index}", meters.get(meter_id), states.get(meter_id)
        if meter_id in wanted[:index]:
            problems[f"{at}.meter_id"] = "这块表已选过"
            continue
        if meter is None or state is None:
            problems[f"{at}.meter_id"] = "没有这块表，请重新选择"
            continue
        why = await _why_not_free(meter, state)
        if why:
            problems[f"{at}.meter_id"] = why
            continue
        begin, said = _begin(ctx.clock.now(), part, meter, state)
        problems |= {f"{at}.{name}": sentence for name, sentence in said.items()}
        if begin is not None:
            taken.append(Taken(part, meter, state, begin))
    return taken, problems


async def take_over(ctx: Context, account: Account, taken: Sequence[Taken]) -> list[OpenedMeter]:
    """Give locked meters to a new account, each from its opening register on."""
    typed = []
    for one in taken:
        meter, state = one.meter, one.state
        if one.part.register_wh is not None:
            go_on_from(state, one.begin)
            typed.append(reading_row(meter, TYPED, Verdict.FIRST, end=one.begin, received_at=ctx.clock.now()))
        state.account_id = meter.account_id = account.id
        await state.save()
        await meter.save(update_fields=["account_id"])
        await make_rows(meter.site_id, meter)
        await Supply.filter(meter_id=meter.id).update(account_id=account.id)
        await _forget_limits(ctx, meter)
    await write_readings(typed)
    return [_opened(one) for one in taken]


async def _why_not_free(meter: Meter, state: MeterState) -> str:
    if meter.retired_at is not None or meter.kind is not MeterKind.PREPAID:
        return "这块表不能用于商铺（已停用或是公区表）"
    if meter.account_id is not None:
        owner = await Account.get(id=meter.account_id)
        if owner.closed_at is None:
            shop = await Shop.get(id=owner.shop_id)
            return f"这块表正在为 {shop.code} {shop.name} 计费"
    if state.account_id != meter.account_id:
        raise Bug(f"meter {meter.id} and its state differ about whose it is")
    open_accruals = await rows(
        "SELECT COUNT(*) AS n FROM accrual WHERE meter_id = ? AND entry_id IS NULL", [meter.id]
    )
    if state.accrued_nano or int(open_accruals[0]["n"]):
        return "这块表在原户名下还有未结算的用电，请先结清原户"
    if state.quarantined_at is not None:
        return "这块表的示数待核，请先处理"
    if await RatioChange.exists(standing_key=str(meter.id)):
        return "这块表的变比更改还没有生效，请先完成或撤回"
    if await Approval.exists(standing_key=f"{CHANGE}:{meter.id}"):
        return "这块表正在申请换表，请先完成或撤回"
    return ""


def _begin(
    now: datetime, part: OpeningMeter, meter: Meter, state: MeterState
) -> tuple[Accepted | None, Mapping[str, str]]:
    last = accepted_of(state)
    if part.register_wh is None:
        if last is None:
            return None, {"register_wh": "还没有抄到过示数，请立即抄表，或填写现场示数"}
        if now - last.read_at > FRESH:
            return None, {"register_wh": "示数不是最近 10 分钟抄到的，请立即抄表，或填写现场示数"}
        return last, {}
    if len(part.reason.strip()) < _SHORTEST_REASON:
        return None, {"reason": "请说明为什么手工填写示数"}
    if last is not None and part.register_wh < last.register_wh:
        return None, {"register_wh": f"小于已抄到的示数 {last.register_wh / 1000:.2f} 度，请核对"}
    if last is not None and not part.confirmed:
        facts = facts_of(meter)
        rise_wh = (part.register_wh - last.register_wh) * facts.ratio
        if rise_wh > most_energy_wh(facts, now - last.read_at):
            return None, {"register_wh": "超过这块表这段时间可能的用电量，请核对；确认无误请勾选"}
    return Accepted(max(now, last.read_at) if last is not None else now, part.register_wh), {}


async def _forget_limits(ctx: Context, meter: Meter) -> None:
    """What was over a former shop's power limit is none of the new one's; other reasons need a person."""
    await PowerWatch.filter(meter_id=meter.id).delete()
    await OffReason.filter(standing_key=f"{meter.id}:{POWER_LIMIT}").update(
        lifted_at=ctx.clock.now(), lifted_by=ctx.caller.id or None, standing_key=None
    )
    await clear_alarm(ctx, OVER_POWER, str(meter.id))


def _opened(one: Taken) -> OpenedMeter:
    return OpenedMeter(
        meter_id=str(one.meter.id),
        serial=one.meter.serial,
        place=one.meter.place,
        ratio=one.meter.transformers.ratio,
        register_wh=one.begin.register_wh,
        read_at=one.begin.read_at,
        source=READ if one.part.register_wh is None else TYPED_IN,
        reason=one.part.reason.strip(),
    )
