"""Finds a connection that is open at our end alone (半开连接).

A gateway that lost its memory, or a firewall that did, looks like meters that do not answer. Behind a
transparent gateway meters that are dead look just the same, so a new connection that changes nothing
makes the next one wait longer.
"""

SILENCES = 3  # So many requests in a row without any sound, to several meters …
LONE_SILENCES = 2  # … or to the only one.
FIRST_PAUSE_S, MAX_PAUSE_S = 5.0, 60.0


class Hearing:
    """What has been heard on one line's connection. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._silent: list[str] = []
        self._since_s = 0.0
        self._pause_s = 0.0
        self._not_before_s = 0.0
        self.worked = False  # Something was heard since the connection was opened, or it was given up.

    @property
    def silent(self) -> set[str]:
        """The meters asked since the last sound."""
        return set(self._silent)

    def opened(self) -> None:
        self._silent.clear()
        self.worked = False

    def heard(self) -> None:
        self._silent.clear()
        self.worked = True
        self._pause_s = self._not_before_s = 0.0

    def missed(self, meter_id: str, sent_s: float, now_s: float, sound_s: float, meters: int) -> bool:
        """Note a request without an answer; returns True when the connection shall be opened anew.

        sound_s: when anything at all came in on the connection last; meters: how many the line has.
        """
        if self._silent and sound_s > self._since_s:
            # Another line's answer, a late one or noise: the connection carries.
            self._silent.clear()
        if sound_s > sent_s:
            return False
        if not self._silent:
            self._since_s = sent_s
        self._silent.append(meter_id)
        enough = LONE_SILENCES if meters == 1 else SILENCES
        if len(self._silent) < enough or len(self.silent) < min(meters, 2) or now_s < self._not_before_s:
            return False
        self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), MAX_PAUSE_S)
        self._not_before_s = now_s + self._pause_s
        self.worked = True  # The gateway takes connections: the next attempt need not wait.
        return True
