"""The words of a relay order's way (指令步骤): who goes first, where it stands, what is told."""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from common.wire import Desired, OrderClass, Relay, Stage

FAST_CONFIRM_S, FAST_CONFIRMS = 0.02, 8
SLOW_CONFIRMS_S = (0.25, 0.5, 1.0, 1.0)
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # Restores and safety trips; the last one repeats for ever.
SLOW_RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # Other trips.
DENIED_RETRY_S = 60.0  # A few wrong passwords in a row lock a meter for a day.
REASSERTS, REASSERT_SPAN_S = 3, 600.0
LOAD_LOOKS, LOAD_GAP_S = 3, 1.0
GONE_LOOKS = 2  # Without contact bits, "current gone" needs two reads.


class Rank(IntEnum):
    """Who goes first at a transaction boundary; a smaller one always wins (优先级)."""

    SAFETY = 0
    RESTORE = 1
    VERIFY = 2
    TRIP = 3
    REQUEST = 4
    WATCH = 5  # Meters near a limit (关注表).
    POLL = 6
    CLOCK = 7  # The daily time broadcast (广播校时).


class Phase(Enum):
    CHECK = auto()  # Read first: it may be right already, or a lost write may have worked.
    BEFORE = auto()  # Does load flow before the trip?
    RELEASE = auto()  # The meter holds its supply on: that is lifted before the trip (保电解除).
    RELEASED = auto()  # Read back that it is.
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


class LoadLooks:
    """Judges looks at the current after a trip."""

    def __init__(self) -> None:
        self._looks = self._gone = 0

    def take(self, flowing: bool | None, contact: bool, flowed: bool | None) -> list[Report] | None:
        """Return what a look proves; None to look once more.

        contact: the open contact has been seen. flowed: whether load flowed before the trip.
        """
        self._looks += 1
        self._gone = 0 if flowing else self._gone + 1
        if flowing:
            if self._looks < LOAD_LOOKS:
                return None  # A meter's own average may lag behind its contact.
            relay = Relay.OFF if contact else Relay.UNKNOWN
            return [Report(Stage.CONTRADICTED, relay, "reported open, current flows")]
        if contact:
            return [Report(Stage.VERIFIED, Relay.OFF, "contact open, no current")]
        if not flowed:
            return []  # No current where none flowed before proves nothing: the order stays "commanded".
        if self._gone < GONE_LOOKS:
            return None
        return [Report(Stage.VERIFIED, Relay.UNKNOWN, "current gone")]
