"""What a new register value means (抄表判定)."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.readings import (
    Accepted,
    MeterFacts,
    Verdict,
    judge,
    most_energy_wh,
)
from common.clock import SystemClock
from common.units import Watt

from .samples import at

NOW = at("2026-03-02 11:00")
LAST = Accepted(NOW - timedelta(hours=1), 1_000_000)
DIRECT = MeterFacts(ratio=1, rated_power_w=Watt(13_200), register_step_wh=10)
WITH_CT = MeterFacts(ratio=40, rated_power_w=Watt(132_000), register_step_wh=10)
MOST_WH = 13_200 + 20  # An hour at rated power and two steps.


def verdict(register_wh: int, last: Accepted | None = LAST, after_s: float = 3_600, **more: int) -> Verdict:
    read_at = (last.read_at if last else NOW) + timedelta(seconds=after_s)
    return judge(last, read_at, register_wh, None, NOW, DIRECT, **more).verdict


def test_the_first_reading_begins_without_energy() -> None:
    judged = judge(None, NOW, 5_000, None, NOW, DIRECT)

    assert (judged.verdict, judged.energy_wh) == (Verdict.FIRST, 0)


def test_energy_is_the_difference_of_registers() -> None:
    judged = judge(LAST, NOW, 1_001_230, None, NOW, DIRECT)

    assert (judged.verdict, judged.energy_wh) == (Verdict.ACCEPTED, 1_230)


def test_the_ct_ratio_is_applied_once() -> None:
    assert judge(LAST, NOW, 1_000_100, None, NOW, WITH_CT).energy_wh == 4_000


@pytest.mark.parametrize(
    ("register_wh", "after_s", "expected"),
    [
        (1_000_000, 3_600, Verdict.ACCEPTED),
        (1_000_500, 0, Verdict.DUPLICATE),
        (999_000, -60, Verdict.LATE),
        (999_990, 3_600, Verdict.FALLEN),
        (1_000_000 + MOST_WH, 3_600, Verdict.ACCEPTED),
        (1_000_000 + MOST_WH + 10, 3_600, Verdict.JUMPED),
        (1_000_020, 0.001, Verdict.ACCEPTED),
        (1_000_500, 3_660, Verdict.ACCEPTED),
        (1_000_500, 3_660.001, Verdict.FUTURE),
        (999_000, 7_200, Verdict.FUTURE),
    ],
    ids=[
        "stands-still",
        "same-instant",
        "older",
        "fallen-by-a-step",
        "as-much-as-it-can-carry",
        "a-step-more",
        "two-steps-at-once",
        "sixty-seconds-ahead",
        "further-ahead",
        "ahead-comes-before-fallen",
    ],
)
def test_a_reading_is_judged_by_its_time_and_its_rise(
    register_wh: int, after_s: float, expected: Verdict
) -> None:
    assert verdict(register_wh, after_s=after_s) is expected


def test_the_most_that_a_meter_can_carry_counts_its_ct() -> None:
    assert most_energy_wh(WITH_CT, timedelta(minutes=30)) == 66_000 + 2 * 10 * 40


def test_what_is_not_accepted_has_no_energy() -> None:
    for register_wh, after_s in ((900_000, 3_600), (9_000_000, 3_600), (1_000_500, 0), (1_000_500, -60)):
        read_at = LAST.read_at + timedelta(seconds=after_s)
        assert judge(LAST, read_at, register_wh, None, NOW, DIRECT).energy_wh == 0


def test_a_slip_heals_with_the_next_good_reading() -> None:
    assert verdict(9_000_000) is Verdict.JUMPED
    assert verdict(1_000_100, jumped_to_wh=9_000_000) is Verdict.ACCEPTED


def test_time_does_not_make_a_jump_plausible() -> None:
    month_s = 30 * 86_400
    long_ago = Accepted(NOW - timedelta(seconds=month_s), 1_000_000)

    assert verdict(1_500_000, long_ago, month_s) is Verdict.ACCEPTED
    assert verdict(1_500_000, long_ago, month_s, jumped_to_wh=1_400_000) is Verdict.JUMPED


def test_rates_split_the_energy_when_both_readings_have_them() -> None:
    last = Accepted(LAST.read_at, 1_000_000, (0, 400_000, 400_000, 200_000))

    judged = judge(last, NOW, 1_000_300, (0, 400_100, 400_200, 200_000), NOW, WITH_CT)

    assert judged.rates_wh == (0, 4_000, 8_000, 0)


@pytest.mark.parametrize(("sum_differs_wh", "is_used"), [(0, True), (50, True), (-50, True), (60, False)])
def test_rates_that_differ_by_five_steps_are_normal(sum_differs_wh: int, is_used: bool) -> None:
    last = Accepted(LAST.read_at, 1_000_000, (0, 400_000, 400_000, 200_000))

    judged = judge(last, NOW, 1_000_300, (0, 400_100, 400_200 + sum_differs_wh, 200_000), NOW, DIRECT)

    assert judged.verdict is Verdict.ACCEPTED
    assert (judged.rates_wh is not None) is is_used


def test_a_rate_that_falls_splits_nothing() -> None:
    last = Accepted(LAST.read_at, 1_000_000, (0, 400_000, 400_000, 200_000))

    assert judge(last, NOW, 1_000_300, (0, 400_310, 399_990, 200_000), NOW, DIRECT).rates_wh is None


def test_rates_are_not_made_up_from_one_reading() -> None:
    assert judge(LAST, NOW, 1_000_300, (0, 100, 100, 100), NOW, DIRECT).rates_wh is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 7_200), st.integers(-50_000, 50_000)), max_size=20))
def test_accepted_energy_is_always_what_the_accepted_registers_rose(steps: list[tuple[int, int]]) -> None:
    """However often a register slips: nothing is charged twice, nothing is lost."""
    start = Accepted(at("2026-03-01"), 1_000_000)
    last, now, register_wh, total_wh = start, start.read_at, 1_000_000, 0
    for seconds, rise in steps:
        now += timedelta(seconds=seconds)
        register_wh = last.register_wh + rise
        judged = judge(last, now, register_wh, None, now, DIRECT)
        if judged.verdict is Verdict.ACCEPTED:
            total_wh += judged.energy_wh
            last = Accepted(now, register_wh)

    assert total_wh == last.register_wh - start.register_wh
    assert total_wh <= most_energy_wh(DIRECT, last.read_at - start.read_at) + 20 * len(steps) + len(steps) * 4


def test_judging_takes_microseconds() -> None:
    rates = (0, 400_100, 400_200, 200_000)
    last = Accepted(LAST.read_at, 1_000_000, (0, 400_000, 400_000, 200_000))

    best = min(_seconds_for_a_hundred(last, rates) for _ in range(20))

    assert best / 100 < 20e-6


def _seconds_for_a_hundred(last: Accepted, rates: tuple[int, int, int, int]) -> float:
    clock = SystemClock()
    begun = clock.monotonic()
    for _ in range(100):
        judge(last, NOW, 1_000_300, rates, NOW, DIRECT)
    return clock.monotonic() - begun
