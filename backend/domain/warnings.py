"""Low-balance warnings (低余额预警): two levels, in yuan or in days; the last one when arrears begins.

A level is told once per crossing. It is armed again only when the balance has risen above it with a
margin, so that a balance that trembles around a threshold does not ring twice.
"""

from enum import IntEnum

from msgspec import Struct

from common.units import Fen

MARGIN_PERMILLE = 1_100  # 10 % above a threshold arms it again.


class Level(IntEnum):
    """How far it has come; a higher level is more urgent."""

    NONE = 0
    LOW = 1
    CRITICAL = 2
    LAST = 3  # Arrears began: the last warning before a trip.


class Thresholds(Struct, frozen=True):
    """Warn at this balance, or when it lasts no more than so many days."""

    low_fen: Fen
    low_days: int
    critical_fen: Fen
    critical_days: int


class Crossing(Struct, frozen=True):
    """`level` is to be remembered; `tell` is what people are to be told now, or None."""

    level: Level
    tell: Level | None


def crossing(
    told: Level, estimated_fen: Fen, days: float | None, thresholds: Thresholds, *, in_arrears: bool
) -> Crossing:
    """Compare a balance with what people were told last.

    days: None when unknown; then only the money counts. Falling through both levels at once tells the
    higher one alone.
    """
    reached = _reached(estimated_fen, days, thresholds, 1_000, in_arrears=in_arrears)
    if reached > told:
        return Crossing(reached, reached)
    kept = _reached(estimated_fen, days, thresholds, MARGIN_PERMILLE, in_arrears=in_arrears)
    return Crossing(min(told, max(reached, kept)), None)


def _reached(
    estimated_fen: Fen, days: float | None, limits: Thresholds, permille: int, *, in_arrears: bool
) -> Level:
    if in_arrears:
        return Level.LAST
    for level, fen, most_days in (
        (Level.CRITICAL, limits.critical_fen, limits.critical_days),
        (Level.LOW, limits.low_fen, limits.low_days),
    ):
        by_money = estimated_fen * 1_000 <= fen * permille
        by_days = days is not None and days * 1_000 <= most_days * permille
        if by_money or by_days:
            return level
    return Level.NONE
