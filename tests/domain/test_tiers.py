"""Surcharges on the energy of a month or a year (阶梯): cut as you like, the sum stays."""

import itertools
import random
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.charging import PricedInterval, price_interval
from backend.domain.tariffs import ComponentKind, TariffVersion
from backend.domain.tiers import BadTiers, Cycle, Step, Tiers, Used, cycle_key, surcharge
from common.units import Wh

from .samples import at, demo_tariff

STEPS = Tiers(Cycle.MONTH, (Step(1_000_000, 50_000), Step(3_000_000, 300_000)))


def tiered(tiers: Tiers = STEPS) -> tuple[TariffVersion, ...]:
    return (msgspec.structs.replace(demo_tariff(), tiers=tiers),)


def in_turn(versions: tuple[TariffVersion, ...], marks: list[tuple[int, int]]) -> list[PricedInterval]:
    """Price interval after interval, (minute, register) by (minute, register), as the account uses energy."""
    used: Used = {}
    found = []
    for (before, first), (after, last) in itertools.pairwise(marks):
        start = at("2026-03-01 00:00")
        priced = price_interval(
            versions,
            start + timedelta(minutes=before),
            start + timedelta(minutes=after),
            Wh(last - first),
            None,
            used,
        )
        for piece in priced.pieces:
            key = cycle_key(versions[0].tiers.cycle if versions[0].tiers else Cycle.MONTH, piece.on)
            used[key] = Wh(used.get(key, 0) + piece.energy_wh)
        found.append(priced)
    return found


@pytest.mark.parametrize(
    ("energy_wh", "nano"),
    [
        (0, 0),
        (1_000_000, 0),
        (1_000_001, 50_000),
        (3_000_000, 2_000_000 * 50_000),
        (3_000_001, 2_000_000 * 50_000 + 300_000),
        (4_000_000, 2_000_000 * 50_000 + 1_000_000 * 300_000),
    ],
)
def test_only_the_energy_above_a_step_costs_more(energy_wh: int, nano: int) -> None:
    assert surcharge(STEPS, 0, energy_wh) == nano


def test_an_interval_across_a_step_pays_for_its_upper_part_alone() -> None:
    priced = price_interval(
        tiered(), at("2026-03-02 10:00"), at("2026-03-02 10:10"), Wh(10_000), None, {202603: Wh(995_000)}
    )

    assert priced.cost_by_component[ComponentKind.TIER] == 5_000 * 50_000
    assert priced.total_nano == 10_000 * 952_000 + 5_000 * 50_000


def test_a_new_month_begins_from_nothing_and_a_year_goes_on() -> None:
    used: Used = {202602: Wh(9_000_000), 2026: Wh(9_000_000)}
    yearly = tiered(Tiers(Cycle.YEAR, STEPS.steps))
    interval = (at("2026-03-01 10:00"), at("2026-03-01 10:10"), Wh(1_000), None, used)

    assert price_interval(tiered(), *interval).cost_by_component[ComponentKind.TIER] == 0
    assert price_interval(yearly, *interval).cost_by_component[ComponentKind.TIER] == 1_000 * 300_000


def test_an_interval_over_the_end_of_a_month_counts_in_both() -> None:
    priced = price_interval(
        tiered(), at("2026-02-28 23:50"), at("2026-03-01 00:10"), Wh(2_000), None, {202602: Wh(5_000_000)}
    )

    assert priced.cost_by_component[ComponentKind.TIER] == 1_000 * 300_000


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from(list(Cycle)))
def test_splitting_intervals_never_changes_the_surcharge(seed: int, cuts: int, cycle: Cycle) -> None:
    chance = random.Random(seed)
    end, total = chance.randrange(60, 30 * 1_440), chance.randrange(6_000_000)
    versions = tiered(Tiers(cycle, STEPS.steps))
    minutes = sorted(chance.sample(range(1, end), min(cuts, end - 1)))
    registers = sorted(chance.randrange(total + 1) for _ in minutes)
    whole = in_turn(versions, [(0, 0), (end, total)])
    pieces = in_turn(versions, [(0, 0), *zip(minutes, registers, strict=True), (end, total)])

    def tier(found: list[PricedInterval]) -> int:
        return sum(one.cost_by_component[ComponentKind.TIER] for one in found)

    assert tier(pieces) == tier(whole) == surcharge(STEPS, 0, total)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32), st.integers(0, 4_000_000))
def test_every_part_of_a_tiered_price_sums_to_the_whole(seed: int, used_wh: int) -> None:
    chance = random.Random(seed)
    begin_at = at("2026-02-20 00:00") + timedelta(minutes=chance.randrange(20 * 1_440))
    end_at = begin_at + timedelta(minutes=chance.randrange(3 * 1_440))

    priced = price_interval(
        tiered(), begin_at, end_at, Wh(chance.randrange(2_000_000)), None, {202602: Wh(used_wh)}
    )

    assert sum(priced.cost_by_component.values()) == priced.total_nano
    assert sum(piece.cost_nano for piece in priced.pieces) == priced.total_nano
    assert sum(piece.energy_wh for piece in priced.pieces) == priced.energy_wh


@given(st.integers(0, 5_000_000), st.lists(st.integers(0, 2_000_000), max_size=6))
def test_two_meters_of_one_account_pay_what_one_would(used_wh: int, parts: list[int]) -> None:
    """In whichever order their energy is taken in, the sum is that of the account's energy."""
    for order in (parts, parts[::-1]):
        so_far, paid = used_wh, 0
        for wh in order:
            paid += surcharge(STEPS, so_far, wh)
            so_far += wh
        assert paid == surcharge(STEPS, used_wh, sum(parts))


@pytest.mark.parametrize(
    "steps",
    [(), (Step(0, 1),), (Step(5, 1), Step(5, 2)), (Step(5, 1), Step(4, 2)), (Step(5, -1),)],
    ids=["none", "from-zero", "twice", "out-of-order", "below-zero"],
)
def test_steps_that_make_no_stairs_are_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(BadTiers):
        tiered(Tiers(Cycle.MONTH, steps))
