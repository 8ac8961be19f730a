"""The relay inside a prepaid meter: it travels, welds and sticks (继电器)."""

from dataclasses import dataclass

DEFAULT_TRAVEL_US = 150_000
MIN_TRAVEL_US = 50_000
MAX_TRAVEL_US = 300_000


@dataclass
class Relay:
    """One relay with all its poles.

    travel_us: from the accepted order to the moved contact.
    welded:    the contact never opens, though the mechanism and its report do.
    stuck:     neither contact nor report moves, whatever is ordered.
    """

    travel_us: int = DEFAULT_TRAVEL_US
    reported_closed: bool = True
    welded: bool = False
    stuck: bool = False
    moves_at_us: int | None = None
    moves_to_closed: bool = True

    @property
    def conducts(self) -> bool:
        return self.reported_closed or self.welded

    def order(self, us: int, closed: bool) -> None:
        """Start to move; a newer order to stay where it is stops a movement not yet done."""
        if self.stuck:
            return
        if closed == self.reported_closed:
            self.moves_at_us = None
        elif self.moves_at_us is None or self.moves_to_closed != closed:
            self.moves_at_us = us + self.travel_us
            self.moves_to_closed = closed

    def settle(self, us: int) -> int | None:
        """Finish a movement that is due; returns the instant at which the contact moved."""
        moved_at = self.moves_at_us
        if moved_at is None or moved_at > us:
            return None
        self.moves_at_us = None
        self.reported_closed = self.moves_to_closed
        return moved_at
