"""The outbox (发件箱): work that a transaction wants done, and the plain loop that does it.

Any number of runners in any number of processes share the rows; none needs Redis. The two lanes have
slots of their own, so that a payment never waits behind messages.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from backend import outbox_rows
from backend.context import Context
from backend.errors import Bug
from backend.jobs.port import Again, Done, Job, Lane
from backend.metrics import count_job, set_outbox
from backend.outbox_rows import LEASE, Claimed
from backend.store import after_commit, dialect, unit_of_work
from backend.wakes import OUTBOX
from common.failpoint import failpoint

TOPIC = OUTBOX
LANE_SLOTS = {Lane.PROMPT: 20, Lane.SLOW: 12}
PER_KIND = 12  # One kind alone never fills the prompt lane.
LONGEST_PAUSE_S = 5.0
LONGEST_PAUSE_ALONE_S = 60.0  # No wake can be missed; days on virtual time are then cheap.
_REREAD_WHILE_DOWN_S = 0.25
_RENEW_S = LEASE.total_seconds() / 3
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 300.0
_DATABASE_AWAY_S = 1.0
_COUNT_EVERY_S = 5.0

log = structlog.get_logger("prewatt.outbox")


async def add_work(
    ctx: Context,
    kind: str,
    payload: Struct | Mapping[str, Any],
    *,
    key: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """Want a piece of work done, inside the unit of work that causes it.

    key:    names the kind and its payload; two equal pieces of work are one, the earlier time holds.
    due_at: now unless said otherwise.
    """
    now = ctx.clock.now()
    due = due_at or now
    await outbox_rows.insert(ctx.ids.new(), kind, key, msgspec.json.encode(payload).decode(), now, due)
    if due <= now + timedelta(seconds=LONGEST_PAUSE_ALONE_S):  # Later work is found by looking.
        after_commit(lambda: ctx.wakes.wake(TOPIC))


def _longest_pause_s(ctx: Context) -> float:
    """Return how long to trust the wakes alone; a server's database is never ours alone."""
    if ctx.wakes.is_alone and dialect() == "sqlite":
        return LONGEST_PAUSE_ALONE_S
    return min(LONGEST_PAUSE_S, ctx.wakes.reread_s(_REREAD_WHILE_DOWN_S))


class Runner:
    """Does due work. `jobs`: by kind; rows of other kinds are left to other programs."""

    def __init__(self, ctx: Context, jobs: Mapping[str, Job]) -> None:
        self._ctx = ctx
        self._jobs = dict(jobs)
        self._running = dict.fromkeys(self._jobs, 0)
        self._tasks: dict[asyncio.Task[None], Lane] = {}
        self._passing = asyncio.Lock()
        self._look_for_dead_at: datetime | None = None
        self._counted_at = float("-inf")
        self._is_closing = False

    @property
    def has_room(self) -> bool:
        """Whether urgent work would be started at once."""
        return bool(self._open_kinds(Lane.PROMPT))

    async def run_due(self, limit: int | None = None) -> int:
        """Do all that is due now and all that this makes due, or about `limit` of it; return the count."""
        count = 0
        while limit is None or count < limit:
            started = await self.start_due()
            if not started and not self._tasks:
                return count
            count += started
            await asyncio.gather(*self._tasks)
        return count

    async def run_forever(self) -> None:
        """Do work as it comes due, until cancelled; then what still runs is cancelled and given back."""
        try:
            while True:
                ticket = self._ctx.wakes.ticket(TOPIC)
                try:
                    started = await self.start_due()
                    pause_s = 0.0 if started else await self._pause_s()
                except Exception as error:  # The database is away: the loop outlives it.
                    log.warning("outbox_unreachable", error=type(error).__name__)
                    await self._ctx.clock.sleep(_DATABASE_AWAY_S)
                    continue
                if pause_s > 0:
                    await self._ctx.wakes.wait(TOPIC, ticket, pause_s)
        finally:
            await self.close()

    async def start_due(self) -> int:
        """Claim due work as far as there is room, start it, and return how many jobs were started."""
        # Shielded: a claim that was cancelled half-way would leave rows leased that nobody runs.
        return await asyncio.shield(asyncio.ensure_future(self._start_due()))

    async def close(self, grace_s: float = 0.0) -> None:
        """Start nothing more, let jobs end for `grace_s`, then cancel them: others do them at once."""
        self._is_closing = True
        async with self._passing:
            running = list(self._tasks)
        if running and grace_s > 0:
            await asyncio.wait(running, timeout=grace_s)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _start_due(self) -> int:
        started = 0
        async with self._passing:
            if self._is_closing:
                return 0
            await self._free_expired(self._ctx.clock.now())
            for lane in Lane:
                for row in await self._claim(lane):
                    self._start(row, lane)
                    started += 1
        return started

    async def _free_expired(self, now: datetime) -> None:
        """Take back what dead runners held, as rarely as will do: a lease made from now on ends later."""
        if self._look_for_dead_at is None or now >= self._look_for_dead_at:
            ends_at = await outbox_rows.free_expired(now)
            self._look_for_dead_at = min(ends_at or now + LEASE, now + LEASE)

    def _open_kinds(self, lane: Lane) -> list[str]:
        """Return the kinds of a lane of which one more may run."""
        if list(self._tasks.values()).count(lane) >= LANE_SLOTS[lane]:
            return []
        return [
            kind for kind, job in self._jobs.items() if job.lane is lane and self._running[kind] < PER_KIND
        ]

    async def _claim(self, lane: Lane) -> list[Claimed]:
        kinds = self._open_kinds(lane)
        free = LANE_SLOTS[lane] - list(self._tasks.values()).count(lane)
        # No more than any one of the kinds may still have, whatever the mix.
        free = min([free, *(PER_KIND - self._running[kind] for kind in kinds)])
        return await outbox_rows.claim(kinds, free, self._ctx.clock.now())

    def _start(self, row: Claimed, lane: Lane) -> None:
        self._running[row.kind] += 1
        task = asyncio.create_task(self._run(row), name=f"job {row.kind}")
        self._tasks[task] = lane
        task.add_done_callback(lambda task: self._ended(task, row.kind))

    def _ended(self, task: "asyncio.Task[None]", kind: str) -> None:
        was_full = kind not in self._open_kinds(self._tasks[task])
        del self._tasks[task]
        self._running[kind] -= 1
        if was_full:
            self._ctx.wakes.wake_here(TOPIC)

    async def _pause_s(self) -> float:
        """Return how long nothing will be due, at most a few seconds."""
        now = self._ctx.clock.now()
        await self._count(now)
        kinds = [kind for lane in Lane for kind in self._open_kinds(lane)]
        times = [await outbox_rows.next_due_at(kinds), self._look_for_dead_at]
        longest_s = _longest_pause_s(self._ctx)
        wait_s = min(((at - now).total_seconds() for at in times if at is not None), default=longest_s)
        return min(max(wait_s, 0.0), longest_s)

    async def _count(self, now: datetime) -> None:
        """Tell the metrics what waits, now and then."""
        if self._ctx.clock.monotonic() - self._counted_at < _COUNT_EVERY_S:
            return
        self._counted_at = self._ctx.clock.monotonic()
        due = await outbox_rows.due_kinds(now)
        for lane in Lane:
            mine = [one for one in due if one.kind in self._jobs and self._jobs[one.kind].lane is lane]
            ages = [(now - one.oldest_due_at).total_seconds() for one in mine]
            set_outbox(lane.value, sum(one.count for one in mine), max(ages, default=0.0))

    async def _run(self, row: Claimed) -> None:
        """Run one job to its end and write down how it ended, holding the lease meanwhile."""
        ended = asyncio.Event()
        keeper = asyncio.create_task(self._keep(row, ended))
        result: Done | Again | Exception
        try:
            result = await self._do(row)
        except asyncio.CancelledError:
            ended.set()
            await keeper
            await self._write_down(row, Again(0.0))
            raise
        except Exception as error:
            result = error
        ended.set()
        await keeper  # A renewal in flight would make the lease we name an old one.
        await self._write_down(row, result)

    async def _do(self, row: Claimed) -> Done | Again:
        job = self._jobs[row.kind]
        failpoint(f"job_{row.kind}:before")
        payload: Any = msgspec.json.decode(row.payload, type=job.payload)
        result = await job.run(self._ctx, payload)
        failpoint(f"job_{row.kind}:after")
        return result

    async def _keep(self, row: Claimed, ended: asyncio.Event) -> None:
        """Renew the lease of a long job until it has ended."""
        while not ended.is_set():
            try:
                async with asyncio.timeout(_RENEW_S):
                    await ended.wait()
            except TimeoutError:
                try:
                    if not await outbox_rows.renew(row, self._ctx.clock.now()):
                        log.warning("lease_lost", kind=row.kind)
                        return
                except Exception as error:
                    log.warning("outbox_unreachable", error=type(error).__name__)

    async def _write_down(self, row: Claimed, result: Done | Again | Exception) -> None:
        try:
            await unit_of_work(lambda: self._settle(row, result), "outbox_done")
        except Exception as error:  # The lease ends by itself, and the job runs again.
            log.warning("outbox_unreachable", error=type(error).__name__)
            return
        names = {Done: "done", Again: "again"}
        count_job(row.kind, next((name for one, name in names.items() if isinstance(result, one)), "failed"))

    async def _settle(self, row: Claimed, result: Done | Again | Exception) -> None:
        now = self._ctx.clock.now()
        if isinstance(result, Done):
            if not await outbox_rows.finish(row):
                after_commit(lambda: self._ctx.wakes.wake_here(TOPIC))
            return
        if isinstance(result, Again):
            await outbox_rows.give_back(row, now + timedelta(seconds=result.after_s), 0, "")
        else:
            log.error("job_failed", kind=row.kind, attempts=row.attempts, exc_info=result)
            due_at = now + timedelta(seconds=retry_s(row.attempts, result))
            # The class alone: a message may quote what a provider sent.
            await outbox_rows.give_back(row, due_at, row.attempts, type(result).__name__[:200])
        after_commit(lambda: self._ctx.wakes.wake_here(TOPIC))


def retry_s(attempts: int, error: Exception) -> float:
    """Return how long to wait after so many failures: 1 s, doubling to 5 min; a Bug waits 5 min at once."""
    if isinstance(error, Bug):
        return _LONGEST_RETRY_S
    return float(min(_FIRST_RETRY_S * 2 ** min(attempts - 1, 12), _LONGEST_RETRY_S))
