"""A line behind a transparent gateway or a local serial port: bytes without transaction numbers (透传).

Two things stand against taking one answer for another: an answer must look right in everything (see
link_wires) and must not come sooner than the line allows; what may be asked when is link_rest's.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from collector.link_connection import Connection, LinkLost, Open
from collector.link_rest import Rests
from collector.link_time import LineTime, Patience
from collector.link_wires import Heard, Wire
from collector.protocols import dlt645
from collector.protocols.answer import Silent
from collector.requests import Request
from common.clock import Clock
from common.wire import PlanLine, PlanMeter


@dataclass
class _Asked:
    meter: PlanMeter
    request: Request
    sent_s: float
    answer: "asyncio.Future[Heard]"
    is_begun: bool = False  # Its answer may be coming in.


class StreamLink:
    """One connection to one line. Not for concurrent calls: the line's owner is the only caller."""

    def __init__(
        self, open_: Open, wire: Wire, clock: Clock, plan: PlanLine, lost: Callable[[], None]
    ) -> None:
        self._open, self._lost = open_, lost
        self._wire = wire
        self._clock = clock
        self.time = LineTime(plan)
        self._rests = Rests(wire)
        self._patience = Patience(wire.first_contact_s)
        self._connection: Connection | None = None
        self._asked: _Asked | None = None
        self.timeouts = self.strays = self.bad_frames = 0

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def sound_s(self) -> float:
        return 0.0 if self._connection is None else self._connection.sound_s

    async def connect(self) -> None:
        self.close()
        self._connection = await Connection.open(self._open, self._clock, self._receive, self._lose)
        self._wire.clear()

    def close(self) -> None:
        self._lose("closed")

    def check(self) -> None:
        if self._connection is None or self._connection.is_closed:
            self.give_up("the gateway closed the connection")

    def give_up(self, reason: str) -> NoReturn:
        self._lose(reason)
        raise LinkLost(reason)

    def may_ask(
        self, meter: PlanMeter, request: Request, now_s: float, *, is_read_back: bool = False
    ) -> float:
        return self._rests.may_ask(meter, request, now_s, is_read_back=is_read_back)

    def limit_s(self, meter: PlanMeter, request: Request) -> float:
        return self.time.wire_s(request) + self._patience.wait_s(meter.meter_id)

    async def transact(self, meter: PlanMeter, request: Request) -> Sequence[int]:
        if isinstance(request, dlt645.Broadcast):
            return await self._tell(meter, request)
        heard = await self._ask(meter, request)
        values = self._wire.decode(request, heard)
        next_ = self._wire.follow(request, heard)
        while next_ is not None:
            heard = await self._ask(meter, next_)
            values = [*values, *self._wire.decode(next_, heard)]
            next_ = self._wire.follow(next_, heard)
        return values

    async def _ask(self, meter: PlanMeter, request: Request) -> Heard:
        """Send one frame and return its answer. Raises Silent, LinkLost."""
        connection = self._connection
        if connection is None:
            raise LinkLost("not connected")
        frame = self._wire.encode(meter, request)
        await connection.settle()
        asked = _Asked(meter, request, self._clock.monotonic(), asyncio.get_running_loop().create_future())
        self._asked = asked
        try:
            connection.write(frame)
            async with asyncio.timeout(self.limit_s(meter, request)):
                await connection.drain()
                heard = await asked.answer
        except TimeoutError:
            self.timeouts += 1
            self._missed(asked)
            raise Silent from None
        except OSError as error:
            self._missed(asked)
            self.give_up(str(error))
        except (LinkLost, asyncio.CancelledError):
            self._missed(asked)
            raise
        finally:
            self._asked = None
        now_s = self._clock.monotonic()
        self._rests.answered(meter, request, now_s)
        self._patience.answered(meter.meter_id, now_s - asked.sent_s - self.time.wire_s(request))
        return heard

    async def _tell(self, meter: PlanMeter, request: Request) -> Sequence[int]:
        """Send what nobody answers, and leave the line alone for as long as it takes."""
        if self._connection is None:
            raise LinkLost("not connected")
        try:
            self._connection.write(self._wire.encode(meter, request))
            await self._connection.drain()
        except OSError as error:
            self.give_up(str(error))
        await self._clock.sleep(self.time.transaction_s(request))
        return ()

    def _missed(self, asked: _Asked) -> None:
        self._rests.missed(asked.meter, asked.request, self._clock.monotonic())
        self._patience.missed(asked.meter.meter_id)

    def _receive(self, data: bytes, at_s: float) -> None:
        wire, asked = self._wire, self._asked
        bad_frames, noise_bytes = wire.bad_frames, wire.noise_bytes
        if asked is not None and not asked.is_begun:
            asked.is_begun = at_s >= asked.sent_s + self.time.begins_s(asked.request)
            if asked.is_begun:
                wire.clear()  # A frame that began sooner is not the answer.
        for heard in wire.feed(data):
            self._take(heard, at_s)
        if wire.noise_bytes > noise_bytes:
            self.bad_frames += max(wire.bad_frames - bad_frames, 1)

    def _take(self, heard: Heard, at_s: float) -> None:
        asked = self._asked
        if asked is not None and not asked.answer.done():
            soonest_s = asked.sent_s + self.time.ends_s(asked.request, heard.characters)
            if at_s >= soonest_s and self._wire.answers(asked.meter, asked.request, heard):
                asked.answer.set_result(heard)
                return
        self.strays += 1
        self._rests.stray(heard, at_s)

    def _lose(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._lost()
        if self._asked is not None and not self._asked.answer.done():
            self._asked.answer.set_exception(LinkLost(reason))
