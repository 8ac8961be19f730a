"""Modbus PDUs and the receive parser of Modbus TCP (报文).

pymodbus encodes requests and decodes answers; framing and matching are ours, because an answer that
does not match in everything must never become a value. Source: Modbus application protocol V1.1b3;
Modbus messaging on TCP/IP V1.0b.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
)

from collector.protocols.answer import BadFrame, Rejected, Silent

MBAP = struct.Struct(">HHHB")
MIN_LENGTH, MAX_LENGTH = 3, 254  # Of what the length field counts: unit and PDU of two bytes at least.
WRITE_MULTIPLE = 0x10
EXCEPTION = 0x80
# Answers of a gateway or a busy meter: nobody has refused anything.
ABSENT_CODES = frozenset({0x05, 0x06, 0x0A, 0x0B})


@dataclass(frozen=True, slots=True)
class Read:
    """Read `count` registers from `at`; function 3 holding or 4 input registers."""

    at: int
    count: int
    function: int = 3


@dataclass(frozen=True, slots=True)
class Write:
    """Write registers from `at` (function 16)."""

    at: int
    words: tuple[int, ...]

    @property
    def function(self) -> int:
        return WRITE_MULTIPLE


Request = Read | Write


class Frame(NamedTuple):
    transaction: int
    unit: int
    pdu: bytes


@lru_cache(maxsize=4096)
def encode(request: Request) -> bytes:
    """Return the PDU of a request."""
    if isinstance(request, Write):
        write = WriteMultipleRegistersRequest(address=request.at, registers=list(request.words))
        return bytes([request.function]) + write.encode()
    kind = ReadHoldingRegistersRequest if request.function == 3 else ReadInputRegistersRequest
    return bytes([request.function]) + kind(address=request.at, count=request.count).encode()


def answer_bytes(request: Request) -> int:
    """Return the length of the PDU of a good answer."""
    return 5 if isinstance(request, Write) else 2 + 2 * request.count


def answers(request: Request, pdu: bytes) -> bool:
    """Tell whether an answer belongs to a request: function, length, byte count or echo."""
    if pdu[0] == request.function | EXCEPTION:
        return len(pdu) == 2
    if pdu[0] != request.function or len(pdu) != answer_bytes(request):
        return False
    if isinstance(request, Write):
        return pdu == encode(request)[:5]
    return pdu[1] == 2 * request.count


def decode(request: Request, pdu: bytes) -> tuple[int, ...]:
    """Return the registers of a matching answer; a write has none.

    Raises Rejected for an exception of the meter, Silent for one of the gateway.
    """
    if pdu[0] & EXCEPTION:
        if pdu[1] in ABSENT_CODES:
            raise Silent(pdu[1])
        raise Rejected(pdu[1])
    if isinstance(request, Write):
        return ()
    response = ReadHoldingRegistersResponse()  # Function 4 answers in the same shape.
    response.decode(pdu[1:])
    return tuple(response.registers)


class MbapParser:
    """Cuts the bytes of one connection into frames.

    Nothing is ever skipped: TCP neither loses nor adds bytes, so a wrong header means that the other
    side has lost its place, and the connection has to be opened anew.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def rest(self) -> bytes:
        """Return the part of a frame whose rest has not come."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Frame | None:
        """Return the next whole frame, or None. Raises BadFrame for a header that cannot be."""
        if len(self._buffer) < MBAP.size:
            # The first bytes of a header are enough to see that it is none.
            if len(self._buffer) >= 4 and self._buffer[2:4] != b"\0\0":
                raise BadFrame("protocol is not 0")
            return None
        transaction, protocol, length, unit = MBAP.unpack_from(self._buffer)
        if protocol != 0 or not MIN_LENGTH <= length <= MAX_LENGTH:
            raise BadFrame(f"protocol {protocol}, length {length}")
        end = MBAP.size - 1 + length
        if len(self._buffer) < end:
            return None
        pdu = bytes(self._buffer[MBAP.size : end])
        del self._buffer[:end]
        return Frame(transaction, unit, pdu)


class Transactions:
    """Gives transaction numbers without a zero byte.

    Bytes put in front of a header then always make a wrong one (the protocol field is zero and a
    transaction number never looks like it), so that a shifted stream is noticed at once.
    """

    def __init__(self) -> None:
        self._count = 0

    def new(self) -> int:
        self._count = (self._count + 1) % (255 * 255)
        high, low = divmod(self._count, 255)
        return (high + 1) << 8 | (low + 1)
