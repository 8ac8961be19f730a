"""Modbus TCP: one socket for all lines behind the same port of a gateway (一口多线).

Each line has one request in flight; answers are told apart by their transaction number. When the socket
is lost, all of its lines hear of it; a line that comes or goes leaves the others alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from collector.link_connection import Connection, LinkLost
from collector.link_time import LineTime
from collector.protocols.answer import BadFrame, Silent
from collector.protocols.modbus import (
    MBAP,
    Frame,
    MbapParser,
    Read,
    Transactions,
    Write,
    answers,
    decode,
    encode,
)
from collector.requests import Request
from common.clock import Clock
from common.streams import Dial
from common.wire import PlanLine, PlanMeter

GATEWAY_MARGIN_S = 0.2  # Beyond the time after which the gateway itself gives up.
MAX_LEARNED_S = 1.0
REMEMBERED = 32  # Late answers are recognised among so many transactions.
STALLED_S = 0.1  # The rest of a frame follows at once, or never.


class Sockets:
    """The sockets of a collector, by host and port."""

    def __init__(self, dial: Dial, clock: Clock) -> None:
        self._dial = dial
        self._clock = clock
        self._sockets: dict[tuple[str, int], Socket] = {}

    def of(self, host: str, port: int) -> "Socket":
        key = host, port
        if key not in self._sockets:
            self._sockets[key] = Socket(self._dial, self._clock, host, port)
        return self._sockets[key]


@dataclass
class _Asked:
    link: "MbapLink"
    unit: int
    request: Read | Write
    sent_s: float
    answer: "asyncio.Future[Frame]"


class Socket:
    """One Modbus TCP connection with the links that use it."""

    def __init__(self, dial: Dial, clock: Clock, host: str, port: int) -> None:
        self._dial, self._host, self._port = dial, host, port
        self._clock = clock
        self._links: set[MbapLink] = set()
        self._dialling = asyncio.Lock()
        self._connection: Connection | None = None
        self._parser = MbapParser()
        self._transactions = Transactions()
        self._asked: dict[int, _Asked] = {}
        self._given_up: dict[int, _Asked] = {}

    def carries(self, link: "MbapLink") -> bool:
        return self._connection is not None and link in self._links

    @property
    def is_closed(self) -> bool:
        return self._connection is None or self._connection.is_closed

    @property
    def sound_s(self) -> float:
        return 0.0 if self._connection is None else self._connection.sound_s

    async def join(self, link: "MbapLink") -> None:
        """Connect, or take part in the connection that is there. Raises OSError."""
        async with self._dialling:
            if self._connection is None:
                self._connection = await Connection.open(
                    lambda: self._dial(self._host, self._port), self._clock, self._receive, self.lose
                )
                self._parser = MbapParser()
                self._given_up.clear()
            self._links.add(link)

    def leave(self, link: "MbapLink") -> None:
        """Go; the last one closes the connection."""
        self._links.discard(link)
        if not self._links:
            self.lose("closed")

    def lose(self, reason: str) -> None:
        """Close the connection and tell all that use it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        links, self._links = self._links, set()
        for link in links:
            link.lost()
        asked, self._asked = self._asked, {}
        for one in asked.values():
            if not one.answer.done():
                one.answer.set_exception(LinkLost(reason))

    async def ask(self, link: "MbapLink", unit: int, request: Read | Write, within_s: float) -> Frame:
        """Send a request and return its answer. Raises TimeoutError, LinkLost, OSError."""
        connection = self._connection
        if connection is None:
            raise LinkLost("not connected")
        transaction, pdu = self._transactions.new(), encode(request)
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        asked = _Asked(link, unit, request, self._clock.monotonic(), answer)
        self._asked[transaction] = asked
        try:
            connection.write(MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu)
            async with asyncio.timeout(within_s):
                await connection.drain()
                return await answer
        finally:
            if self._asked.pop(transaction, None) is not None:
                self._remember(transaction, asked)
            if answer.done() and not answer.cancelled():
                answer.exception()  # Also when the other end of the wait came first.

    def stalled(self) -> bool:
        """Tell whether half a frame has come and its rest has not: what comes next would be read as it."""
        return bool(self._parser.rest) and self._clock.monotonic() - self.sound_s >= STALLED_S

    def _remember(self, transaction: int, asked: _Asked) -> None:
        self._given_up[transaction] = asked
        while len(self._given_up) > REMEMBERED:
            del self._given_up[next(iter(self._given_up))]

    def _receive(self, data: bytes, at_s: float) -> None:
        self._parser.feed(data)
        found: list[tuple[_Asked, Frame]] = []
        try:
            while (frame := self._parser.next()) is not None:
                asked = self._asked.get(frame.transaction)
                if asked is not None and asked.unit == frame.unit and answers(asked.request, frame.pdu):
                    del self._asked[frame.transaction]
                    found.append((asked, frame))
                else:
                    self._stray(frame, at_s)
            if found and not self._may_follow(self._parser.rest):
                raise BadFrame("bytes behind the answer")
        except BadFrame as error:
            for link in self._links:
                link.bad_frames += 1
            for asked, _ in found:
                asked.answer.set_exception(LinkLost(str(error)))
            self.lose(str(error))
            return
        for asked, frame in found:
            if not asked.answer.done():
                asked.answer.set_result(frame)

    def _may_follow(self, rest: bytes) -> bool:
        """Tell whether what stands behind an answer can be the beginning of another line's.

        Anything else means that the answer itself may have been put together from two.
        """
        heads = [MBAP.pack(transaction, 0, 0, 0)[:4] for transaction in self._asked]
        return not rest or any(rest[:4] == head[: len(rest)] for head in heads)

    def _stray(self, frame: Frame, at_s: float) -> None:
        late = self._given_up.pop(frame.transaction, None)
        now = self._asked.get(frame.transaction)
        if late is not None:
            late.link.late(at_s - late.sent_s)
        elif now is not None:
            now.link.strays += 1
        else:
            for link in self._links:
                link.strays += 1


class MbapLink:
    """One line's part of a Modbus TCP socket. Not for concurrent calls: the line's owner is the caller."""

    def __init__(self, socket: Socket, plan: PlanLine, lost: Callable[[], None]) -> None:
        self._socket = socket
        self.lost = lost
        self.time = LineTime(plan)
        self._gateway_timeout_s = plan.gateway_timeout_s
        self._learned_s = 0.0  # How much later than configured this gateway has been seen to answer.
        self.timeouts = self.strays = self.bad_frames = 0

    @property
    def connected(self) -> bool:
        return self._socket.carries(self)

    @property
    def sound_s(self) -> float:
        return self._socket.sound_s

    async def connect(self) -> None:
        self.close()
        await self._socket.join(self)

    def close(self) -> None:
        if self.connected:
            self._socket.leave(self)

    def check(self) -> None:
        if not self.connected:
            raise LinkLost("not connected")
        if self._socket.is_closed:
            self.give_up("the gateway closed the connection")

    def give_up(self, reason: str) -> NoReturn:
        if self.connected:
            self._socket.lose(reason)
        raise LinkLost(reason)

    def may_ask(
        self, meter: PlanMeter, request: Request, now_s: float, *, is_read_back: bool = False
    ) -> float:
        return now_s  # The transaction number tells old answers from new ones.

    def limit_s(self, meter: PlanMeter, request: Request) -> float:
        """Return how long to wait for an answer: longer than the gateway itself waits."""
        waits_s = self._gateway_timeout_s + GATEWAY_MARGIN_S + self._learned_s
        return self.time.transaction_s(request) + waits_s

    async def transact(self, meter: PlanMeter, request: Request) -> Sequence[int]:
        if not isinstance(request, Read | Write):
            raise TypeError(f"not a Modbus request: {request!r}")
        if not self.connected:
            raise LinkLost("not connected")
        try:
            answer = await self._socket.ask(self, meter.unit, request, self.limit_s(meter, request))
        except TimeoutError:
            self.timeouts += 1
            if self._socket.stalled():
                self.give_up("half a frame")
            raise Silent from None
        except OSError as error:
            self.give_up(str(error))
        return decode(request, answer.pdu)

    def late(self, after_s: float) -> None:
        """Note an answer to a request given up: this gateway waits longer than we were told."""
        self.strays += 1
        late_s = after_s - self._gateway_timeout_s - GATEWAY_MARGIN_S
        self._learned_s = min(max(self._learned_s, late_s), MAX_LEARNED_S)
