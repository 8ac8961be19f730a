"""Tiers (阶梯电价): a surcharge on each kWh above a step of the month's or the year's total energy.

The surcharge of a cycle is a function of its energy alone, so that it is the same however the energy is cut
into intervals: what n + m kWh cost is what n cost, and then m more. What counts is the account's energy,
all its meters together, so that a meter change carries the count over by itself.
"""

import itertools
from datetime import date
from enum import StrEnum

from msgspec import Struct

from backend.domain.tariff_days import TariffError
from common.units import Nanoyuan, Wh

MAX_STEPS = 6


class Cycle(StrEnum):
    """After which the count begins from nothing, by local date."""

    MONTH = "MONTH"
    YEAR = "YEAR"


class Step(Struct, frozen=True):
    """Above `above_wh` of a cycle each kWh costs so much more than the ordinary price."""

    above_wh: int
    surcharge_microyuan_per_kwh: int


class Tiers(Struct, frozen=True):
    """Steps in order; the first tier, below the first step, has no surcharge."""

    cycle: Cycle
    steps: tuple[Step, ...]


class BadTiers(TariffError):
    """Steps that are out of order, or a surcharge below zero."""


def cycle_key(cycle: Cycle, on: date) -> int:
    """Name the cycle that a local day lies in: 202603, or 2026."""
    return on.year if cycle is Cycle.YEAR else on.year * 100 + on.month


def surcharge(tiers: Tiers, used_wh: int, energy_wh: int) -> Nanoyuan:
    """Return what `energy_wh` more costs above the ordinary price after `used_wh` of the same cycle."""
    return Nanoyuan(_whole(tiers, used_wh + energy_wh) - _whole(tiers, used_wh))


def check_tiers(version_id: str, tiers: Tiers) -> None:
    if not 1 <= len(tiers.steps) <= MAX_STEPS:
        raise BadTiers(f"{version_id}: there are 1 to {MAX_STEPS} steps, not {len(tiers.steps)}")
    if tiers.steps[0].above_wh <= 0:
        raise BadTiers(f"{version_id}: the first step begins above zero")
    for before, after in itertools.pairwise(tiers.steps):
        if after.above_wh <= before.above_wh:
            raise BadTiers(f"{version_id}: step at {after.above_wh} Wh is out of order")
    if any(step.surcharge_microyuan_per_kwh < 0 for step in tiers.steps):
        raise BadTiers(f"{version_id}: a surcharge is not below zero")


def _whole(tiers: Tiers, energy_wh: int) -> int:
    """Price a cycle's energy from its beginning."""
    total = 0
    ends: list[int | None] = [*(step.above_wh for step in tiers.steps[1:]), None]
    for step, end in zip(tiers.steps, ends, strict=True):
        inside = (energy_wh if end is None else min(energy_wh, end)) - step.above_wh
        if inside <= 0:
            break
        total += inside * step.surcharge_microyuan_per_kwh
    return total


Used = dict[int, Wh]  # By cycle_key: an account's energy of the cycle so far.
