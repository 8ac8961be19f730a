"""The last midnight known of each meter (日冻结), over restarts: where a back-fill has to begin."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from collector.spool import Spool
from common.clock import Clock, local, local_midnight
from common.wire import Reading

Known = Mapping[str, datetime]
NOTHING_KNOWN: Known = {}

SAVE_EVERY_S = 60.0  # What is lost in between costs one request too many.
OLDEST = timedelta(days=62)  # No meter keeps more; it is also how wrong a meter's calendar may be.


class Midnights(Known):
    """By meter. Kept in the spool in one piece, a minute late at most: most are told within two hours."""

    def __init__(self, spool: Spool, now: datetime) -> None:
        self._spool = spool
        self._known = {
            meter_id: at
            for meter_id, seconds in spool.midnights().items()
            if _may_be(at := datetime.fromtimestamp(seconds, UTC), now)
        }
        self._dirty = False
        self._saved_s = 0.0

    def __getitem__(self, meter_id: str) -> datetime:
        return self._known[meter_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def note(self, reading: Reading, now_s: float) -> None:
        """Take what a reading says of midnights, and save it now and then. Raises sqlite3.Error."""
        if reading.frozen and _may_be(reading.frozen[-1].at, reading.read_at):
            self._known[reading.meter_id] = reading.frozen[-1].at
            self._dirty = True
        elif reading.frozen or reading.meter_clock_offset_s is not None:
            # Asked and not told, or by a calendar that is wrong: it has nothing to go on from.
            self._dirty = self._known.pop(reading.meter_id, None) is not None or self._dirty
        elif reading.meter_id not in self._known:
            # Its first reading: what was before is nobody's energy, what comes after will be missed.
            self._known[reading.meter_id] = local_midnight(local(reading.read_at).date())
            self._dirty = True
        if self._dirty and now_s >= self._saved_s + SAVE_EVERY_S:
            self.save(now_s)

    def save(self, now_s: float) -> None:
        """Write what has changed. Raises sqlite3.Error."""
        if self._dirty:
            self._spool.keep_midnights({meter: at.timestamp() for meter, at in self._known.items()})
            self._dirty, self._saved_s = False, now_s


def next_midnights_s(known: Known, clock: Clock) -> dict[str, float]:
    """Return when, in monotonic seconds, the first midnight that a meter has not told of was or will be."""
    now, now_s = clock.now(), clock.monotonic()
    return {
        meter_id: now_s + (at + timedelta(days=1) - now).total_seconds() for meter_id, at in known.items()
    }


def _may_be(at: datetime, now: datetime) -> bool:
    return now - OLDEST < at <= now
