"""The outbox's rows in SQL (发件箱表): claim, keep, finish. Any number of processes at once.

A row is somebody's while `lease_until_at` lies ahead. Meanwhile its `due_at` is FAR; wanting the same
work again brings it near, so the row survives its own run. Whoever finishes names the lease it holds:
a lease that was lost in between changes nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from backend.store import dialect, rows, run, some_utc, sql_time, unit_of_work, utc

LEASE = timedelta(seconds=60)
FAR = datetime(9999, 1, 1, tzinfo=UTC)


class Claimed(Struct):
    """A row that is ours until `lease_at`, which grows while the job runs."""

    id: int
    kind: str
    payload: str
    lease_at: datetime
    attempts: int  # This one included.


class DueKind(Struct, frozen=True):
    kind: str
    count: int
    oldest_due_at: datetime


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


async def insert(
    row_id: int, kind: str, key: str | None, payload: str, now: datetime, due_at: datetime
) -> None:
    """Add a row. With a key that exists: the row stays as it is and the earlier time holds."""
    sql = (
        "INSERT INTO outbox (id,kind,`key`,payload,made_at,due_at,attempts,last_error)"
        " VALUES (?,?,?,?,?,?,0,'')"
    )
    if key is not None and dialect() == "mysql":
        sql += " ON DUPLICATE KEY UPDATE due_at=LEAST(due_at, VALUES(due_at))"
    elif key is not None:
        sql += " ON CONFLICT(`key`) DO UPDATE SET due_at=MIN(due_at, excluded.due_at)"
    await run(sql, [row_id, kind, key, payload, sql_time(now), sql_time(due_at)])


async def claim(kinds: Sequence[str], limit: int, now: datetime) -> list[Claimed]:
    """Lease up to `limit` due rows of some kinds, oldest first. What others hold is left alone."""
    if not kinds or limit <= 0:
        return []
    found = await rows(
        f"SELECT id FROM outbox WHERE kind IN ({_marks(kinds)}) AND due_at <= ? AND lease_until_at IS NULL"
        f" ORDER BY due_at, id LIMIT {limit}",
        [*kinds, sql_time(now)],
    )
    # Read without locks first: most looks find nothing, and a locked range scan would hold up inserts.
    return await unit_of_work(lambda: _lease([row["id"] for row in found], now), "claim") if found else []


async def _lease(ids: Sequence[int], now: datetime) -> list[Claimed]:
    lock = " FOR UPDATE SKIP LOCKED" if dialect() == "mysql" else ""
    ours = await rows(
        f"SELECT id, kind, payload, attempts FROM outbox WHERE id IN ({_marks(ids)})"
        f" AND due_at <= ? AND lease_until_at IS NULL{lock}",
        [*ids, sql_time(now)],
    )
    if not ours:
        return []
    lease_at = now + LEASE
    await run(
        f"UPDATE outbox SET due_at=?, lease_until_at=?, attempts=attempts+1 WHERE id IN ({_marks(ours)})",
        [sql_time(FAR), sql_time(lease_at), *(row["id"] for row in ours)],
    )
    claimed = {
        int(row["id"]): Claimed(
            int(row["id"]), row["kind"], row["payload"], lease_at, int(row["attempts"]) + 1
        )
        for row in ours
    }
    return [claimed[int(row_id)] for row_id in ids if int(row_id) in claimed]


async def free_expired(now: datetime) -> datetime | None:
    """Give back the rows of runners that died; return when the next lease ends."""
    ends_at = await _next_end_at()
    if ends_at is None or ends_at > now:
        return ends_at
    at = sql_time(now)
    sql = "UPDATE outbox SET due_at=?, lease_until_at=NULL WHERE lease_until_at <= ?"
    await unit_of_work(lambda: run(sql, [at, at]), "free_expired")
    return await _next_end_at()


async def _next_end_at() -> datetime | None:
    (row,) = await rows("SELECT MIN(lease_until_at) AS ends_at FROM outbox")
    return utc(row["ends_at"])


async def renew(row: Claimed, now: datetime) -> bool:
    """Hold a row longer; False when it is no longer ours."""
    lease_at = now + LEASE
    sql = "UPDATE outbox SET lease_until_at=? WHERE id=? AND lease_until_at=?"
    values = [sql_time(lease_at), row.id, sql_time(row.lease_at)]
    if await unit_of_work(lambda: run(sql, values), "renew") != 1:
        return False
    row.lease_at = lease_at
    return True


async def finish(row: Claimed) -> bool:
    """Delete a row that is done; False when it was wanted again while it ran, and stays.

    A row that is no longer ours stays too. Inside a unit of work.
    """
    lease: Any = sql_time(row.lease_at)
    sql = "DELETE FROM outbox WHERE id=? AND lease_until_at=? AND due_at=?"
    if await run(sql, [row.id, lease, sql_time(FAR)]) == 1:
        return True
    sql = "UPDATE outbox SET lease_until_at=NULL, attempts=0, last_error='' WHERE id=? AND lease_until_at=?"
    await run(sql, [row.id, lease])
    return False


async def give_back(row: Claimed, due_at: datetime, attempts: int, error: str) -> None:
    """Put a row back for `due_at`, or earlier if somebody wanted it so meanwhile. Inside a unit of work."""
    least = "LEAST" if dialect() == "mysql" else "MIN"
    await run(
        f"UPDATE outbox SET due_at={least}(due_at, ?), lease_until_at=NULL, attempts=?, last_error=?"
        " WHERE id=? AND lease_until_at=?",
        [sql_time(due_at), attempts, error, row.id, sql_time(row.lease_at)],
    )


async def next_due_at(kinds: Sequence[str]) -> datetime | None:
    """Return when the next row of some kinds is due that nobody holds."""
    if not kinds:
        return None
    found = await rows(
        f"SELECT due_at FROM outbox WHERE kind IN ({_marks(kinds)}) AND lease_until_at IS NULL"
        " ORDER BY due_at LIMIT 1",
        list(kinds),
    )
    return some_utc(found[0]["due_at"]) if found else None


async def due_kinds(now: datetime) -> list[DueKind]:
    """Count what is due and waits for a runner, by kind."""
    found = await rows(
        "SELECT kind, COUNT(*) AS n, MIN(due_at) AS oldest FROM outbox"
        " WHERE due_at <= ? AND lease_until_at IS NULL GROUP BY kind ORDER BY kind",
        [sql_time(now)],
    )
    return [DueKind(row["kind"], int(row["n"]), some_utc(row["oldest"])) for row in found]
