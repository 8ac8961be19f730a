"""Low-balance warnings (低余额预警)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.warnings import Level, Thresholds, crossing
from common.units import Fen

LIMITS = Thresholds(low_fen=Fen(10_000), low_days=5, critical_fen=Fen(5_000), critical_days=2)
NONE, LOW, CRITICAL, LAST = Level


@pytest.mark.parametrize(
    ("told", "fen", "days", "level", "tell"),
    [
        (NONE, 10_001, 9.0, NONE, None),
        (NONE, 10_000, 9.0, LOW, LOW),
        (NONE, 50_000, 5.0, LOW, LOW),
        (NONE, 50_000, 5.1, NONE, None),
        (NONE, 5_000, 9.0, CRITICAL, CRITICAL),
        (NONE, 50_000, 2.0, CRITICAL, CRITICAL),
        (NONE, 10_001, None, NONE, None),
        (NONE, 10_000, None, LOW, LOW),
        (LOW, 9_000, 9.0, LOW, None),
        (LOW, 5_000, 9.0, CRITICAL, CRITICAL),
        (CRITICAL, 4_000, 1.0, CRITICAL, None),
        (LOW, 11_000, 9.0, LOW, None),
        (LOW, 11_001, 5.5, LOW, None),
        (LOW, 11_001, 5.6, NONE, None),
        (CRITICAL, 5_500, 9.0, CRITICAL, None),
        (CRITICAL, 5_501, 9.0, LOW, None),
        (CRITICAL, 10_500, 9.0, LOW, None),
        (CRITICAL, 20_000, 9.0, NONE, None),
        (LAST, 1_500, 9.0, CRITICAL, None),
        (LAST, 20_000, 9.0, NONE, None),
    ],
)
def test_a_level_is_told_on_the_way_down_and_armed_again_well_above(
    told: Level, fen: int, days: float | None, level: Level, tell: Level | None
) -> None:
    step = crossing(told, Fen(fen), days, LIMITS, in_arrears=False)

    assert (step.level, step.tell) == (level, tell)


@pytest.mark.parametrize("told", [NONE, LOW, CRITICAL])
def test_arrears_are_told_last_and_alone(told: Level) -> None:
    assert crossing(told, Fen(0), 0.0, LIMITS, in_arrears=True).tell is LAST


def test_standing_arrears_are_not_told_again() -> None:
    assert crossing(LAST, Fen(500), 0.1, LIMITS, in_arrears=True) == crossing(
        LAST, Fen(-900), None, LIMITS, in_arrears=True
    )
    assert crossing(LAST, Fen(500), 0.1, LIMITS, in_arrears=True).tell is None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 1_000), max_size=40))
def test_a_falling_balance_tells_each_level_once(uses: list[int]) -> None:
    level, fen, told = NONE, 20_000, []
    for use in uses:
        fen -= use
        step = crossing(level, Fen(fen), None, LIMITS, in_arrears=fen <= 0)
        level = step.level
        told += [step.tell] if step.tell else []

    assert told == sorted(set(told))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(9_001, 10_999), max_size=40))
def test_a_balance_that_trembles_within_the_margin_rings_once(balances: list[int]) -> None:
    level, rings = NONE, 0
    for fen in balances:
        step = crossing(level, Fen(fen), None, LIMITS, in_arrears=False)
        level, rings = step.level, rings + (step.tell is not None)

    assert rings == (1 if any(fen <= 10_000 for fen in balances) else 0)
