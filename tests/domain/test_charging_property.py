"""Pricing in pieces costs the same as pricing at once (分段计费等于一次计费): more than 10,000 examples.

Hypothesis draws the meter's life; each example is cheap, so that many are looked at.
"""

import itertools
import random
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.charging import PricedInterval, charge, price_interval
from backend.domain.tariffs import Component, ComponentKind, Period, TariffVersion, cut, in_order
from common.units import NANOYUAN_PER_FEN, Nanoyuan, Wh

from .samples import at, demo_tariff

START = at("2026-03-02")
OTHER = tuple(
    Component(kind, kind, price, kind is ComponentKind.ENERGY)
    for kind, price in ((ComponentKind.ENERGY, 412_345), (ComponentKind.FUNDS, -13))
)
ONE = (demo_tariff(floats={Period.PEAK: 600, Period.VALLEY: -600}),)
TWO = in_order([*ONE, demo_tariff("v2", "2026-03-02 20:40", components=OTHER, floats={})])

Life = list[tuple[datetime, int]]  # Instants of readings and the register then.


def life_of(seed: int, readings: int, hours: int) -> Life:
    """Make up a meter's life: one draw for hypothesis, any spacing, any use."""
    chance = random.Random(seed)
    seconds = sorted(chance.sample(range(hours * 3_600), readings))
    registers = itertools.accumulate(chance.choice((0, 10, 370, 5_000, 123_450)) for _ in seconds)
    return [(START + timedelta(seconds=s), wh) for s, wh in zip(seconds, registers, strict=True)]


def priced(versions: tuple[TariffVersion, ...], life: Life) -> list[PricedInterval]:
    return [
        price_interval(versions, before, after, Wh(last - first))
        for (before, first), (after, last) in itertools.pairwise(life)
    ]


lives = st.builds(life_of, st.integers(0, 2**32), st.integers(2, 7), st.integers(1, 50))


@settings(max_examples=3_000, deadline=None, derandomize=True, database=None)
@given(lives, st.sampled_from([ONE, TWO]), st.integers(0, 2**16), st.integers(0, NANOYUAN_PER_FEN - 1))
def test_grouping_intervals_into_charges_never_changes_the_sum(
    life: Life, versions: tuple[TariffVersion, ...], groups: int, carried: int
) -> None:
    """Charges of any grouping, and one charge of everything, debit the same fen and carry the same rest."""
    totals = [interval.total_nano for interval in priced(versions, life)]
    at_once = charge(Nanoyuan(sum(totals)), Nanoyuan(carried))

    debited, rest, open_nano = 0, Nanoyuan(carried), 0
    for index, total in enumerate(totals):
        open_nano += total
        if groups >> index & 1 or index == len(totals) - 1:
            fen, rest = charge(Nanoyuan(open_nano), rest)
            debited, open_nano = debited + fen, 0
        assert 0 <= rest < NANOYUAN_PER_FEN

    assert (debited, rest) == at_once


@settings(max_examples=3_000, deadline=None, derandomize=True, database=None)
@given(lives, st.sampled_from([ONE, TWO]))
def test_every_part_of_a_price_sums_to_the_whole(life: Life, versions: tuple[TariffVersion, ...]) -> None:
    """Periods, components and hours each hold all energy and all money, to the Wh and the nanoyuan."""
    for interval, ((before, first), (after, last)) in zip(
        priced(versions, life), itertools.pairwise(life), strict=True
    ):
        assert interval.energy_wh == last - first
        assert sum(interval.energy_by_period.values()) == interval.energy_wh
        assert sum(interval.cost_by_component.values()) == interval.total_nano
        assert sum(piece.energy_wh for piece in interval.pieces) == interval.energy_wh
        assert sum(piece.cost_nano for piece in interval.pieces) == interval.total_nano
        assert all(before - timedelta(hours=1) < piece.hour_at < after for piece in interval.pieces)


@settings(max_examples=10_000, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32), st.integers(0, 48 * 3_600), st.integers(1, 30 * 3_600))
def test_reading_at_every_boundary_costs_the_same_as_one_interval_split_by_registers(
    seed: int, begin_s: int, length_s: int
) -> None:
    """The meter's own registers make one long interval as exact as many short ones."""
    chance = random.Random(seed)
    begin_at = START + timedelta(seconds=begin_s)
    spans = cut(ONE, begin_at, begin_at + timedelta(seconds=length_s))
    used = [chance.randrange(50_000) for _ in spans]

    in_pieces = [
        price_interval(ONE, span.from_at, span.to_at, Wh(wh)) for span, wh in zip(spans, used, strict=True)
    ]
    rates: dict[Period, Wh] = {}
    for span, wh in zip(spans, used, strict=True):
        rates[span.period] = Wh(rates.get(span.period, 0) + wh)
    at_once = price_interval(ONE, spans[0].from_at, spans[-1].to_at, Wh(sum(used)), rates)

    assert at_once.total_nano == sum(piece.total_nano for piece in in_pieces)
    assert not at_once.estimated
    for kind in ComponentKind:
        in_parts = sum(piece.cost_by_component.get(kind, 0) for piece in in_pieces)
        assert at_once.cost_by_component.get(kind, 0) == in_parts
