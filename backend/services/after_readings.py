"""What a batch of readings sets going (抄表之后): alarms, and decisions where something may change.

Called inside the batch's unit of work, with its accounts and meter states locked.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.balances import days_left
from backend.domain.readings import Verdict
from backend.domain.supply import is_arrears
from backend.domain.warnings import Level, Thresholds, crossing
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.operations import Alarm
from backend.models.supply import ArrearsEpisode
from backend.services.alarm_book import end_alarm, raise_alarm
from backend.services.alarm_places import place_of
from backend.services.decide_supply import decide_account
from backend.services.readings_store import ms_of
from backend.services.supply_facts import estimated_of
from backend.store import rows
from common.units import Fen, Nanoyuan


class Quarantined(Struct, frozen=True):
    """A reading that was stored and shown, not charged."""

    meter: Meter
    verdict: Verdict
    register_wh: int


async def lowest_jumps(states: Iterable[MeterState]) -> dict[int, int]:
    """Return, by meter, the lowest register that jumped since the newest accepted one (待核示数).

    One that a person has rejected counts, too: time alone does not make it right.
    """
    found = {}
    for state in states:
        if state.rejected_wh is not None:
            found[state.meter_id] = state.rejected_wh
        if state.quarantined_at is None or state.read_at is None:
            continue
        (row,) = await rows(
            "SELECT MIN(register_wh) AS register_wh FROM reading"
            " WHERE meter_id = ? AND read_at_ms > ? AND verdict = ?",
            [state.meter_id, ms_of(state.read_at), Verdict.JUMPED.value],
        )
        if row["register_wh"] is not None:
            lowest_wh = int(row["register_wh"])
            found[state.meter_id] = min(lowest_wh, found.get(state.meter_id, lowest_wh))
    return found


async def tell_of_readings(
    ctx: Context, site_id: int, quarantined: Sequence[Quarantined], accepted: Iterable[int]
) -> None:
    """Raise an alarm for what is doubtful; end those of meters whose register was accepted since."""
    # Few alarms stand and many meters are read: look at what stands, not for each meter.
    kinds = [_kind(verdict) for verdict in _ALARMED]
    healed = set(accepted)
    standing = set()
    for alarm in await Alarm.filter(site_id=site_id, kind__in=kinds, standing_key__gt=""):
        if alarm.meter_id in healed:
            await end_alarm(ctx, alarm)
        else:
            standing.add((alarm.kind, alarm.meter_id))
    for one in quarantined:
        meter, kind = one.meter, _kind(one.verdict)
        if (kind, meter.id) not in standing:
            standing.add((kind, meter.id))
            text = await _text(one)
            more = {"meter_id": meter.id, "account_id": meter.account_id}
            await raise_alarm(ctx, site_id, kind, str(meter.id), text, **more)


async def _text(doubtful: Quarantined) -> str:
    where = await place_of(doubtful.meter)
    if doubtful.verdict is Verdict.FUTURE:
        return f"{where}的抄表时间超前，数据未采用。请检查采集主机的时间同步（NTP）"
    shown = f"{doubtful.register_wh / 1000:.2f} kWh"
    word = "低于上次示数" if doubtful.verdict is Verdict.FALLEN else "超过该表这段时间可能的用电量"
    return f"{where}示数 {shown} {word}，已待核，不计费。请到现场核对示数后处理"


async def decide_changed(
    ctx: Context, accounts: Mapping[int, Account], states: Iterable[MeterState], outages: set[int]
) -> None:
    """Decide only where something may change: a level or the band is crossed, or arrears stand.

    outages: accounts with a meter that was silent for long before its newest reading.
    """
    now = ctx.clock.now()
    by_account: dict[int, list[MeterState]] = {}
    for state in states:
        if state.account_id is not None:
            by_account.setdefault(state.account_id, []).append(state)
    for account_id in sorted(by_account):
        account, mine = accounts[account_id], by_account[account_id]
        if account.closed_at is not None:
            continue
        if account_id in outages and account.in_arrears:
            # The account gets its warning and delay first: the delay counts from the outage's end.
            await ArrearsEpisode.filter(standing_key=str(account_id)).update(outage_ended_at=now)
        if may_change(account, mine, now):
            await decide_account(ctx, account, cause="reading")


def may_change(account: Account, states: Sequence[MeterState], now: datetime) -> bool:
    """Tell whether new readings may change what people are told or what the relay shall be."""
    if account.in_arrears:
        return True
    estimated = estimated_of(account, states)
    if estimated is None:
        return False
    if is_arrears(False, estimated, Fen(account.overdraft_fen), Fen(account.restore_level_fen)):
        return True
    mean = None if account.mean_daily_nano is None else Nanoyuan(account.mean_daily_nano)
    read_at = min(state.read_at for state in states if state.read_at is not None)
    days = days_left(estimated, Fen(account.overdraft_fen), mean, read_at, now)
    limits = Thresholds(
        Fen(account.low_fen), account.low_days, Fen(account.critical_fen), account.critical_days
    )
    step = crossing(Level(account.level), estimated, days, limits, in_arrears=False)
    return step.tell is not None or step.level != account.level


_ALARMED = (Verdict.FALLEN, Verdict.JUMPED, Verdict.FUTURE)


def _kind(verdict: Verdict) -> str:
    return f"reading_{verdict.value}"
