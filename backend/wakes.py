"""Wake-ups after a commit (唤醒): in this process at once, in the others by Redis. Nothing of value.

A waiter takes a ticket, reads SQL, then waits: a wake between the reading and the waiting is not lost.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError

from backend.metrics import set_redis_up
from common.clock import Clock

STEADY_REREAD_S = 5.0
OUTBOX = "outbox"
WAKE_LIST = "prewatt:wake:outbox"
_CHANNEL = "prewatt:wakes"
_MOST_TOKENS = 64  # Each token makes one look; more than this many looks find nothing more.
_MOST_TOPICS = 10_000
_TIMEOUT_S = 2.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0

log = structlog.get_logger("prewatt.wakes")


class Wakes(Protocol):
    """Topics are short texts: "desired:<site>", "outbox", "live:<site>", "top_up:<order_no>"."""

    def wake(self, topic: str) -> None:
        """Wake all waiters of a topic. Never raises and never waits."""
        ...

    def wake_here(self, topic: str) -> None:
        """Wake the waiters of this process alone."""
        ...

    @property
    def is_alone(self) -> bool:
        """Whether no other process writes to the database, so that no wake can be missed."""
        ...

    def ticket(self, topic: str) -> int:
        """Return a mark that is another one after the next wake of the topic."""
        ...

    async def wait(self, topic: str, ticket: int, seconds: float) -> bool:
        """Wait for a wake after `ticket`; False when the time is over."""
        ...

    def reread_s(self, while_down_s: float) -> float:
        """Say how often a waiter shall read SQL again: 5 s, or `while_down_s` while Redis is down."""
        ...


def stop_if_cancelled() -> None:
    """Raise CancelledError in a task that was cancelled, but whose client library lost the cancellation.

    redis-py does so where closing a connection fails on the way out. The task would go on for ever, and
    whoever waits for its end with it.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class _Waiters:
    """Those who wait for the next wake of one topic."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.count = 0


class LocalWakes:
    """Wakes inside one process.

    is_alone: no other process writes to the database; otherwise it is as if Redis were down.
    """

    def __init__(self, *, is_alone: bool = True) -> None:
        self._is_alone = is_alone
        self._number = 0  # Of the newest wake of any topic.
        self._forgotten = 0  # Wakes up to here are known for all topics together.
        self._newest: dict[str, int] = {}
        self._waiters: dict[str, _Waiters] = {}

    @property
    def is_alone(self) -> bool:
        return self._is_alone

    def wake(self, topic: str) -> None:
        self.wake_here(topic)

    def wake_here(self, topic: str) -> None:
        self._number += 1
        self._newest[topic] = self._number
        waiters = self._waiters.pop(topic, None)
        if waiters is not None:
            waiters.event.set()
        if len(self._newest) > _MOST_TOPICS:
            self.wake_all_here()

    def wake_all_here(self) -> None:
        """Wake every waiter of this process: wakes may have been missed."""
        self._number += 1
        self._forgotten = self._number
        self._newest.clear()
        waiting, self._waiters = self._waiters, {}
        for waiters in waiting.values():
            waiters.event.set()

    def ticket(self, topic: str) -> int:
        return self._newest.get(topic, self._forgotten)

    async def wait(self, topic: str, ticket: int, seconds: float) -> bool:
        if self.ticket(topic) != ticket:
            return True
        waiters = self._waiters.setdefault(topic, _Waiters())
        waiters.count += 1
        try:
            async with asyncio.timeout(seconds):
                await waiters.event.wait()
        except TimeoutError:
            return False
        finally:
            waiters.count -= 1
            if waiters.count == 0 and self._waiters.get(topic) is waiters:
                del self._waiters[topic]
        return True

    def reread_s(self, while_down_s: float) -> float:
        return STEADY_REREAD_S if self._is_alone else while_down_s


class RedisWakes(LocalWakes):
    """Wakes of all processes that share a Redis: published for waiters, listed for the outbox.

    The outbox needs one process, so its wake is a token on a list that one worker pops. What is lost
    while Redis is away is found by reading SQL again.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(is_alone=False)
        self.url = url
        self._clock = clock
        self._me = secrets.token_hex(8)
        self._redis = Redis.from_url(
            url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S, decode_responses=True
        )
        self._unsent: dict[str, None] = {}  # In the order of their wakes, each topic once.
        self._something = asyncio.Event()
        self._is_up = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_up(self) -> bool:
        return self._is_up

    async def start(self) -> None:
        """Begin to connect, and return at once: Redis need not be there."""
        self._set_up(False)
        self._tasks = [
            asyncio.create_task(self._for_ever(self._listen), name="wakes in"),
            asyncio.create_task(self._for_ever(self._send), name="wakes out"),
        ]

    async def close(self) -> None:
        """Stop and disconnect. Harmless when repeated."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._set_up(False)
        with contextlib.suppress(RedisError, OSError):  # What cannot be closed nicely is gone all the same.
            await self._redis.aclose()

    def wake(self, topic: str) -> None:
        self.wake_here(topic)
        if len(self._unsent) < _MOST_TOPICS:
            self._unsent[topic] = None
            self._something.set()

    def reread_s(self, while_down_s: float) -> float:
        return STEADY_REREAD_S if self._is_up else while_down_s

    def _set_up(self, is_up: bool) -> None:
        self._is_up = is_up
        set_redis_up(is_up)

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` until it breaks, and again after a pause that grows while it breaks at once."""
        pause_s = _FIRST_PAUSE_S
        while True:
            began_at = self._clock.monotonic()
            try:
                await work()
            except (RedisError, OSError) as error:
                stop_if_cancelled()
                if pause_s == _FIRST_PAUSE_S:
                    log.warning("redis_unreachable", error=type(error).__name__)
            if self._clock.monotonic() - began_at > _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _listen(self) -> None:
        listening = self._redis.pubsub()
        is_asked = False
        try:
            await listening.subscribe(_CHANNEL)
            while True:
                message = await listening.get_message(timeout=_TIMEOUT_S)
                stop_if_cancelled()
                if message is None:
                    if is_asked:
                        raise RedisGone("no answer")
                    await listening.ping()  # A silent connection may be a dead one.
                    is_asked = True
                    continue
                is_asked = False
                if message["type"] == "subscribe":
                    self._set_up(True)
                    log.info("redis_reachable")
                    self.wake_all_here()  # What was published before we listened is gone.
                elif message["type"] == "message":
                    self._heard(message["data"])
        finally:
            self._set_up(False)
            await listening.aclose()

    def _heard(self, text: str) -> None:
        sender, _, topic = text.partition(" ")
        if sender != self._me:
            self.wake_here(topic)

    async def _send(self) -> None:
        while True:
            stop_if_cancelled()
            await self._something.wait()
            self._something.clear()
            topics, self._unsent = self._unsent, {}
            try:
                await self._send_all(topics)
            except (RedisError, OSError):
                self._unsent = topics | self._unsent
                self._something.set()
                raise

    async def _send_all(self, topics: Iterable[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for topic in topics:
                if topic == OUTBOX:
                    pipe.lpush(WAKE_LIST, "1")
                    pipe.ltrim(WAKE_LIST, 0, _MOST_TOKENS - 1)
                else:
                    pipe.publish(_CHANNEL, f"{self._me} {topic}")
            await pipe.execute()
