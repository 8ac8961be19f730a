"""The connection to one gateway port: one request outstanding, answers matched in everything (链路)."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

from collector.protocols.answer import BadFrame, Silent
from collector.protocols.modbus import (
    MBAP,
    RTU_OVERHEAD_BYTES,
    Frame,
    MbapParser,
    Request,
    Transactions,
    answer_bytes,
    answers,
    decode,
    encode,
)
from common.clock import Clock
from common.streams import Dial, Streams
from common.wire import PlanLine

DIAL_TIMEOUT_S = 3.0
GATEWAY_MARGIN_S = 0.2  # Beyond the time after which the gateway itself gives up.
MAX_LEARNED_S = 1.0
FRAME_GAPS_CHARACTERS = 7.0  # 3.5 characters of silence after request and answer.
TURNAROUND_S = 0.03
READ_BYTES = 4096
REMEMBERED = 32  # Late answers are recognised among so many transactions.
KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3))


class LinkLost(Exception):
    """The connection ended or can no longer be trusted; nothing is known about the meter."""


class LineTime:
    """How long transactions take at a line's speed, in seconds."""

    def __init__(self, baud: int, parity: str) -> None:
        self._character_s = (10 if parity == "N" else 11) / baud

    def transaction_s(self, request: Request) -> float:
        characters = (
            len(encode(request)) + answer_bytes(request) + 2 * RTU_OVERHEAD_BYTES + FRAME_GAPS_CHARACTERS
        )
        return characters * self._character_s + TURNAROUND_S


class Link:
    """One Modbus TCP connection. Not for concurrent calls: the line's owner is the only caller."""

    def __init__(self, dial: Dial, clock: Clock, plan: PlanLine) -> None:
        self._dial = dial
        self._host, self._port = plan.host, plan.port
        self._clock = clock
        self.time = LineTime(plan.baud, plan.parity)
        self._gateway_timeout_s = plan.gateway_timeout_s
        self._learned_s = 0.0  # How much later than configured this gateway has been seen to answer.
        self._streams: Streams | None = None
        self._parser = MbapParser()
        self._transactions = Transactions()
        self._sent: dict[int, float] = {}  # Transaction -> when it was sent, newest last.
        self.timeouts = 0
        self.strays = 0

    @property
    def connected(self) -> bool:
        return self._streams is not None

    async def connect(self) -> None:
        """Open the connection. Raises OSError when nobody answers in time."""
        self.close()
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            streams = await self._dial(self._host, self._port)
        _keep_alive(streams)
        self._streams = streams
        self._parser = MbapParser()
        self._sent.clear()

    def close(self) -> None:
        if self._streams is not None:
            with suppress(OSError):
                self._streams[1].close()
            self._streams = None

    def check(self) -> None:
        """Raise LinkLost when the other side has closed the connection; nothing is sent."""
        if self._streams is None or self._streams[0].at_eof() or self._streams[1].is_closing():
            self._lose("the gateway closed the connection")

    def limit_s(self, request: Request) -> float:
        """Return how long to wait for an answer: longer than the gateway itself waits."""
        return self.time.transaction_s(request) + self._gateway_timeout_s + GATEWAY_MARGIN_S + self._learned_s

    async def transact(self, unit: int, request: Request) -> Sequence[int]:
        """Send a request and return the registers of its answer.

        Raises Silent (nobody answered), Rejected (the meter said no), LinkLost.
        """
        if self._streams is None:
            raise LinkLost("not connected")
        reader, writer = self._streams
        transaction = self._transactions.new()
        pdu = encode(request)
        try:
            self._remember(transaction)
            writer.write(MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu)
            async with asyncio.timeout(self.limit_s(request)):
                await writer.drain()
                answer = await self._answer(reader, transaction, unit, request)
        except TimeoutError:
            self.timeouts += 1
            if self._parser.partial:
                # Half an answer: whatever comes next would be read as its rest.
                self._lose("half a frame")
            raise Silent from None
        except (OSError, BadFrame) as error:
            self._lose(str(error))
        self._sent.pop(transaction, None)
        return decode(request, answer.pdu)

    async def _answer(
        self, reader: asyncio.StreamReader, transaction: int, unit: int, request: Request
    ) -> Frame:
        while True:
            frame = self._parser.next()
            if frame is None:
                data = await reader.read(READ_BYTES)
                if not data:
                    raise ConnectionResetError("the gateway closed the connection")
                self._parser.feed(data)
            elif frame.transaction == transaction and frame.unit == unit and answers(request, frame.pdu):
                self._check_rest()
                return frame
            else:
                self._stray(frame)

    def _check_rest(self) -> None:
        """Look at what came behind the answer: nothing, or whole frames (sent twice, or late).

        Anything else means that the answer itself may have been put together from two.
        """
        while (frame := self._parser.next()) is not None:
            self._stray(frame)
        if self._parser.partial:
            raise BadFrame("bytes behind the answer")

    def _stray(self, frame: Frame) -> None:
        self.strays += 1
        if frame.transaction == next(reversed(self._sent), None):
            return
        sent_s = self._sent.pop(frame.transaction, None)
        if sent_s is not None:
            # An answer to a request given up: this gateway waits longer than we were told.
            late_s = self._clock.monotonic() - sent_s - self._gateway_timeout_s - GATEWAY_MARGIN_S
            self._learned_s = min(max(self._learned_s, late_s), MAX_LEARNED_S)

    def _remember(self, transaction: int) -> None:
        self._sent[transaction] = self._clock.monotonic()
        while len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def _lose(self, reason: str) -> None:
        self.close()
        raise LinkLost(reason)


def _keep_alive(streams: Streams) -> None:
    """Let the system find a link whose other end is gone while nothing is asked."""
    extra = getattr(streams[1], "get_extra_info", None)
    sock = extra("socket") if extra is not None else None
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
