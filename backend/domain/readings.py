"""Judge readings (抄表判定): what a new register value means after the last accepted one.

Energy is the difference of two accepted registers times the ratio of the meter's transformers, which is
applied here and nowhere else. A doubtful value is kept and shown, never charged: a person decides about it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from common.units import Watt, Wh

FUTURE_AFTER = timedelta(seconds=60)
JUMP_STEPS = 2  # A register is a count of steps: two of them are the most that reading can be off by.
RATE_STEPS = 5  # The rates' registers are cut, not rounded: together they may differ this much.

Rates = tuple[int, int, int, int]  # Sharp, peak, flat, valley (尖峰平谷).


class Verdict(StrEnum):
    """What becomes of a reading."""

    ACCEPTED = "accepted"
    FIRST = "first"  # The first of this meter: a beginning, no energy.
    DUPLICATE = "duplicate"  # The instant is known.
    LATE = "late"  # Older than the newest accepted: stored and shown, not charged.
    FUTURE = "future"  # More than 60 s ahead of our clock: quarantined.
    FALLEN = "fallen"  # Quarantined: a register never falls unless a meter change says so.
    JUMPED = "jumped"  # Quarantined: more than the meter could have carried.
    UNUSED = "unused"  # A midnight's register beside a doubtful reading: evidence, for whoever decides.
    REJECTED = "rejected"  # A person found the register wrong: never charged.


QUARANTINED = frozenset({Verdict.FUTURE, Verdict.FALLEN, Verdict.JUMPED})


class MeterFacts(Struct, frozen=True):
    """What the plate says. `rated_power_w` is on the primary side, behind the transformers.

    ratio: of one Wh that the register shows (domain/transformers.py).
    """

    ratio: int
    rated_power_w: Watt
    register_step_wh: int


class Accepted(Struct, frozen=True):
    """The newest accepted reading of a meter."""

    read_at: datetime
    register_wh: int
    rates_wh: Rates | None = None


class Judged(Struct, frozen=True):
    """The verdict, with the energy since the last accepted reading (primary side; 0 unless ACCEPTED).

    rates_wh: energy by rate, when both readings have the registers and their sum fits the total.
    """

    verdict: Verdict
    energy_wh: Wh = Wh(0)
    rates_wh: Rates | None = None


def judge(
    last: Accepted | None,
    read_at: datetime,
    register_wh: int,
    rates_wh: Rates | None,
    now: datetime,
    meter: MeterFacts,
    jumped_to_wh: int | None = None,
) -> Judged:
    """Judge one reading against the newest accepted one (None: there is none yet).

    After a quarantined reading the next is judged against the same accepted one, so a slip heals itself.
    jumped_to_wh: the lowest register that was quarantined as JUMPED since `last`; a register that is still
    there stays quarantined until a person decides, however much time makes it look possible.
    """
    if read_at > now + FUTURE_AFTER:
        return Judged(Verdict.FUTURE)
    if last is None:
        return Judged(Verdict.FIRST if register_wh >= 0 else Verdict.FALLEN)
    if read_at == last.read_at:
        return Judged(Verdict.DUPLICATE)
    if read_at < last.read_at:
        return Judged(Verdict.LATE)
    rise_wh = register_wh - last.register_wh
    if rise_wh < 0:
        return Judged(Verdict.FALLEN)
    energy_wh = rise_wh * meter.ratio
    is_still_there = jumped_to_wh is not None and register_wh >= jumped_to_wh
    if is_still_there or energy_wh > most_energy_wh(meter, read_at - last.read_at):
        return Judged(Verdict.JUMPED)
    return Judged(Verdict.ACCEPTED, Wh(energy_wh), _rates(last.rates_wh, rates_wh, energy_wh, meter))


def judge_as_said(last: Accepted, end: Accepted, meter: MeterFacts) -> Judged:
    """Judge a register that a person has found right: however much it is, it is not below the last one."""
    energy_wh = (end.register_wh - last.register_wh) * meter.ratio
    return Judged(Verdict.ACCEPTED, Wh(energy_wh), _rates(last.rates_wh, end.rates_wh, energy_wh, meter))


def most_energy_wh(meter: MeterFacts, elapsed: timedelta) -> int:
    """Return the most energy that a meter can have carried: rated power × time + 2 steps × ratio."""
    seconds_up = -(-elapsed // timedelta(seconds=1))
    full_wh = -(-meter.rated_power_w * seconds_up // 3_600)
    return full_wh + JUMP_STEPS * meter.register_step_wh * meter.ratio


def _rates(before: Rates | None, after: Rates | None, energy_wh: int, meter: MeterFacts) -> Rates | None:
    if before is None or after is None:
        return None
    rises = [(new - old) * meter.ratio for old, new in zip(before, after, strict=True)]
    limit_wh = RATE_STEPS * meter.register_step_wh * meter.ratio
    if min(rises) < 0 or abs(sum(rises) - energy_wh) > limit_wh:
        return None
    return (rises[0], rises[1], rises[2], rises[3])
