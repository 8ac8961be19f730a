"""A meter's own period table: when its sharp, peak, flat and valley registers run (时段表)."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.time_line import DAY_US, SLOT_US, SLOTS_PER_DAY

PERIODS = ("sharp", "peak", "flat", "valley")
MAX_SWITCHES = 14
DEFAULT_SWITCHES = (("00:00", 3), ("08:00", 2), ("10:00", 1), ("13:00", 2), ("17:00", 1), ("22:00", 2))

ByPeriod = tuple[int, int, int, int]
NOTHING: ByPeriod = (0, 0, 0, 0)


def add(left: ByPeriod, right: ByPeriod) -> ByPeriod:
    return (left[0] + right[0], left[1] + right[1], left[2] + right[2], left[3] + right[3])


def subtract(left: ByPeriod, right: ByPeriod) -> ByPeriod:
    return (left[0] - right[0], left[1] - right[1], left[2] - right[2], left[3] - right[3])


@dataclass(frozen=True)
class PeriodTable:
    """Up to 14 switches a day, each (local time "HH:MM" on a quarter of an hour, index of PERIODS)."""

    switches: tuple[tuple[str, int], ...] = DEFAULT_SWITCHES

    def __post_init__(self) -> None:
        slots = [_slot(text) for text, _ in self.switches]
        if not slots or len(slots) > MAX_SWITCHES or slots[0] != 0 or slots != sorted(set(slots)):
            raise ValueError(f"not a period table: {self.switches}")
        by_slot = tuple(
            next(period for start, period in reversed(self.starts) if start <= slot)
            for slot in range(SLOTS_PER_DAY)
        )
        object.__setattr__(self, "by_slot", by_slot)

    by_slot: tuple[int, ...] = ()

    @property
    def starts(self) -> list[tuple[int, int]]:
        """Return (first slot, period) of each switch."""
        return [(_slot(text), period) for text, period in self.switches]

    def pieces(self, start_us: int, end_us: int, offset_us: int) -> Iterator[tuple[int, int, int]]:
        """Cut a span at the switches of a meter whose clock is `offset_us` ahead.

        Yields (from, to, period) in true time.
        """
        at = start_us
        while at < end_us:
            day, in_day = divmod(at + offset_us, DAY_US)
            later = [slot for slot, _ in self.starts if slot * SLOT_US > in_day]
            next_switch = day * DAY_US + (later[0] if later else SLOTS_PER_DAY) * SLOT_US - offset_us
            until = min(next_switch, end_us)
            yield at, until, self.by_slot[in_day // SLOT_US]
            at = until


def _slot(text: str) -> int:
    hour, minute = text.split(":")
    slot, rest = divmod(int(hour) * 60 + int(minute), 15)
    if rest or not 0 <= slot < SLOTS_PER_DAY:
        raise ValueError(f"not on a quarter of an hour: {text!r}")
    return slot
