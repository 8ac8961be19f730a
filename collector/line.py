"""The owner of one RS485 line (485 总线): one coroutine, one connection, one request at a time."""

import asyncio
import random
from collections.abc import Iterable, Mapping

import structlog

from collector.hearing import Hearing
from collector.link import link_for
from collector.link_connection import LinkLost
from collector.link_mbap import Sockets
from collector.midnights import NOTHING_KNOWN, Known
from collector.orders import Sink
from collector.profile import Profile
from collector.protocols.answer import Rejected, Silent
from collector.requests import is_command
from collector.turn import Turn
from collector.work import Work
from common.clock import Clock
from common.failpoint import failpoint
from common.streams import Dial
from common.wire import Desired, LineHealth, PlanLine, ReadRequest

RECONNECT_S, MAX_RECONNECT_S = 0.2, 5.0
OFFLINE_LOOK_S = 0.5

log = structlog.get_logger()


class Line:
    """Polls the meters of one line, and carries out orders and read requests in between."""

    def __init__(
        self,
        plan: PlanLine,
        profiles: Mapping[str, Profile],
        *,
        dial: Dial,
        clock: Clock,
        random_: random.Random,
        sink: Sink,
        sockets: Sockets | None = None,
        midnights: Known = NOTHING_KNOWN,
    ) -> None:
        """sockets: those that the lines of one gateway share; without them the line has its own.

        midnights: the last one that each meter has told of.
        """
        self.plan = plan
        self._clock = clock
        self._wake = asyncio.Event()
        self._link = link_for(
            plan, dial=dial, clock=clock, sockets=sockets or Sockets(dial, clock), lost=self._wake.set
        )
        self._work = Work(clock, random_, sink, self._link.time.transaction_s, midnights)
        self._work.replan(plan, profiles)
        self._hearing = Hearing()
        self._busy_s, self._busy_since_s = 0.0, clock.monotonic()
        self._reconnects = 0

    def replan(self, plan: PlanLine, profiles: Mapping[str, Profile]) -> None:
        """Take a new list of meters for the same connection; what is known about the others stays."""
        self.plan = plan
        self._work.replan(plan, profiles)
        self._wake.set()

    def order(self, desired: Desired, *, check_first: bool = False, idle_check: bool = False) -> None:
        """Take what a meter's relay shall be; see Convergence for the flags."""
        self._work.order(desired, check_first, idle_check)
        self._wake.set()

    def read(self, request: ReadRequest) -> None:
        """Read one meter as soon as no order stands in front; dropped when it cannot be done in time."""
        self._work.read(request)
        self._wake.set()

    def watch(self, meter_ids: Iterable[str]) -> None:
        """Read those of these meters that hang on this line every few seconds, and only these."""
        self._work.watch(meter_ids)
        self._wake.set()

    def health(self) -> LineHealth:
        """Return the line's figures; `use` is since the last call."""
        now_s = self._clock.monotonic()
        elapsed_s = now_s - self._busy_since_s
        use = min(self._busy_s / elapsed_s, 1.0) if elapsed_s > 0 else None
        self._busy_s, self._busy_since_s = 0.0, now_s
        meters = [meter.meter_id for meter in self.plan.meters]
        return LineHealth(
            line_id=self.plan.line_id,
            connected=self._link.connected,
            fault=self._link.connected and self._work.fault,
            cycle_s=self._work.cycle_s(),
            use=use,
            silent_meters=self._work.silent() if self._link.connected else meters,
            timeouts=self._link.timeouts,
            strays=self._link.strays,
            bad_frames=self._link.bad_frames,
            reconnects=self._reconnects,
        )

    async def run(self) -> None:
        """Own the line until cancelled."""
        delay_s = RECONNECT_S
        is_told = False  # A loss is logged once, however long the gateway is away.
        try:
            while True:
                self._hearing.opened()
                try:
                    await self._link.connect()
                    log.info("line_connected", line=self.plan.line_id)
                    is_told = False
                    await self._serve()
                except (LinkLost, OSError) as error:
                    if not is_told:
                        log.warning("line_lost", line=self.plan.line_id, reason=str(error))
                    is_told = True
                self._link.close()
                self._reconnects += 1
                self._work.lost(self._clock.monotonic())
                delay_s = RECONNECT_S if self._hearing.worked else delay_s
                await self._wait_offline(delay_s)
                delay_s = min(delay_s * 2, MAX_RECONNECT_S)
        finally:
            self._link.close()

    async def _serve(self) -> None:
        while True:
            # Before an order counts as sent: a closed connection carries nothing.
            self._link.check()
            now_s = self._clock.monotonic()
            self._work.orders.expire(now_s)
            turn = self._work.choose(now_s)
            if not isinstance(turn, Turn):
                await self._wait(turn - now_s)
                continue
            safe_s = self._link.may_ask(
                turn.station.plan, turn.request, now_s, is_read_back=turn.is_read_back
            )
            if safe_s > now_s:
                self._work.hold(turn, safe_s, now_s)
            else:
                await self._transact(turn)

    async def _wait_offline(self, delay_s: float) -> None:
        """Wait before the next dial; trips expire and orders are said to be unreachable meanwhile."""
        until_s = self._clock.monotonic() + delay_s
        while (left_s := until_s - self._clock.monotonic()) > 0:
            self._work.orders.expire(self._clock.monotonic())
            self._work.orders.offline()
            await self._wait(min(left_s, OFFLINE_LOOK_S))

    async def _wait(self, seconds: float) -> None:
        """Wait until woken. One timer and nothing to cancel: an idle line does this all day."""
        timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
            self._wake.clear()

    async def _transact(self, turn: Turn) -> None:
        """Carry out one transaction and let the work learn from it. Raises LinkLost."""
        writes = is_command(turn.request)
        self._work.sending(turn)
        if writes:
            failpoint("collector.write.sending")
        started_s = self._clock.monotonic()
        try:
            words = await self._link.transact(turn.station.plan, turn.request)
        except Silent as error:
            now_s = self._spent(turn, started_s)
            self._work.missed(turn, error, now_s - started_s, now_s)
            if error.code is None:
                self._miss(turn, started_s, now_s)
            else:
                self._hearing.heard()
        except Rejected as error:
            self._work.rejected(turn, error, self._spent(turn, started_s))
            self._hearing.heard()
        else:
            now_s = self._spent(turn, started_s)
            if writes:
                failpoint("collector.write.answered")
            self._hearing.heard()
            self._work.answered(turn, words, now_s)

    def _spent(self, turn: Turn, started_s: float) -> float:
        now_s = self._clock.monotonic()
        self._busy_s += now_s - started_s
        self._work.spent(turn, now_s - started_s, now_s)
        return now_s

    def _miss(self, turn: Turn, sent_s: float, now_s: float) -> None:
        """Look for a half-open connection. Raises LinkLost when it must be one."""
        sound_s, meters = self._link.sound_s, len(self.plan.meters)
        if self._hearing.missed(turn.meter_id, sent_s, now_s, sound_s, meters):
            self._work.ask_again(self._hearing.silent, now_s)
            self._link.give_up("silence")
        # Nobody may be due for a minute: ask somebody else now, to know in time.
        if self._hearing.silent:
            self._work.look_elsewhere(self._hearing.silent, now_s)
