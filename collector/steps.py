"""The words of a relay order's way (指令步骤): who goes first, where it stands, what is told."""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from common.wire import Desired, OrderClass, Relay, Stage

FAST_CONFIRM_S, FAST_CONFIRMS = 0.02, 8
SLOW_CONFIRMS_S = (0.25, 0.5, 1.0, 1.0)
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # Restores and safety trips; the last one repeats for ever.
SLOW_RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # Other trips.
REASSERTS, REASSERT_SPAN_S = 3, 600.0


class Rank(IntEnum):
    """Who goes first at a transaction boundary; a smaller one always wins (优先级)."""

    SAFETY = 0
    RESTORE = 1
    VERIFY = 2
    TRIP = 3
    REQUEST = 4
    WATCH = 5  # Meters near a limit (关注表).
    POLL = 6


class Phase(Enum):
    CHECK = auto()  # Read first: it may be right already, or a lost write may have worked.
    BEFORE = auto()  # Does load flow before the trip?
    WRITE = auto()
    CONFIRM = auto()  # Read the contact, or the forced registers, back.
    LOAD = auto()  # After a trip: is the current gone?
    WATCH = auto()  # Every reading is compared with what shall be.
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Report:
    """One step worth telling the backend."""

    stage: Stage
    relay: Relay = Relay.UNKNOWN
    detail: str = ""


def confirm_delay_s(confirms: int) -> float | None:
    """Return how long to wait before the next read-back after so many; None when it is enough."""
    if confirms < FAST_CONFIRMS:
        return FAST_CONFIRM_S
    slow = confirms - FAST_CONFIRMS
    return SLOW_CONFIRMS_S[slow] if slow < len(SLOW_CONFIRMS_S) else None


def retry_delay_s(desired: Desired, tries: int) -> float:
    """Return how long to wait before an order's next try, after so many without success."""
    slow = desired.relay is Relay.OFF and desired.order_class is not OrderClass.SAFETY
    delays = SLOW_RETRY_S if slow else RETRY_S
    return delays[min(tries, len(delays) - 1)]


class Reasserts:
    """Counts how often a relay that moved by itself was ordered back: 3 times in 10 minutes at most."""

    def __init__(self) -> None:
        self._times_s: list[float] = []

    def take(self, now_s: float) -> bool:
        self._times_s = [at for at in self._times_s if now_s - at < REASSERT_SPAN_S]
        if len(self._times_s) >= REASSERTS:
            return False
        self._times_s.append(now_s)
        return True
