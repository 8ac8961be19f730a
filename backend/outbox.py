"""The outbox (发件箱): work that a transaction wants done, and the plain loop that does it.

A row is work to do. It is claimed by a lease, so that several processes never do it at once and a
process that dies gives it back. While it runs its `due_at` is far away; wanting the same work again
meanwhile brings it near: the row then survives its own run.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from backend.context import Context
from backend.errors import Bug
from backend.jobs.port import Again, Done, Job
from backend.metrics import count_job, set_outbox
from backend.store import after_commit, dialect, rows, run, some_utc, sql_time, unit_of_work, utc
from common.failpoint import failpoint

TOPIC = "outbox"
LEASE = timedelta(seconds=60)  # A job that takes longer may be run by another process too.
FAR = datetime(9999, 1, 1, tzinfo=UTC)
AT_ONCE = 32
PER_KIND = 16  # One kind alone never fills the loop: payments do not wait behind messages.
LONGEST_PAUSE_S = 5.0
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 300.0

log = structlog.get_logger("prewatt.outbox")


async def add_work(
    ctx: Context, kind: str, payload: Struct, *, key: str | None = None, due_at: datetime | None = None
) -> None:
    """Want a piece of work done, inside the unit of work that causes it.

    key: two equal pieces of work are one; the earlier time holds. due_at: now unless said otherwise.
    """
    now = ctx.clock.now()
    due = due_at or now
    values = [
        ctx.ids.new(),
        kind,
        key,
        msgspec.json.encode(payload).decode(),
        sql_time(now),
        sql_time(due),
        0,
        "",
    ]
    sql = (
        "INSERT INTO outbox (id,kind,`key`,payload,made_at,due_at,attempts,last_error)"
        " VALUES (?,?,?,?,?,?,?,?)"
    )
    if key is not None:
        if dialect() == "mysql":
            sql += " ON DUPLICATE KEY UPDATE due_at=LEAST(due_at, VALUES(due_at))"
        else:
            sql += " ON CONFLICT(`key`) DO UPDATE SET due_at=MIN(due_at, excluded.due_at)"
    await run(sql, values)
    if due <= now + timedelta(seconds=LONGEST_PAUSE_S):
        after_commit(lambda: ctx.wakes.wake(TOPIC))


class _Row(Struct, frozen=True):
    id: int
    kind: str
    payload: str
    lease_at: datetime
    attempts: int


class Runner:
    """Does due work. `jobs`: by kind. Any number of runners in any number of processes."""

    def __init__(self, ctx: Context, jobs: Mapping[str, Job]) -> None:
        self._ctx = ctx
        self._jobs = dict(jobs)
        self._running: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run_due(self) -> int:
        """Do everything that is due now, and what that makes due, and return how many jobs ran."""
        count = 0
        while True:
            claimed = await self._claim(AT_ONCE)
            if not claimed:
                return count
            await asyncio.gather(*(self._run(row) for row in claimed))
            count += len(claimed)

    async def run_forever(self) -> None:
        """Do work as it comes due, until cancelled; woken after each commit that made some."""
        try:
            while True:
                ticket = self._ctx.wakes.ticket(TOPIC)
                claimed = await self._claim_safely()
                for row in claimed:
                    self._start(row)
                if not claimed:
                    await self._ctx.wakes.wait(TOPIC, ticket, await self._pause_s())
                elif len(self._tasks) >= AT_ONCE:
                    await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, row: _Row) -> None:
        task = asyncio.create_task(self._run(row))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._ctx.wakes.wake(TOPIC) if self._is_full() else None)

    def _is_full(self) -> bool:
        return any(count >= PER_KIND - 1 for count in self._running.values())

    async def _claim_safely(self) -> list[_Row]:
        try:
            return await self._claim(AT_ONCE - len(self._tasks))
        except Exception as error:  # The database is away: the loop outlives it.
            log.warning("outbox_unreachable", error=type(error).__name__)
            await self._ctx.clock.sleep(1.0)
            return []

    async def _pause_s(self) -> float:
        """Return how long nothing will be due, at most a few seconds."""
        now = self._ctx.clock.now()
        try:
            (row,) = await rows(
                "SELECT COUNT(*) AS n, MIN(COALESCE(lease_until_at, due_at)) AS due_at FROM outbox"
            )
        except Exception as error:
            log.warning("outbox_unreachable", error=type(error).__name__)
            return 1.0
        if row["due_at"] is None:
            set_outbox("all", 0, 0.0)
            return self._ctx.wakes.reread_s(0.25)
        wait_s = (some_utc(row["due_at"]) - now).total_seconds()
        set_outbox("all", int(row["n"]), max(0.0, -wait_s))
        return min(max(wait_s, 0.01), self._ctx.wakes.reread_s(0.25))

    async def _claim(self, limit: int) -> list[_Row]:
        now = self._ctx.clock.now()
        found = await rows(
            "SELECT id, kind, payload, lease_until_at, attempts FROM outbox"
            " WHERE (due_at <= ? AND lease_until_at IS NULL) OR lease_until_at <= ?"
            f" ORDER BY due_at, id LIMIT {max(0, limit) * 2}",
            [sql_time(now), sql_time(now)],
        )
        claimed: list[_Row] = []
        for row in found:
            kind = row["kind"]
            if kind not in self._jobs or self._running.get(kind, 0) >= PER_KIND or len(claimed) >= limit:
                continue
            lease_at = now + LEASE
            if await self._lease(int(row["id"]), utc(row["lease_until_at"]), lease_at):
                self._running[kind] = self._running.get(kind, 0) + 1
                attempts = int(row["attempts"]) + 1
                claimed.append(_Row(int(row["id"]), kind, row["payload"], lease_at, attempts))
        return claimed

    async def _lease(self, row_id: int, before: datetime | None, lease_at: datetime) -> bool:
        sql = "UPDATE outbox SET due_at=?, lease_until_at=?, attempts=attempts+1 WHERE id=? AND "
        values = [sql_time(FAR), sql_time(lease_at), row_id]
        if before is None:
            return await run(sql + "lease_until_at IS NULL", values) == 1
        return await run(sql + "lease_until_at=?", [*values, sql_time(before)]) == 1

    async def _run(self, row: _Row) -> None:
        job = self._jobs[row.kind]
        try:
            failpoint(f"job_{row.kind}:before")
            try:
                payload: Any = msgspec.json.decode(row.payload, type=job.payload)
                result = await job.run(self._ctx, payload)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                await self._failed(row, error)
                return
            failpoint(f"job_{row.kind}:after")
            await self._finished(row, result)
        finally:
            self._running[row.kind] -= 1

    async def _finished(self, row: _Row, result: Done | Again) -> None:
        if isinstance(result, Again):
            count_job(row.kind, "again")
            due_at = self._ctx.clock.now() + timedelta(seconds=result.after_s)
            await unit_of_work(lambda: self._give_back(row, due_at, 0, ""), "outbox_done")
            return
        count_job(row.kind, "done")
        await unit_of_work(lambda: self._delete(row), "outbox_done")

    async def _failed(self, row: _Row, error: Exception) -> None:
        """Put it back for later. A Bug is work that must not go on: it is tried again slowly and logged."""
        count_job(row.kind, "failed")
        log.error("job_failed", kind=row.kind, attempts=row.attempts, exc_info=error)
        wait_s = min(_FIRST_RETRY_S * 2 ** min(row.attempts - 1, 12), _LONGEST_RETRY_S)
        if isinstance(error, Bug):
            wait_s = _LONGEST_RETRY_S
        due_at = self._ctx.clock.now() + timedelta(seconds=wait_s)
        name = type(error).__name__[:200]
        try:
            await unit_of_work(lambda: self._give_back(row, due_at, row.attempts, name), "outbox_failed")
        except Exception as second:  # The lease ends by itself.
            log.warning("outbox_unreachable", error=type(second).__name__)

    async def _delete(self, row: _Row) -> None:
        """Take the row away, unless somebody wanted it again while it ran."""
        lease = sql_time(row.lease_at)
        gone = await run(
            "DELETE FROM outbox WHERE id=? AND lease_until_at=? AND due_at=?", [row.id, lease, sql_time(FAR)]
        )
        if gone == 0:
            await run(
                "UPDATE outbox SET lease_until_at=NULL, attempts=0 WHERE id=? AND lease_until_at=?",
                [row.id, lease],
            )
            after_commit(lambda: self._ctx.wakes.wake(TOPIC))

    async def _give_back(self, row: _Row, due_at: datetime, attempts: int, error: str) -> None:
        least = "LEAST" if dialect() == "mysql" else "MIN"
        await run(
            f"UPDATE outbox SET due_at={least}(due_at, ?), lease_until_at=NULL, attempts=?, last_error=?"
            " WHERE id=? AND lease_until_at=?",
            [sql_time(due_at), attempts, error, row.id, sql_time(row.lease_at)],
        )
