"""One look at the board for all who watch it (看板的共用快照).

However many pages are open, a process reads a site's board at most once a second: whoever comes while
somebody reads waits for that answer, and rows are written as JSON once, when they change. Each change
has a version, so that a page that comes back is sent what it missed.
"""

import asyncio
from datetime import datetime
from weakref import WeakKeyDictionary

import msgspec

from backend.context import Context
from backend.services.board_lines import BoardLine, board_lines
from backend.services.board_rows import BoardRow, board_rows
from backend.services.show_alarms import AlarmMark, marks_of
from backend.wakes import Wakes

GATHER_S = 1.0  # Changes are gathered for this long.


class BoardFeed:
    """A site's board as it was last read, with the version of each of its parts."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch  # Versions mean something within one process's feed alone.
        self.version = 0
        self.looks = 0  # How often the database was asked.
        self.at: datetime | None = None
        self.rows: dict[str, BoardRow] = {}
        self.lines: list[BoardLine] = []
        self.alarms: list[AlarmMark] = []
        self.lines_version = self.alarms_version = self.removed_version = 0
        self._versions: dict[str, int] = {}
        self._texts: dict[str, bytes] = {}
        self._read_s = float("-inf")
        self._ticket = -1
        self._lock = asyncio.Lock()

    @property
    def mark(self) -> str:
        """Name this state of the board, for whoever comes back: "<epoch>.<version>"."""
        return f"{self.epoch}.{self.version}"

    def version_of(self, mark: str) -> int | None:
        """Return the version that a mark names; None when what was missed since cannot be told."""
        epoch, _, number = mark.partition(".")
        if epoch != self.epoch or not number.isdecimal() or len(number) > 18:
            return None
        version = int(number)
        return version if self.removed_version <= version <= self.version else None

    def changed_since(self, version: int) -> bytes:
        """Return the rows that changed after a version as a JSON array."""
        texts = (text for key, text in self._texts.items() if self._versions[key] > version)
        return b"[" + b",".join(texts) + b"]"

    async def look(self, ctx: Context, site_id: int, ticket: int, *, at_once: bool = False) -> None:
        """Be no older than a ticket of the site's wakes, and than a second.

        at_once: somebody waits for a first picture; otherwise the changes of a second are gathered.
        """
        async with self._lock:
            age_s = ctx.clock.monotonic() - self._read_s
            if age_s < GATHER_S and self._ticket >= ticket:
                return
            if age_s < GATHER_S and not at_once:
                await ctx.clock.sleep(GATHER_S - age_s)
            self._ticket = ctx.wakes.ticket(f"live:{site_id}")
            self._read_s = ctx.clock.monotonic()
            self.looks += 1
            now = ctx.clock.now()
            self._take(now, await board_rows(site_id, now), await board_lines(site_id, now))
            self._mark_alarms(await marks_of(site_id))

    def _take(self, now: datetime, found: list[BoardRow], lines: list[BoardLine]) -> None:
        self.at = now
        changed = [row for row in found if self.rows.get(row.meter_id) != row]
        here = {row.meter_id for row in found}
        removed = self.rows.keys() - here
        if changed or removed or lines != self.lines:
            self.version += 1
        for row in changed:
            self.rows[row.meter_id] = row
            self._versions[row.meter_id] = self.version
            self._texts[row.meter_id] = msgspec.json.encode(row)
        for key in removed:
            del self.rows[key], self._versions[key], self._texts[key]
        if removed:
            self.removed_version = self.version
        if lines != self.lines:
            self.lines, self.lines_version = lines, self.version

    def _mark_alarms(self, marks: list[AlarmMark]) -> None:
        if marks != self.alarms:
            self.version += 1
            self.alarms, self.alarms_version = marks, self.version


# By the process's own wakes: a process has one, a test as many as it makes.
_feeds: "WeakKeyDictionary[Wakes, dict[int, BoardFeed]]" = WeakKeyDictionary()


def feed_of(ctx: Context, site_id: int) -> BoardFeed:
    """Return the one feed of a site in this process."""
    of_site = _feeds.setdefault(ctx.wakes, {})
    if site_id not in of_site:
        of_site[site_id] = BoardFeed(f"{ctx.ids.new():x}")
    return of_site[site_id]
