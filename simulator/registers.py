"""The register maps that the simulated meters serve (寄存器表): one module a family of meters."""

from collections.abc import Sequence

from simulator import registers_acrel, registers_adf400l, registers_float32
from simulator.meter import Meter
from simulator.registers_acrel import STATUS_BLOCK_WORDS, TYPE_CODES, status_block, status_word
from simulator.words import READ_HOLDING, Area, Words

__all__ = ["IllegalAddress", "areas_of", "knows", "read", "status_word", "write"]

FORCED_AT = 0x0057
FORCED_WORDS = 2
AREAS = {**registers_acrel.AREAS, **registers_adf400l.AREAS, **registers_float32.AREAS}


class IllegalAddress(Exception):
    """A register that the meter does not have (exception 02)."""


def read(meter: Meter, at: int, count: int, us: int, function: int = READ_HOLDING) -> Words:
    """Return `count` registers from `at`; they may lie in areas that touch. Raises IllegalAddress."""
    found: Words = []
    areas = [area for area in areas_of(meter) if area.function == function]
    while len(found) < count:
        here = at + len(found)
        area = next((a for a in areas if a.at <= here < a.at + a.count), None)
        if area is None:
            raise IllegalAddress(here)
        found += area.words(meter, us)[here - area.at :]
    return found[:count]


def write(meter: Meter, at: int, words: Sequence[int], us: int) -> bool:
    """Write forced control; returns False for a value that the meter refuses. Raises IllegalAddress."""
    if registers_adf400l.is_forced(meter, at, len(words)):
        return registers_adf400l.force(meter, words[0], us)
    if not _acrel_prepaid(meter) or at < FORCED_AT or at + len(words) > FORCED_AT + FORCED_WORDS:
        raise IllegalAddress(at)
    forced = [meter.forced_mode, meter.forced_open]
    forced[at - FORCED_AT : at - FORCED_AT + len(words)] = words
    if any(word > 1 for word in forced):
        return False
    meter.force(us, *forced)
    return True


def knows(meter: Meter, function: int) -> bool:
    """Whether the meter has registers that are read with this function code."""
    return any(area.function == function for area in areas_of(meter))


def areas_of(meter: Meter) -> list[Area]:
    """Return the map of a meter's model."""
    areas = AREAS[meter.spec.profile]
    status_at = meter.spec.status_block_at
    if _acrel_prepaid(meter) and status_at is not None:
        return [*areas, Area(status_at, STATUS_BLOCK_WORDS, status_block)]
    return areas


def _acrel_prepaid(meter: Meter) -> bool:
    return meter.prepaid and meter.spec.profile in TYPE_CODES
