"""The collector as a whole (采集服务): lines below, the backend above, the spool between them."""

import asyncio
import random
import ssl
import uuid
from collections.abc import Collection, Mapping
from datetime import timedelta

import httpx
import msgspec
import structlog
from msgspec import structs

from collector.line import Line
from collector.link_mbap import Sockets
from collector.midnights import Midnights
from collector.plan import Change, changes, usable
from collector.settings import CollectorSettings, settings_from
from collector.shelf import Shelf
from collector.spool import Spool, spooling
from collector.uplink import Uplink
from common.clock import Clock, SystemClock
from common.streams import Dial, dial_tcp
from common.wire import (
    Desired,
    DesiredAnswer,
    DesiredQuery,
    LineHealth,
    OrderClass,
    Outcome,
    Plan,
    PlanLine,
    Reading,
    ReadingKind,
    Relay,
    Stage,
)

MAX_OFFSET_S = 5.0  # With a worse clock, or an unknown one, no trip without a relative limit.
CONTACT_S = 60.0  # A trip is written only while the backend has been heard lately.
RESTORE_FROM_DISK = timedelta(minutes=10)
LINE_RESTART_S = 5.0
REQUESTS_REMEMBERED = 500
PROFILES_LOOK_S = 5.0

log = structlog.get_logger()


class Collector:
    """Polls its lines, brings relays to their desired states and tells the backend.

    dial, http_client and random_ are handed in, so that the same code runs on sockets and in memory.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        clock: Clock,
        dial: Dial,
        http_client: httpx.AsyncClient,
        random_: random.Random,
    ) -> None:
        self._settings, self._clock, self._dial, self._random = settings, clock, dial, random_
        self._spool = Spool(settings.spool, lambda: str(uuid.UUID(int=random_.getrandbits(128), version=4)))
        self.uplink = Uplink(
            settings, http=http_client, clock=clock, random_=random_, spool=self._spool, inbox=self
        )
        self._sockets = Sockets(dial, clock)
        self._lines: dict[str, tuple[Line, asyncio.Task[None]]] = {}
        self._line_of: dict[str, Line] = {}
        self._shelf = Shelf(settings.profile_folders)
        self._plan: Plan | None = None  # The whole of it, with what cannot be run.
        self._kept = self._spool.orders()
        self._midnights = Midnights(self._spool, clock.now())
        # Since the start: what the backend told us, and when (monotonic seconds).
        self._held: dict[str, tuple[Desired, float]] = {}
        self._answered = False
        self._requests: dict[str, None] = {}  # Ordered set of read requests already taken.
        self._watching: list[str] = []

    async def run(self) -> None:
        """Run until cancelled; closes its lines and its spool."""
        try:
            plan = self._spool.plan()
            if plan is not None:
                self._apply(plan)
                self._resume_restores()
            async with asyncio.TaskGroup() as group:
                for loop in (*self.uplink.loops(), self._look_at_profiles()):
                    group.create_task(loop)
        finally:
            tasks = [task for _, task in self._lines.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with spooling("midnights"):
                self._midnights.save(self._clock.monotonic())
            self._spool.close()

    # What lines find (orders.Sink).

    def reading(self, reading: Reading) -> None:
        with spooling("reading"):
            self._spool.readings.add(msgspec.json.encode(reading), reading.read_at)
            self._midnights.note(reading, self._clock.monotonic())
        self.uplink.reading_added(reading, urgent=reading.kind is not ReadingKind.POLL)

    def outcome(self, outcome: Outcome, ended: bool) -> None:
        with spooling("outcome"):
            self._spool.outcomes.add(msgspec.json.encode(outcome), outcome.at)
            if ended:
                self._spool.end_order(outcome.meter_id, outcome.generation, outcome.stage)
        self.uplink.outcome_added()

    def trip_allowed(self, desired: Desired) -> bool:
        """Tell whether a trip may be written now: the backend still wants it, as far as we can know."""
        contact_s = self.uplink.contact_s
        if contact_s is None or self._clock.monotonic() - contact_s > CONTACT_S:
            return False
        if desired.order_class is not OrderClass.TRIP or desired.first_write_within_s is not None:
            return True
        return self.time_known()

    def time_known(self) -> bool:
        """Tell whether this clock agrees with the backend's."""
        offset_s = self.uplink.offset_s
        return offset_s is not None and abs(offset_s) <= MAX_OFFSET_S

    # What the backend says (uplink.Inbox).

    def query(self) -> DesiredQuery:
        """Say what is held since the start: generations, read requests, the watch list."""
        held = {meter_id: desired.generation for meter_id, (desired, _) in self._held.items()}
        return DesiredQuery(held=held, known_requests=list(self._requests), watching=self._watching)

    def generation(self, meter_id: str) -> int | None:
        """Return the generation held of a meter since the start."""
        held = self._held.get(meter_id)
        return None if held is None else held[0].generation

    def take(self, answer: DesiredAnswer) -> bool:
        """Take what is new; returns False when nothing was."""
        news = False
        for desired in answer.desired:
            held = self.generation(desired.meter_id)
            if held is None or desired.generation > held:
                self._order(desired)
                news = True
            elif desired.generation < held:
                log.error("generation_fell", meter=desired.meter_id, held=held)
        self._answered = True
        for request in answer.read_requests:
            if request.request_id in self._requests:
                continue
            self._requests[request.request_id] = None
            line = self._line_of.get(request.meter_id)
            if line is not None:
                line.read(request)
                news = True
        while len(self._requests) > REQUESTS_REMEMBERED:
            del self._requests[next(iter(self._requests))]
        if answer.watch != self._watching:
            self._watching = answer.watch
            self._watch()
            news = True
        return news

    def _watch(self) -> None:
        for line, _ in self._lines.values():
            line.watch(self._watching)

    def replan(self, plan: Plan) -> None:
        """Take a new plan while running; it is kept on disk, to start without the backend."""
        self._apply(plan, self._shelf.look())
        with spooling("plan"):
            self._spool.keep_plan(plan)

    def line_health(self) -> list[LineHealth]:
        planned = {line.line_id: line for line in self._plan.lines} if self._plan is not None else {}
        return [
            structs.replace(line.health(), unusable=self._unusable(planned[line_id]))
            for line_id, (line, _) in self._lines.items()
        ]

    def profiles(self) -> dict[str, list[str]]:
        return self._shelf.report()

    # Inside.

    def _order(self, desired: Desired) -> None:
        """Keep an order, then hand it to its line; one for a meter not yet planned waits for the plan."""
        kept = self._kept.get(desired.meter_id)
        if kept is None or kept.desired.generation < desired.generation:
            with spooling("order"):
                self._spool.keep_order(desired, self._clock.now())
        if kept is not None and not kept.ended and kept.desired.generation < desired.generation:
            self._supersede(kept.desired)
            del self._kept[desired.meter_id]
        self._held[desired.meter_id] = desired, self._clock.monotonic()
        line = self._line_of.get(desired.meter_id)
        if line is not None:
            # The first answer since the start repeats what may have been carried out before.
            self._give(line, desired, check_first=not self._answered)

    def _give(self, line: Line, desired: Desired, check_first: bool) -> None:
        kept = self._kept.get(desired.meter_id)
        verified = kept is not None and kept.verified and kept.desired.generation == desired.generation
        line.order(desired, check_first=check_first, idle_check=check_first and verified)

    def _supersede(self, desired: Desired) -> None:
        """Close an order left open by the run before: a newer one has replaced it."""
        stage, now = Stage.SUPERSEDED, self._clock.now()
        self.outcome(
            Outcome(meter_id=desired.meter_id, generation=desired.generation, stage=stage, at=now), True
        )

    def _resume_restores(self) -> None:
        """Go on with young restores known from disk; a trip waits until the backend says it again."""
        youngest = (self._clock.now() - RESTORE_FROM_DISK).timestamp()
        for kept in self._kept.values():
            line = self._line_of.get(kept.desired.meter_id)
            open_restore = kept.desired.relay is Relay.ON and not kept.ended and kept.taken_at >= youngest
            if line is not None and open_restore:
                line.order(kept.desired, check_first=True)

    def _apply(self, plan: Plan, changed: Collection[str] = ()) -> None:
        """Start, change and stop lines so that they are as planned. changed: profiles that are others now."""
        self._plan = plan
        plan = usable(plan, self._shelf)
        running = {line_id: line.plan for line_id, (line, _) in self._lines.items()}
        for change, line_plan in changes(running, plan):
            if change in (Change.STOP, Change.RESTART):
                self._lines.pop(line_plan.line_id)[1].cancel()
            if change in (Change.START, Change.RESTART):
                line = Line(
                    line_plan,
                    self._shelf.in_force,
                    dial=self._dial,
                    clock=self._clock,
                    random_=random.Random(self._random.getrandbits(64)),
                    sink=self,
                    sockets=self._sockets,
                    midnights=self._midnights,
                )
                self._lines[line_plan.line_id] = line, asyncio.create_task(self._own(line))
            if change is Change.METERS:
                self._lines[line_plan.line_id][0].replan(line_plan, self._shelf.in_force)
        for line, _ in self._lines.values():
            if any(meter.profile in changed for meter in line.plan.meters):
                line.replan(line.plan, self._shelf.in_force)
        self._hand_over()
        self._watch()

    def _hand_over(self) -> None:
        """Give every order to the line that now has its meter; a trip's time has run on meanwhile."""
        before = self._line_of
        self._line_of = {m.meter_id: line for line, _ in self._lines.values() for m in line.plan.meters}
        now_s = self._clock.monotonic()
        for meter_id, (desired, taken_s) in self._held.items():
            line = self._line_of.get(meter_id)
            if line is None or line is before.get(meter_id):
                continue
            if desired.first_write_within_s is not None:
                left_s = desired.first_write_within_s - (now_s - taken_s)
                desired = structs.replace(desired, first_write_within_s=left_s)  # noqa: PLW2901
            self._give(line, desired, check_first=True)

    def _unusable(self, line: PlanLine) -> dict[str, str]:
        wrong = {meter.meter_id: self._shelf.problem(meter.profile) for meter in line.meters}
        return {meter_id: said for meter_id, said in wrong.items() if said is not None}

    async def _look_at_profiles(self) -> None:
        """Take up what changes in the site's own folders, without a restart."""
        while self._settings.profile_folders:
            await self._clock.sleep(PROFILES_LOOK_S)
            if self._plan is not None and (changed := self._shelf.look()):
                self._apply(self._plan, changed)

    async def _own(self, line: Line) -> None:
        """Run a line; a fault of ours in one line must not stop the others."""
        while True:
            try:
                await line.run()
            except Exception:
                log.exception("line_failed", line=line.plan.line_id)
            await self._clock.sleep(LINE_RESTART_S)


async def run_collector(environ: Mapping[str, str]) -> None:
    """Run a collector on the machine's clock and network. Raises CollectorConfigError."""
    settings = settings_from(environ)
    verify = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    async with httpx.AsyncClient(verify=verify, trust_env=False) as client:
        await Collector(settings, SystemClock(), dial_tcp, client, random.SystemRandom()).run()
