"""Two balances and days left (账面余额、预估可用余额、约可用天数)."""

from datetime import timedelta

import pytest

from backend.domain.balances import days_left, estimate, mean_daily
from common.units import Fen, Nanoyuan

from .samples import at

NOW = at("2026-03-02 11:00")
YUAN = 1_000_000_000


@pytest.mark.parametrize(
    ("carried", "accrued", "expected"),
    [(0, 0, 1_000), (1, 0, 999), (0, YUAN, 900), (9_999_999, 1, 999), (9_999_999, 2, 998)],
)
def test_the_estimate_never_says_more_than_there_is(carried: int, accrued: int, expected: int) -> None:
    assert estimate(Fen(1_000), Nanoyuan(carried), Nanoyuan(accrued)) == expected


def test_the_estimate_is_cut_downwards_below_zero_too() -> None:
    assert estimate(Fen(-1), Nanoyuan(0), Nanoyuan(1)) == -2


def test_three_days_make_a_mean_and_two_do_not() -> None:
    assert mean_daily([Nanoyuan(YUAN)] * 2) is None
    assert mean_daily([Nanoyuan(YUAN), Nanoyuan(2 * YUAN), Nanoyuan(6 * YUAN)]) == 3 * YUAN


def left(
    fen: int, mean: int | None = 10 * YUAN, silent: timedelta = timedelta(), overdraft: int = 0
) -> float | None:
    mean_nano = None if mean is None else Nanoyuan(mean)
    return days_left(Fen(fen), Fen(overdraft), mean_nano, NOW - silent, NOW)


def test_days_left_is_money_by_daily_cost() -> None:
    assert left(12_550) == 12.5


def test_the_overdraft_is_there_to_be_used() -> None:
    assert left(10_000, overdraft=5_000) == 15.0


def test_silence_is_projected() -> None:
    assert left(10_000, silent=timedelta(days=2)) == 8.0


def test_days_left_ends_at_zero() -> None:
    assert left(-50) == 0.0
    assert left(1_000, silent=timedelta(days=9)) == 0.0


def test_days_left_is_unknown_without_a_mean() -> None:
    assert left(10_000, mean=None) is None


def test_days_left_is_unknown_when_nearly_nothing_is_used() -> None:
    assert left(10_000, mean=9_999_999) is None


def test_days_left_is_unknown_without_a_reading() -> None:
    assert days_left(Fen(10_000), Fen(0), Nanoyuan(YUAN), None, NOW) is None


def test_a_reading_from_the_near_future_adds_no_days() -> None:
    assert left(10_000, silent=-timedelta(seconds=30)) == 10.0
