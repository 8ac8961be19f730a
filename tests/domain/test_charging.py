"""What energy costs (计费), and in which whole fen."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from backend.domain.charging import (
    PricedInterval,
    charge,
    charge_day_of,
    largest_remainder,
    price_interval,
)
from backend.domain.tariffs import Component, ComponentKind, NoTariff, Period, in_order
from common.units import Nanoyuan, Wh

from .samples import DEMO_COMPONENTS, at, demo_tariff

ONE = (demo_tariff(),)
WHOLE_FLOATS = (
    demo_tariff(components=tuple(structs.replace(part, floats=True) for part in DEMO_COMPONENTS)),
)
PEAK, FLAT, VALLEY = 952_000, 700_000, 448_000


def priced(begin: str, end: str, energy_wh: int, rates: dict[Period, int] | None = None) -> PricedInterval:
    split = None if rates is None else {period: Wh(wh) for period, wh in rates.items()}
    return price_interval(ONE, at(f"2026-03-02 {begin}"), at(f"2026-03-02 {end}"), Wh(energy_wh), split)


@pytest.mark.parametrize(
    ("begin", "end", "nano"),
    [("10:00", "11:00", PEAK), ("14:00", "15:00", FLAT), ("03:00", "04:00", VALLEY)],
)
def test_a_kwh_inside_one_period_costs_that_periods_price(begin: str, end: str, nano: int) -> None:
    interval = priced(begin, end, 1_000)

    assert interval.total_nano == nano * 1_000
    assert not interval.estimated


@pytest.mark.parametrize(
    ("begin", "end", "yuan_1e6"), [("10:00", "11:00", 1_120_000), ("03:00", "04:00", 280_000)]
)
def test_a_tariff_whose_whole_price_floats_costs_otherwise(begin: str, end: str, yuan_1e6: int) -> None:
    interval = price_interval(WHOLE_FLOATS, at(f"2026-03-02 {begin}"), at(f"2026-03-02 {end}"), Wh(1_000))

    assert interval.total_nano == yuan_1e6 * 1_000


def test_one_period_is_priced_from_the_total_alone() -> None:
    interval = priced("10:00", "11:00", 1_000, {Period.PEAK: 100, Period.VALLEY: 900})

    assert interval.energy_by_period == {Period.PEAK: 1_000}
    assert not interval.estimated


def test_an_interval_that_ends_at_a_boundary_crosses_none() -> None:
    assert not priced("09:00", "10:00", 1_000).estimated


def test_a_crossing_interval_is_split_by_the_meters_own_periods() -> None:
    interval = priced("09:30", "10:30", 1_000, {Period.FLAT: 900, Period.PEAK: 100})

    assert interval.energy_by_period == {Period.FLAT: 900, Period.PEAK: 100}
    assert interval.total_nano == 900 * FLAT + 100 * PEAK
    assert not interval.estimated


def test_a_crossing_interval_without_them_is_split_by_time_and_estimated() -> None:
    interval = priced("09:30", "10:30", 1_001)

    assert interval.energy_by_period == {Period.FLAT: 501, Period.PEAK: 500}
    assert interval.estimated


def test_period_registers_only_split_the_total() -> None:
    """Cut registers may sum to a few steps less: the total is what is charged."""
    interval = priced("09:30", "10:30", 1_000, {Period.FLAT: 890, Period.PEAK: 90})

    assert sum(interval.energy_by_period.values()) == 1_000
    assert interval.energy_by_period[Period.FLAT] == 908


@pytest.mark.parametrize(
    "rates",
    [{}, {Period.FLAT: 0, Period.PEAK: 0}, {Period.FLAT: 500, Period.PEAK: 400, Period.VALLEY: 100}],
    ids=["no-registers", "registers-that-did-not-count", "energy-in-a-period-that-never-was"],
)
def test_registers_that_cannot_be_right_leave_it_to_time(rates: dict[Period, int]) -> None:
    interval = priced("09:30", "10:30", 1_000, rates)

    assert interval.energy_by_period == {Period.FLAT: 500, Period.PEAK: 500}
    assert interval.estimated


def test_no_energy_has_nothing_to_estimate() -> None:
    interval = priced("09:30", "10:30", 0)

    assert (interval.total_nano, interval.estimated, interval.pieces[0].energy_wh) == (0, False, 0)


def test_a_new_version_inside_a_period_splits_by_time_and_is_estimated() -> None:
    dearer = (Component(ComponentKind.ENERGY, "电", 1_000_000, False),)
    versions = in_order([demo_tariff(), demo_tariff("v2", "2026-03-02 10:30", components=dearer)])

    interval = price_interval(
        versions, at("2026-03-02 10:00"), at("2026-03-02 11:00"), Wh(1_000), {Period.PEAK: Wh(1_000)}
    )

    assert interval.total_nano == 500 * PEAK + 500 * 1_000_000
    assert (interval.version_ids, interval.estimated) == (("v1", "v2"), True)


def test_a_period_that_comes_twice_keeps_its_registers_energy() -> None:
    rates = {Period.FLAT: 300, Period.PEAK: 700}

    interval = priced("09:00", "14:00", 1_000, rates)

    assert interval.energy_by_period == rates
    assert not interval.estimated


def test_energy_before_any_tariff_is_not_priced() -> None:
    with pytest.raises(NoTariff):
        price_interval(ONE, at("2025-12-31 23:00"), at("2026-01-01 01:00"), Wh(10))


def test_components_are_told_apart_and_sum_to_the_total() -> None:
    interval = priced("10:00", "11:00", 1_000)

    assert interval.cost_by_component[ComponentKind.ENERGY] == 640_000_000
    assert interval.cost_by_component[ComponentKind.TRANSMISSION] == 210_000_000
    assert sum(interval.cost_by_component.values()) == interval.total_nano


def test_hours_share_energy_and_cost_by_time() -> None:
    interval = priced("10:30", "12:15", 700)

    shares = [(piece.hour_at, piece.energy_wh) for piece in interval.pieces]
    assert shares == [
        (at("2026-03-02 10:00"), 200),
        (at("2026-03-02 11:00"), 400),
        (at("2026-03-02 12:00"), 100),
    ]


def test_an_interval_over_midnight_is_apportioned_to_both_days() -> None:
    interval = price_interval(ONE, at("2026-03-02 23:00"), at("2026-03-03 02:00"), Wh(300))

    by_day: dict[date, int] = {}
    for piece in interval.pieces:
        by_day[piece.on] = by_day.get(piece.on, 0) + piece.energy_wh
    assert by_day == {date(2026, 3, 2): 100, date(2026, 3, 3): 200}


@pytest.mark.parametrize(
    ("to_at", "day"),
    [
        ("2026-03-02 23:59:59", date(2026, 3, 2)),
        ("2026-03-03 00:00", date(2026, 3, 2)),
        ("2026-03-03 00:00:01", date(2026, 3, 3)),
    ],
)
def test_an_interval_is_charged_with_the_day_in_which_it_ends(to_at: str, day: date) -> None:
    assert charge_day_of(at(to_at)) == day


@pytest.mark.parametrize(
    ("total", "carried", "fen", "rest"),
    [(0, 0, 0, 0), (9_999_999, 0, 0, 9_999_999), (9_999_999, 1, 1, 0), (25_000_000, 9_000_000, 3, 4_000_000)],
)
def test_whole_fen_are_charged_and_the_rest_is_carried(total: int, carried: int, fen: int, rest: int) -> None:
    assert charge(Nanoyuan(total), Nanoyuan(carried)) == (fen, rest)


def test_a_rebate_leaves_a_remainder_that_is_not_negative() -> None:
    assert charge(Nanoyuan(-1), Nanoyuan(0)) == (-1, 9_999_999)


@pytest.mark.parametrize(
    ("weights", "total", "shares"),
    [
        ([1, 1, 1], 10, [4, 3, 3]),
        ([640, 32, 210, 40, 30], 95, [64, 3, 21, 4, 3]),
        ([0, 0], 7, [7, 0]),
        ([3, -1], 10, [15, -5]),
        ([1, 2], -4, [-1, -3]),
        ([], 0, []),
    ],
)
def test_a_whole_is_shared_out_by_largest_remainder(
    weights: list[int], total: int, shares: list[int]
) -> None:
    assert [share for _, share in largest_remainder(list(enumerate(weights)), total)] == shares


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8), st.integers(-(10**6), 10**6))
def test_shares_sum_to_the_whole_and_none_is_off_by_one(weights: list[int], total: int) -> None:
    shares = [share for _, share in largest_remainder(list(enumerate(weights)), total)]

    assert sum(shares) == total
    if sum(weights):
        for weight, share in zip(weights, shares, strict=True):
            assert abs(share * sum(weights) - weight * total) < sum(weights)
