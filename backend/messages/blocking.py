"""Synchronous libraries beside the event loop (线程池): few threads, a short queue, a time limit.

On virtual time the work runs at once in the loop's own thread.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS = 4
QUEUE_LIMIT = 256
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 5.0
WORK_TIMEOUT_S = 15.0  # Queue, connection and answer together.

T = TypeVar("T")


class Busy(Exception):
    """The work was not begun: nothing has been sent."""


class Pool:
    """Runs calls of blocking libraries. One pool serves all channels of a process."""

    def __init__(
        self, *, threads: int = THREADS, queue_limit: int = QUEUE_LIMIT, timeout_s: float = WORK_TIMEOUT_S
    ) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="messages")
        self._queue_limit = queue_limit
        self._timeout_s = timeout_s
        self._inside = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run and return. Errors: Busy (not begun), TimeoutError (begun; it may have acted), its own."""
        if self._inside >= self._queue_limit:
            raise Busy
        ticket = _Ticket()

        def guarded() -> T:
            ticket.begin()
            return work()

        self._inside += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._executor, guarded)
        except TimeoutError:
            if ticket.abandon():
                raise Busy from None
            raise
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Take no more work; what has begun ends within its own time limits."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class _Ticket:
    """Says exactly whether abandoned work had begun: a message is not sent twice by a guess."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._has_begun = False
        self._is_abandoned = False

    def begin(self) -> None:
        with self._lock:
            if self._is_abandoned:
                raise Busy
            self._has_begun = True

    def abandon(self) -> bool:
        """Give up; True when the work had not begun and never will."""
        with self._lock:
            self._is_abandoned = True
            return not self._has_begun
