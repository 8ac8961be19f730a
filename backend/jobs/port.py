"""What a job is (作业). Each file of this package declares KIND, Payload and `async def run(ctx, payload)`.

A job takes ids, reads the truth from the database, and survives being run twice or never. A job that
has `EVERY_S` or `DAILY_AT` ("00:05", Asia/Shanghai) is put into the outbox by the schedule.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from backend.context import Context


class Lane(StrEnum):
    """Work of one lane never waits for work of the other (通道)."""

    PROMPT = "prompt"  # Money and supply: someone stands in the dark.
    SLOW = "slow"  # Messages, reports, housekeeping.


class Done(Struct, frozen=True):
    """Nothing is left to do."""


class Again(Struct, frozen=True):
    """Look again after so many seconds."""

    after_s: float


class Job(Struct, frozen=True):
    kind: str
    payload: Any
    run: Callable[[Context, Any], Awaitable[Done | Again]]
    every_s: float | None = None
    daily_at: str | None = None
    lane: Lane = Lane.PROMPT
