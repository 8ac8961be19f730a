"""Recurring work (定时作业): puts a job's row into the outbox when its time has come.

Every process does it: the key makes one row of what they want at the same time, and a recurring job is
harmless when it runs again. Nothing of value is kept outside SQL.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from backend.context import Context
from backend.jobs import Job
from backend.outbox import add_work
from backend.store import unit_of_work
from common.clock import local, local_midnight

LONGEST_PAUSE = timedelta(minutes=5)

log = structlog.get_logger("prewatt.schedule")


class Schedule:
    """The recurring jobs among `jobs`. Starts with the occurrence before now: one too many is harmless."""

    def __init__(self, ctx: Context, jobs: Mapping[str, Job]) -> None:
        self._ctx = ctx
        self._jobs = [job for job in jobs.values() if job.daily_at or job.every_s]
        self._next: dict[str, datetime] = {}

    async def run_forever(self) -> None:
        """Add what is due, wait for the next, until cancelled. Outlives a database that is away."""
        while True:
            try:
                await self.add_due()
            except Exception as error:
                log.warning("schedule_unreachable", error=type(error).__name__)
                await self._ctx.clock.sleep(5.0)
                continue
            now = self._ctx.clock.now()
            nearest = min(self._next.values(), default=now + LONGEST_PAUSE)
            wait = min(max(nearest - now, timedelta(milliseconds=10)), LONGEST_PAUSE)
            await self._ctx.clock.sleep(wait.total_seconds())

    async def add_due(self) -> int:
        """Add the rows of every occurrence up to now; return how many."""
        now = self._ctx.clock.now()
        count = 0
        for job in self._jobs:
            due_at = self._next.get(job.kind) or occurrence_before(job, now)
            if due_at > now:
                continue
            await unit_of_work(lambda job=job: self._add(job), "schedule")  # type: ignore[misc]
            self._next[job.kind] = occurrence_after(job, now)
            count += 1
        return count

    async def _add(self, job: Job) -> None:
        payload: Struct = job.payload()
        await add_work(self._ctx, job.kind, payload, key=f"{job.kind}:scheduled")


def occurrence_before(job: Job, now: datetime) -> datetime:
    """Return the newest instant at or before now at which a job is due."""
    if job.daily_at is None:
        return now
    today = _daily(job.daily_at, now, 0)
    return today if today <= now else _daily(job.daily_at, now, -1)


def occurrence_after(job: Job, now: datetime) -> datetime:
    """Return the next instant after now at which a job is due."""
    if job.daily_at is None:
        return now + timedelta(seconds=job.every_s or 60.0)
    today = _daily(job.daily_at, now, 0)
    return today if today > now else _daily(job.daily_at, now, 1)


def _daily(text: str, now: datetime, days: int) -> datetime:
    hour, _, minute = text.partition(":")
    midnight = local_midnight(local(now).date() + timedelta(days=days))
    return midnight + timedelta(hours=int(hour), minutes=int(minute))
