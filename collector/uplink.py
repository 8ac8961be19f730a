"""The link to the backend (上行): sends what is spooled, asks what shall be (https, at least once)."""

import asyncio
import random
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Protocol

import httpx
import msgspec
import structlog
from msgspec import structs

from collector.exchange import ANSWER_TIMEOUT_S, RETRY_S, VERSION, Exchange
from collector.peeks import Peeks
from collector.settings import CollectorSettings
from collector.spool import Batch, Box, Spool
from common.clock import Clock
from common.failpoint import failpoint
from common.wire import (
    DESIRED_PATH,
    HEALTH_PATH,
    MAX_BATCH,
    OUTCOMES_PATH,
    PLAN_PATH,
    READINGS_PATH,
    BatchAnswer,
    DesiredAnswer,
    DesiredQuery,
    Health,
    HealthAnswer,
    LineHealth,
    Plan,
    Reading,
    ReadingBatch,
)

READINGS_PER_BATCH = 500  # One batch per flush: a backlog of 30 days leaves room for the present.
NO_BATCH = 0  # Number of what is not from the spool; the spool's batches begin at 1.
MAX_ROUND_TRIP_S = 2.0  # A slower answer says nothing about the clocks.
MIN_POLL_S = 0.2
PLAN_LOOK_S = 60.0
EXPIRE_EVERY_S = 3600.0
UNREADABLE = (400, 413, 422)

log = structlog.get_logger()


class Inbox(Protocol):
    """What the backend's answers go to."""

    def query(self) -> DesiredQuery: ...

    def take(self, answer: DesiredAnswer) -> bool: ...

    def replan(self, plan: Plan) -> None: ...

    def line_health(self) -> list[LineHealth]: ...

    def profiles(self) -> dict[str, list[str]]: ...


class Uplink:
    """Five loops over one HTTP client. Every wait and retry goes through the clock."""

    def __init__(
        self,
        settings: CollectorSettings,
        *,
        http: httpx.AsyncClient,
        clock: Clock,
        random_: random.Random,
        spool: Spool,
        inbox: Inbox,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._spool, self._inbox = spool, inbox
        self._exchange = Exchange(settings, http, clock, random_)
        self._outcomes_wake, self._readings_wake = asyncio.Event(), asyncio.Event()
        self._plan_wake = asyncio.Event()
        self._urgent = False
        self._peeks = Peeks()
        self._clocks_compared = asyncio.Event()
        self.offset_s: float | None = None  # Collector clock minus the backend's.
        self.plan_version = ""
        self.contact_s: float | None = None  # Monotonic time of the last answer about desired states.

    def outcome_added(self) -> None:
        self._outcomes_wake.set()

    def reading_added(self, reading: Reading, urgent: bool) -> None:
        """A routine reading waits for the next flush; one that somebody waits for goes at once."""
        self._peeks.add(reading)
        self._urgent = self._urgent or urgent
        self._readings_wake.set()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return the five loops, to be run side by side."""
        return [self._health(), self._desired(), self._plan(), self._outcomes(), self._readings()]

    # The loops.

    async def _outcomes(self) -> None:
        """Send each outcome at once: somebody looks at a clock that runs until it is verified."""
        while True:
            await self._empty(self._spool.outcomes, OUTCOMES_PATH, "outcomes", MAX_BATCH)
            await self._outcomes_wake.wait()
            self._outcomes_wake.clear()

    async def _readings(self) -> None:
        """Send a batch per flush, oldest first; urgent readings do not wait for the flush.

        While more waits than a batch holds, the newest state of each meter goes ahead as a peek; the backlog
        keeps its order and its pace.
        """
        box = self._spool.readings
        due_s: float | None = None
        while True:
            if box.count == 0:
                due_s = None
                self._peeks.clear()
                self._readings_wake.clear()
                await self._readings_wake.wait()
            if due_s is None:
                due_s = self._clock.monotonic() + self._settings.flush_s
            await self._flush_time(due_s)
            urgent, self._urgent = self._urgent, False
            if box.count > READINGS_PER_BATCH:
                await self._peek()
                if urgent and self._clock.monotonic() < due_s:
                    continue
            await self._send(box, READINGS_PATH, "readings", READINGS_PER_BATCH)
            due_s = None

    async def _flush_time(self, until_s: float) -> None:
        while not self._urgent and (left_s := until_s - self._clock.monotonic()) > 0:
            self._readings_wake.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._readings_wake.wait()
            except TimeoutError:
                return

    async def _peek(self) -> None:
        """Show the newest states, once: a peek that is lost is followed by the next one."""
        peeks = self._peeks.batch()
        if not peeks:
            return
        epoch = self._spool.readings.epoch
        body = ReadingBatch(epoch=epoch, number=NO_BATCH, sent_at=self._clock.now(), readings=peeks)
        try:
            await self._exchange.post(READINGS_PATH, body, BatchAnswer)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in UNREADABLE:
                return
            log.error("peeks_unreadable", count=len(peeks))
        except (httpx.HTTPError, msgspec.MsgspecError):
            return
        self._peeks.shown(peeks)

    async def _desired(self) -> None:
        """Long-poll what each relay shall be, and which meters to read now."""
        # The first question already says how wrong our clock is.
        await self._clocks_compared.wait()
        while True:
            asked_s = self._clock.monotonic()
            answer = await self._exchange.retried(self._ask_desired)
            self.contact_s = self._clock.monotonic()
            news = self._inbox.take(answer)
            if answer.plan_version != self.plan_version:
                self._plan_wake.set()
            left_s = MIN_POLL_S - (self.contact_s - asked_s)
            if not news and left_s > 0:
                await self._clock.sleep(left_s)

    async def _plan(self) -> None:
        """Fetch the plan at the start and whenever its version has changed."""
        while True:
            self._plan_wake.clear()
            plan = await self._exchange.retried(self._fetch_plan)
            if plan is not None and plan.version != self.plan_version:
                self._inbox.replan(plan)
                self.plan_version = plan.version
            try:
                async with asyncio.timeout(PLAN_LOOK_S):
                    await self._plan_wake.wait()
            except TimeoutError:
                continue

    async def _health(self) -> None:
        expire_s = self._clock.monotonic()
        while True:
            answer, asked_at, took_s = await self._exchange.retried(self._report_health)
            if took_s <= MAX_ROUND_TRIP_S:
                self.offset_s = (asked_at - answer.server_time).total_seconds() + took_s / 2
            self._clocks_compared.set()
            if self._clock.monotonic() >= expire_s:
                expire_s = self._clock.monotonic() + EXPIRE_EVERY_S
                dropped = await self._exchange.retried(self._expire)
                if dropped:
                    log.error("spool_expired", rows=dropped)
            await self._clock.sleep(self._settings.health_s if self.offset_s is not None else RETRY_S)

    # One exchange each.

    async def _expire(self) -> int:
        return self._spool.expire(self._clock.now())

    async def _ask_desired(self) -> DesiredAnswer:
        query = structs.replace(
            self._inbox.query(),
            # The first answer comes at once: it says what was ordered before this start, or meanwhile.
            wait_s=self._settings.long_poll_s if self._in_contact() else 0.0,
            clock_offset_s=self.offset_s,
        )
        return await self._exchange.post(
            DESIRED_PATH, query, DesiredAnswer, self._settings.long_poll_s + ANSWER_TIMEOUT_S
        )

    def _in_contact(self) -> bool:
        """Tell whether an answer came lately; after an outage trips wait for the next one."""
        if self.contact_s is None:
            return False
        return self._clock.monotonic() - self.contact_s < self._settings.long_poll_s + ANSWER_TIMEOUT_S

    async def _fetch_plan(self) -> Plan | None:
        headers = {"if-none-match": f'"{self.plan_version}"'} if self.plan_version else {}
        response = await self._exchange.get(PLAN_PATH, headers)
        if response.status_code == 304:
            return None
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=Plan)

    async def _report_health(self) -> tuple[HealthAnswer, datetime, float]:
        asked_at, asked_s = self._clock.now(), self._clock.monotonic()
        health = Health(
            sent_at=asked_at,
            version=VERSION,
            spool_backlog=self._spool.readings.count + self._spool.outcomes.count,
            clock_offset_s=self.offset_s,
            lines=self._inbox.line_health(),
            profiles=self._inbox.profiles(),
        )
        answer = await self._exchange.post(HEALTH_PATH, health, HealthAnswer)
        return answer, asked_at, self._clock.monotonic() - asked_s

    async def _empty(self, box: Box, path: str, name: str, limit: int) -> None:
        while box.count:
            await self._send(box, path, name, limit)

    async def _send(self, box: Box, path: str, name: str, limit: int) -> None:
        """Send one batch until the backend has it."""
        await self._exchange.retried(lambda: self._send_once(box, path, name, limit))

    async def _send_once(self, box: Box, path: str, name: str, limit: int) -> None:
        batch = box.batch(limit)
        if batch is None:
            return
        failpoint(f"collector.{name}.sending")
        try:
            answer = await self._exchange.post(path, self._body(batch, name), BatchAnswer)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in UNREADABLE:
                raise
            dropped = box.split()
            log.error("batch_unreadable", kind=name, number=batch.number, dropped=dropped)
            return
        failpoint(f"collector.{name}.acknowledged")
        if answer.epoch != batch.epoch or answer.number < batch.number:
            raise httpx.RemoteProtocolError(f"batch {batch.number} not confirmed")
        for meter_id, reason in answer.refused.items():
            log.warning("refused", kind=name, meter=meter_id, reason=reason)
        box.acknowledge(batch.number)

    def _body(self, batch: Batch, name: str) -> dict[str, Any]:
        rows = [msgspec.Raw(body) for body in batch.bodies]
        return {"epoch": batch.epoch, "number": batch.number, "sent_at": self._clock.now(), name: rows}
