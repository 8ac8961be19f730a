"""Whole microseconds since a fixed instant, so that energy is exact (模拟时间轴).

The load of every meter is a function of this time line: a register does not depend on when the
simulator was started.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2025, 6, 30, 16, tzinfo=UTC)  # 2025-07-01 00:00 in Asia/Shanghai, which has no summer time.
EPOCH_WEEKDAY = 1  # A Tuesday; Monday is 0.

SECOND_US = 1_000_000
SLOT_US = 900 * SECOND_US
SLOTS_PER_DAY = 96
DAY_US = SLOT_US * SLOTS_PER_DAY

NJ_PER_WH = 3_600_000_000_000  # 1 mW for 1 µs is 1 nJ.

_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Place an instant on the time line. Raises ValueError before its beginning."""
    us = (at - EPOCH) // _MICROSECOND
    if us < 0:
        raise ValueError(f"the simulated mall begins at {EPOCH.isoformat()}, asked for {at.isoformat()}")
    return us


def to_instant(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)
