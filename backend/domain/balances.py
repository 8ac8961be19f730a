"""Two balances and days left (账面余额、预估可用余额、约可用天数)."""

from collections.abc import Sequence
from datetime import datetime

from common.units import NANOYUAN_PER_FEN, Fen, Nanoyuan

MIN_DAYS = 3  # Days left are never invented from less.
_SECONDS_PER_DAY = 86_400


def estimate(settled_fen: Fen, carried_nano: Nanoyuan, accrued_nano: Nanoyuan) -> Fen:
    """Return settled less what has accrued since, cut down to whole fen (预估可用余额).

    Cut down, so that it never says more than there is.
    """
    return Fen((settled_fen * NANOYUAN_PER_FEN - carried_nano - accrued_nano) // NANOYUAN_PER_FEN)


def mean_daily(costs_nano: Sequence[Nanoyuan]) -> Nanoyuan | None:
    """Return the mean cost of a day; None with fewer than three days of data."""
    if len(costs_nano) < MIN_DAYS:
        return None
    return Nanoyuan(sum(costs_nano) // len(costs_nano))


def days_left(
    estimated_fen: Fen,
    overdraft_fen: Fen,
    mean_daily_nano: Nanoyuan | None,
    read_at: datetime | None,
    now: datetime,
) -> float | None:
    """Return how many days the money lasts from now, to a tenth (约可用天数); None is unknown.

    The silence since the last reading counts as used at the mean: this projection feeds warnings, never
    trips. Nothing is said without a reading, or when (nearly) nothing is used.
    """
    if mean_daily_nano is None or mean_daily_nano < NANOYUAN_PER_FEN or read_at is None:
        return None
    left_nano = (estimated_fen + overdraft_fen) * NANOYUAN_PER_FEN
    silent_s = max(0.0, (now - read_at).total_seconds())
    tenths = int(10 * (left_nano / mean_daily_nano - silent_s / _SECONDS_PER_DAY))
    return max(0, tenths) / 10
