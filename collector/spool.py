"""What the backend has not confirmed yet, on disk (断点续传): readings, outcomes, orders, the plan.

SQLite in WAL mode, called directly: a row takes some 50 µs, and the same code runs on virtual time,
where there are no threads.
"""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog

from collector.settings import PREFIX, CollectorConfigError
from common.failpoint import failpoint
from common.wire import Desired, Plan, Stage

KEPT = timedelta(days=30)
BUSY_TIMEOUT_S = 5.0

log = structlog.get_logger()

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    meter_id TEXT PRIMARY KEY, generation INTEGER NOT NULL, body BLOB NOT NULL,
    taken_at REAL NOT NULL, ended INTEGER NOT NULL DEFAULT 0, verified INTEGER NOT NULL DEFAULT 0
);
"""
_BOX_SCHEMA = """
CREATE TABLE IF NOT EXISTS {name} (
    id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, made_at REAL NOT NULL, batch INTEGER
);
CREATE INDEX IF NOT EXISTS {name}_batch ON {name} (batch) WHERE batch IS NOT NULL;
CREATE INDEX IF NOT EXISTS {name}_made ON {name} (made_at);
"""


class Batch(NamedTuple):
    """Rows sent under one number; sent again unchanged until the backend has confirmed them."""

    epoch: str
    number: int
    bodies: list[bytes]


class Box:
    """One kind of rows, numbered in batches within an epoch. They go in order, oldest first: an interval
    between two readings is priced once and exactly only when the readings come one after the other."""

    def __init__(self, db: sqlite3.Connection, name: str, uuid_: Callable[[], str]) -> None:
        self._db, self._name = db, name
        db.executescript(_BOX_SCHEMA.format(name=name))
        self.epoch = _meta(db, f"{name}_epoch", lambda: uuid_().encode()).decode()
        self._number = int(_meta(db, f"{name}_number", lambda: b"0"))
        self.count = int(db.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0])

    def add(self, body: bytes, made_at: datetime) -> None:
        self._db.execute(
            f"INSERT INTO {self._name} (body, made_at) VALUES (?, ?)", (body, made_at.timestamp())
        )
        self.count += 1

    def batch(self, limit: int) -> Batch | None:
        """Return the batch under way, or form the next one of up to `limit` rows; None when empty."""
        bodies = self._bodies(self._number)
        if bodies:
            return Batch(self.epoch, self._number, bodies)
        if self.count == 0:
            return None
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._number += 1
            self._db.execute(
                f"UPDATE {self._name} SET batch = ? WHERE id IN "
                f"(SELECT id FROM {self._name} ORDER BY id LIMIT ?)",
                (self._number, limit),
            )
            self._set_number()
        bodies = self._bodies(self._number)
        return Batch(self.epoch, self._number, bodies) if bodies else None

    def acknowledge(self, number: int) -> None:
        """Forget the batches up to a number: the backend has them."""
        self.count -= self._db.execute(f"DELETE FROM {self._name} WHERE batch <= ?", (number,)).rowcount

    def split(self) -> int:
        """Make the batch under way smaller, because the backend cannot read it; a single row that
        cannot be read is dropped. Returns how many rows were dropped."""
        ids = [
            row[0]
            for row in self._db.execute(f"SELECT id FROM {self._name} WHERE batch = ?", (self._number,))
        ]
        if len(ids) > 1:
            half = len(ids) // 2
            marks = ",".join("?" * (len(ids) - half))
            self._db.execute(f"UPDATE {self._name} SET batch = NULL WHERE id IN ({marks})", ids[half:])
            return 0
        before = self.count
        self.acknowledge(self._number)
        return before - self.count

    def expire(self, now: datetime) -> int:
        """Drop what is older than 30 days. Returns how many rows."""
        dropped = self._db.execute(
            f"DELETE FROM {self._name} WHERE made_at < ?", ((now - KEPT).timestamp(),)
        ).rowcount
        self.count -= dropped
        return dropped

    def _bodies(self, number: int) -> list[bytes]:
        rows = self._db.execute(f"SELECT body FROM {self._name} WHERE batch = ? ORDER BY id", (number,))
        return [bytes(row[0]) for row in rows]

    def _set_number(self) -> None:
        self._db.execute(
            "UPDATE meta SET value = ? WHERE key = ?", (str(self._number).encode(), f"{self._name}_number")
        )


class KeptOrder(NamedTuple):
    desired: Desired
    taken_at: float  # Unix seconds.
    ended: bool
    verified: bool


class Spool:
    """The collector's memory on disk. Raises CollectorConfigError when its file cannot be used."""

    def __init__(self, path: str, uuid_: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
            self.readings = Box(self._db, "readings", uuid_)
            self.outcomes = Box(self._db, "outcomes", uuid_)
        except sqlite3.Error as error:
            raise CollectorConfigError(f"{PREFIX}SPOOL: {path}: {error}") from error

    def close(self) -> None:
        self._db.close()

    def keep_plan(self, plan: Plan) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('plan', ?)", (msgspec.json.encode(plan),))

    def plan(self) -> Plan | None:
        """Return the last plan, to start without the backend; None when there is none that fits."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()
        try:
            return None if row is None else msgspec.json.decode(row[0], type=Plan)
        except msgspec.ValidationError:
            return None  # Written by another version; the backend will send it again.

    def keep_midnights(self, seconds: dict[str, float]) -> None:
        body = msgspec.json.encode(seconds)
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('midnights', ?)", (body,))

    def midnights(self) -> dict[str, float]:
        """Return the last midnight that each meter has told of, in Unix seconds."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'midnights'").fetchone()
        return {} if row is None else msgspec.json.decode(row[0], type=dict[str, float])

    def keep_order(self, desired: Desired, now: datetime) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO orders (meter_id, generation, body, taken_at) VALUES (?, ?, ?, ?)",
            (desired.meter_id, desired.generation, msgspec.json.encode(desired), now.timestamp()),
        )
        failpoint("collector.order.kept")

    def end_order(self, meter_id: str, generation: int, stage: Stage) -> None:
        self._db.execute(
            "UPDATE orders SET ended = 1, verified = ? WHERE meter_id = ? AND generation = ?",
            (stage is Stage.VERIFIED, meter_id, generation),
        )

    def orders(self) -> dict[str, KeptOrder]:
        rows = self._db.execute("SELECT body, taken_at, ended, verified FROM orders ORDER BY meter_id")
        kept = [KeptOrder(msgspec.json.decode(b, type=Desired), at, bool(e), bool(v)) for b, at, e, v in rows]
        return {order.desired.meter_id: order for order in kept}

    def expire(self, now: datetime) -> int:
        return self.readings.expire(now) + self.outcomes.expire(now)


@contextmanager
def spooling(what: str) -> Iterator[None]:
    """Go on when the disk is full or broken: a paid shop gets its power all the same."""
    try:
        yield
    except sqlite3.Error as error:
        log.error("spool_failed", what=what, reason=str(error))


def _meta(db: sqlite3.Connection, key: str, make: Callable[[], bytes]) -> bytes:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return bytes(row[0])
    value = make()
    db.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
    return value
