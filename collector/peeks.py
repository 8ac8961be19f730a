"""The newest state of each meter while older readings wait (断网补传时的最新状态): shown, never charged.

In memory alone: every reading is in the spool as well, and is charged when its turn comes. A meter has one
peek, and one more for each read request that it answers.
"""

from msgspec import structs

from common.wire import MAX_BATCH, Reading, ReadingKind

KEPT = 2_000  # More than a site's meters; beyond it the oldest goes.


class Peeks:
    """What has been read and was not shown yet."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], Reading] = {}

    def add(self, reading: Reading) -> None:
        key = (reading.meter_id, reading.request_id or "")
        self._newest.pop(key, None)
        self._newest[key] = reading
        while len(self._newest) > KEPT:
            del self._newest[next(iter(self._newest))]

    def batch(self) -> list[Reading]:
        """Return up to one batch of what waits, as peeks; what answers a request comes first."""
        asked_first = sorted(self._newest.values(), key=lambda reading: reading.request_id is None)
        return [
            structs.replace(reading, kind=ReadingKind.PEEK, frozen=(), period_table=None)
            for reading in asked_first[:MAX_BATCH]
        ]

    def shown(self, peeks: list[Reading]) -> None:
        """Forget what was sent, unless a newer state has come meanwhile."""
        for peek in peeks:
            key = (peek.meter_id, peek.request_id or "")
            known = self._newest.get(key)
            if known is not None and known.read_at == peek.read_at:
                del self._newest[key]

    def clear(self) -> None:
        """Nothing waits any more: the readings themselves have arrived."""
        self._newest.clear()
