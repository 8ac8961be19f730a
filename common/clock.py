"""The only place that reads the clock or waits (时钟).

Everything else is handed a `Clock`. A `VirtualLoop` runs the same code on virtual time: its clock
advances only when nothing is ready to run, so that days pass in minutes and always the same way.
"""

import asyncio
import heapq
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")

T = TypeVar("T")


class Clock(Protocol):
    """Where time comes from. `now` is aware UTC; `monotonic` never goes back (seconds)."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LoopClock:
    """Virtual time: an instant that moves with the running loop's own clock.

    `offset_s` lets a simulated machine's clock be wrong without touching the others.
    """

    def __init__(self, started_at: datetime, offset_s: float = 0.0) -> None:
        self._started_at = started_at
        self.offset_s = offset_s

    def now(self) -> datetime:
        return self._started_at + timedelta(seconds=self.monotonic() + self.offset_s)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that moves only when told, for tests and for making history."""

    def __init__(self, now: datetime) -> None:
        self._start = now
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def move_to(self, now: datetime) -> None:
        if now < self._now:
            raise ValueError("time does not run backwards")
        self._now = now


def local(at: datetime) -> datetime:
    """Show an instant in the mall's zone (Asia/Shanghai)."""
    return at.astimezone(LOCAL_ZONE)


def local_midnight(on: date) -> datetime:
    """Return the instant at which a local day begins, in UTC."""
    return datetime(on.year, on.month, on.day, tzinfo=LOCAL_ZONE).astimezone(UTC)


class _NoSelector(selectors.BaseSelector):
    """Wraps the loop's selector: never sleeps; asks the loop to move its clock instead."""

    def __init__(self, inner: selectors.BaseSelector) -> None:
        self._inner = inner
        self.advance: Callable[[float | None], None] = lambda timeout: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if not ready and (timeout is None or timeout > 0):
            self.advance(timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Any:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time.

    Executor calls run at once, in the loop's own thread: they are real work that takes no virtual
    time, and their order can never depend on the machine. Raises RuntimeError when everything waits
    for something that cannot come (a dead lock that a real clock would hide).
    """

    def __init__(self) -> None:
        selector = _NoSelector(selectors.DefaultSelector())
        super().__init__(selector)
        selector.advance = self._advance
        self._virtual_now = 0.0

    def time(self) -> float:
        return self._virtual_now

    def _advance(self, timeout: float | None) -> None:
        if timeout is None:
            raise RuntimeError("virtual time stands still: every task waits and no timer is set")
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0].cancelled():
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        if scheduled:
            self._virtual_now = max(self._virtual_now, scheduled[0].when())

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def run_virtual(main: Callable[[], Any]) -> Any:
    """Run a coroutine function to its end on a fresh virtual loop and return its result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
