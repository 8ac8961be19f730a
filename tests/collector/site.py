"""A small site in memory: simulated meters behind a gateway, a backend that remembers what it is told."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import msgspec

from collector.main import Collector
from collector.settings import CollectorSettings
from collector.uplink import NO_BATCH
from common.clock import Clock, LoopClock, VirtualLoop
from common.streams import Streams
from common.wire import (
    DESIRED_PATH,
    HEALTH_PATH,
    OUTCOMES_PATH,
    PLAN_PATH,
    READINGS_PATH,
    BatchAnswer,
    Desired,
    DesiredAnswer,
    DesiredQuery,
    Health,
    HealthAnswer,
    OrderClass,
    Outcome,
    OutcomeBatch,
    Plan,
    PlanLine,
    PlanMeter,
    Reading,
    ReadingBatch,
    ReadRequest,
    Relay,
    Stage,
)
from simulator.gateway import Gateway
from simulator.line import Exchange, Line
from simulator.meter import DDSY1352, PREPAID, Meter, MeterSpec
from simulator.time_line import to_us

START = datetime(2026, 3, 2, 2, tzinfo=UTC)
STATUS_AT = 0x0100
URL = "http://127.0.0.1:8001"

T = TypeVar("T")


def run_site(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a story on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


@dataclass
class Backend:
    """A real HTTP answerer over the wire structs; `down` refuses connections."""

    clock: Clock
    plan: Plan
    down: bool = False
    offset_s: float = 0.0
    desired: dict[str, Desired] = field(default_factory=dict)
    requests: list[ReadRequest] = field(default_factory=list)
    watch: list[str] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    reading_batches: list[ReadingBatch] = field(default_factory=list)
    peeks: list[ReadingBatch] = field(default_factory=list)  # Beside the spool.
    outcomes: list[tuple[float, Outcome]] = field(default_factory=list)
    outcome_batches: list[OutcomeBatch] = field(default_factory=list)
    queries: list[DesiredQuery] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)
    plan_answers: list[int] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    lose_answers: int = 0  # So many batches are taken whose answers get lost.
    unreadable_meter: str | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def want(self, *desired: Desired) -> None:
        for one in desired:
            self.desired[one.meter_id] = one
        self.news.set()

    def ask(self, request: ReadRequest) -> None:
        self.requests.append(request)
        self.news.set()

    def watch_only(self, *meter_ids: str) -> None:
        self.watch = sorted(meter_ids)
        self.news.set()

    def stages(self, meter_id: str, generation: int = 1) -> list[Stage]:
        return [o.stage for _, o in self.outcomes if (o.meter_id, o.generation) == (meter_id, generation)]

    def told_s(self, meter_id: str, stage: Stage, generation: int = 1) -> float:
        return next(
            at
            for at, o in self.outcomes
            if (o.meter_id, o.generation, o.stage) == (meter_id, generation, stage)
        )

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        self.tokens.add(request.headers["authorization"])
        routes: dict[str, Callable[[httpx.Request], Awaitable[Any]]] = {
            PLAN_PATH: self._plan,
            READINGS_PATH: self._readings,
            OUTCOMES_PATH: self._outcomes,
            DESIRED_PATH: self._desired,
            HEALTH_PATH: self._health,
        }
        answer = await routes[request.url.path](request)
        if isinstance(answer, int):
            return httpx.Response(answer)
        if self.down:
            raise httpx.ReadError("cut", request=request)
        return httpx.Response(200, content=msgspec.json.encode(answer))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now().timestamp() + self.offset_s, UTC)

    async def _plan(self, request: httpx.Request) -> Plan | int:
        held = request.headers.get("if-none-match") == f'"{self.plan.version}"'
        self.plan_answers.append(304 if held else 200)
        return 304 if held else self.plan

    async def _readings(self, request: httpx.Request) -> BatchAnswer | int:
        batch = msgspec.json.decode(request.content, type=ReadingBatch)
        if any(reading.meter_id == self.unreadable_meter for reading in batch.readings):
            return 422
        if batch.number == NO_BATCH:
            self.peeks.append(batch)
            return BatchAnswer(epoch=batch.epoch, number=batch.number, server_time=self._now())
        self.reading_batches.append(batch)
        self.readings += batch.readings
        if self.lose_answers:
            self.lose_answers -= 1
            return 502
        return BatchAnswer(epoch=batch.epoch, number=batch.number, server_time=self._now())

    async def _outcomes(self, request: httpx.Request) -> BatchAnswer:
        batch = msgspec.json.decode(request.content, type=OutcomeBatch)
        self.outcome_batches.append(batch)
        self.outcomes += [(self.clock.monotonic(), outcome) for outcome in batch.outcomes]
        return BatchAnswer(epoch=batch.epoch, number=batch.number, server_time=self._now())

    async def _desired(self, request: httpx.Request) -> DesiredAnswer:
        query = msgspec.json.decode(request.content, type=DesiredQuery)
        self.queries.append(query)
        until_s = self.clock.monotonic() + query.wait_s
        while True:
            self.news.clear()
            desired = [d for m, d in self.desired.items() if d.generation != query.held.get(m, 0)]
            requests = [r for r in self.requests if r.request_id not in query.known_requests]
            left_s = until_s - self.clock.monotonic()
            if desired or requests or self.watch != query.watching or left_s <= 0:
                return DesiredAnswer(
                    server_time=self._now(),
                    plan_version=self.plan.version,
                    desired=desired,
                    read_requests=requests,
                    watch=self.watch,
                )
            try:
                async with asyncio.timeout(left_s):
                    await self.news.wait()
            except TimeoutError:
                continue

    async def _health(self, request: httpx.Request) -> HealthAnswer:
        self.health.append(msgspec.json.decode(request.content, type=Health))
        return HealthAnswer(server_time=self._now())


class Site:
    """One line of meters "m1".. with a collector; `exchanges` is what the wire saw."""

    def __init__(
        self,
        meters: int = 3,
        *,
        status: bool = True,
        poll_interval_s: float = 10.0,
        spool: str = ":memory:",
        load: str = "restaurant",
        profile: str = DDSY1352,
    ) -> None:
        self.clock = LoopClock(START)
        self.meters = {
            f"m{i}": Meter(
                MeterSpec(
                    serial=f"{i:012d}",
                    unit=i,
                    profile=profile,
                    kind=PREPAID,
                    load_class=load,
                    status_block_at=STATUS_AT,
                ),
                "site",
            )
            for i in range(1, meters + 1)
        }
        self.line = Line("L1", self.clock, list(self.meters.values()))
        self.exchanges: list[Exchange] = []
        self.line.observer = self.exchanges.append
        self.gateway = Gateway("G1", "一号井", [self.line])
        self.dials = 0
        plan_meters = [
            PlanMeter(
                meter_id=name,
                unit=meter.spec.unit,
                profile=profile,
                prepaid=True,
                status_block_at=STATUS_AT if status else None,
            )
            for name, meter in self.meters.items()
        ]
        self.plan_line = PlanLine(
            line_id="L1",
            name="一号线",
            protocol="modbus-tcp",
            host="10.0.0.1",
            port=502,
            poll_interval_s=poll_interval_s,
            meters=plan_meters,
        )
        self.backend = Backend(self.clock, Plan(version="v1", site_id="S1", lines=[self.plan_line]))
        self.settings = CollectorSettings(url=URL, collector_id="c1", token="t" * 32, spool=spool)
        self._task: asyncio.Task[None] | None = None

    async def dial(self, host: str, port: int) -> Streams:
        self.dials += 1
        return await self.gateway.ports["L1"].dial()

    def us(self) -> int:
        return to_us(self.clock.now())

    def switch(self, meter_id: str, name: str, value: Any) -> None:
        self.meters[meter_id].switch(name, value, self.us())

    def closed(self, meter_id: str) -> bool:
        meter = self.meters[meter_id]
        meter.settle(self.us())
        return meter.relay.conducts

    async def start(self) -> Collector:
        collector = Collector(self.settings, self.clock, self.dial, self.backend.client(), random.Random(7))
        self._task = asyncio.get_running_loop().create_task(collector.run())
        return collector

    async def stop(self) -> None:
        """End the collector as a signal would."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for name in self.gateway.ports:
            await self.gateway.ports[name].drop()

    async def after(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    def writes(self, meter_id: str) -> list[Exchange]:
        unit = self.meters[meter_id].spec.unit
        return [e for e in self.exchanges if e.unit == unit and e.request[0] == 0x10]


def trip(
    meter_id: str,
    generation: int = 1,
    within_s: float | None = 30.0,
    order_class: OrderClass = OrderClass.TRIP,
) -> Desired:
    return Desired(
        meter_id=meter_id,
        generation=generation,
        relay=Relay.OFF,
        order_class=order_class,
        first_write_within_s=within_s,
    )


def restore(meter_id: str, generation: int = 2) -> Desired:
    return Desired(meter_id=meter_id, generation=generation, relay=Relay.ON, order_class=OrderClass.RESTORE)
