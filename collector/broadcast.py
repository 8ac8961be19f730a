"""The daily time broadcast on DL/T 645 lines (广播校时): at a quiet hour, with a clock that is known.

Meters move their clocks by at most five minutes, once a day, and not near midnight (DL/T 645-2007, 7.8):
there the day's frozen values are made.
"""

from collections.abc import Callable
from datetime import timedelta

from collector.protocols.dlt645 import Broadcast
from collector.requests import Request
from common.clock import Clock, local, local_midnight

FROM, UNTIL = timedelta(hours=2, minutes=30), timedelta(hours=5)
PATIENCE_S = 1_800.0  # So long it gives way to everything; then polls give way to it.
LOOK_AGAIN_S = 60.0


class Broadcasts:
    """When the meters of one line are told the time. Times are monotonic seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opens_s: float | None = None  # None: the line has no such meters.
        self._not_before_s = 0.0

    def plan(self, protocol: str) -> None:
        if not protocol.startswith("dlt645"):
            self._opens_s = None
        elif self._opens_s is None:
            self._opens_s = self._next_opening_s()

    def next_s(self) -> float | None:
        """Return when it is worth asking `due`."""
        return None if self._opens_s is None else max(self._opens_s, self._not_before_s)

    def due(self, now_s: float, known: bool) -> bool:
        """Tell whether to send it now. known: the clock is; without it the day may go by."""
        next_s = self.next_s()
        if next_s is None or now_s < next_s:
            return False
        if not self._open_now():
            self._opens_s = self._next_opening_s()
            return False
        if not known:
            self._not_before_s = now_s + LOOK_AGAIN_S
        return known

    def patient(self, now_s: float) -> bool:
        return self._opens_s is None or now_s < self._opens_s + PATIENCE_S

    def request(self, duration_s: Callable[[Request], float]) -> Broadcast:
        """Return what to send: the instant at which it will have been heard."""
        now = self._clock.now()
        return Broadcast(now + timedelta(seconds=duration_s(Broadcast(now))))

    def sent(self) -> None:
        self._opens_s = self._next_opening_s()

    def _open_now(self) -> bool:
        now = self._clock.now()
        return FROM <= now - local_midnight(local(now).date()) < UNTIL

    def _next_opening_s(self) -> float:
        """Return when the next window begins that is not open already."""
        now = self._clock.now()
        today = local(now).date()
        opens = local_midnight(today) + FROM
        if opens <= now:
            opens = local_midnight(today + timedelta(days=1)) + FROM
        return self._clock.monotonic() + (opens - now).total_seconds()
