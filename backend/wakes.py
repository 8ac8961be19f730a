"""Wake-ups after a commit (唤醒): in this process at once, in the others by Redis. Nothing of value.

A waiter takes a ticket, reads SQL, then waits: a wake between the reading and the waiting is not lost.
"""

import asyncio
from typing import Protocol

STEADY_REREAD_S = 5.0


class Wakes(Protocol):
    """Topics are short texts: "desired:<site>", "outbox", "live:<site>", "top_up:<order_no>"."""

    def wake(self, topic: str) -> None:
        """Wake all waiters of a topic. Never raises and never waits."""
        ...

    def ticket(self, topic: str) -> int:
        """Return the number of wakes so far."""
        ...

    async def wait(self, topic: str, ticket: int, seconds: float) -> bool:
        """Wait for a wake after `ticket`; False when the time is over."""
        ...

    def reread_s(self, while_down_s: float) -> float:
        """Say how often a waiter shall read SQL again: 5 s, or `while_down_s` while Redis is down."""
        ...


class LocalWakes:
    """Wakes inside one process."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._events: dict[str, asyncio.Event] = {}

    def wake(self, topic: str) -> None:
        self._counts[topic] = self._counts.get(topic, 0) + 1
        event = self._events.pop(topic, None)
        if event is not None:
            event.set()

    def ticket(self, topic: str) -> int:
        return self._counts.get(topic, 0)

    async def wait(self, topic: str, ticket: int, seconds: float) -> bool:
        if self.ticket(topic) != ticket:
            return True
        event = self._events.setdefault(topic, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True

    def reread_s(self, while_down_s: float) -> float:
        return STEADY_REREAD_S
