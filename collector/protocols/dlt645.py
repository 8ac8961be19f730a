"""DL/T 645-2007 frames and their resynchronising receive parser (多功能电能表通信协议).

Framing and matching are ours, because an answer that does not match in everything must never become a
value. Control code 1A (meter clear, 电表清零) cannot be expressed: a request names what it is, never its
control code, and `_Code` lists the four that are sent. (1A as a *command* inside of control code 1C is
the trip.) Source: DL/T 645-2007, 5.2 (frame), 7 (commands), B and C (control of the relay).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from collector.protocols.answer import Rejected
from common.clock import LOCAL_ZONE

START, END, WAKE = 0x68, 0x16, 0xFE
PREAMBLE = bytes([WAKE]) * 4  # Sent before every frame; answers come with none to four of them.
SHIFT = 0x33  # Added to every data byte on the wire.
HEAD, TAIL = 10, 2  # 68, address of 6, 68, control code, length; check sum, 16.
MAX_DATA = 200
IDENTIFIER = 4

ANSWER, ERROR, MORE = 0x80, 0x40, 0x20
# Bits of the byte in an error reply.
NO_SUCH_DATA, NOT_AUTHORISED = 0x02, 0x04

EVERYBODY = "9" * 12
# The latest instant that the frame can say. When an order may begin is our own rule and kept before it is
# sent: a meter whose clock is wrong must not refuse the restore that has been paid for.
NO_DEADLINE = datetime(2099, 12, 31, 23, 59, 59, tzinfo=LOCAL_ZONE)


class _Code(IntEnum):
    """The control codes that are ever sent."""

    BROADCAST_TIME = 0x08
    READ = 0x11
    READ_NEXT = 0x12
    CONTROL = 0x1C


class Command(IntEnum):
    """N1 of a control frame (跳合闸、保电)."""

    TRIP = 0x1A
    PERMIT = 0x1B  # Someone presses the button on the meter (合闸允许).
    RESTORE = 0x1C
    HOLD = 0x3A  # The meter's own keep-supply (保电). Known, never ordered: see product.
    RELEASE = 0x3B  # 保电解除


@dataclass(frozen=True, slots=True)
class Read:
    """Read one data identifier (DI3 in the highest byte).

    size:   data bytes behind the identifier in the last or only frame of the answer.
    follow: 0 for the first frame; n asks for the n-th frame that follows (control code 12).
    """

    identifier: int
    size: int
    follow: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.identifier <= 0xFFFFFFFF:
            raise ValueError(f"identifier {self.identifier:X}")
        if not (0 < self.size <= MAX_DATA - IDENTIFIER - (self.follow > 0) and 0 <= self.follow <= 255):
            raise ValueError(f"size {self.size}, follow {self.follow}")


@dataclass(frozen=True, slots=True)
class Control:
    """Order the relay or the keep-supply (控制命令). until: the meter obeys up to then, by its own clock."""

    command: Command
    until: datetime = NO_DEADLINE


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Tell all meters of a line the time (广播校时). Nobody answers; a meter moves its clock by at most
    five minutes and once a day."""

    at: datetime


Request = Read | Control | Broadcast


class Frame(NamedTuple):
    """address: as printed on the meter; data: as meant, 33H already taken off."""

    address: str
    control: int
    data: bytes


@lru_cache(maxsize=4096)
def encode(address: str, request: Request, password: str = "02000000", operator: str = "00000000") -> bytes:
    """Return the bytes of a request, with four FE in front.

    address:            twelve digits.
    password, operator: eight hex digits, in the order they are sent (level first); control frames only.
    Raises ValueError for an address, password or operator of another shape.
    """
    if isinstance(request, Read):
        data = request.identifier.to_bytes(IDENTIFIER, "little")
        if request.follow:
            return _frame(address, _Code.READ_NEXT, data + bytes([request.follow]))
        return _frame(address, _Code.READ, data)
    if isinstance(request, Control):
        order = bytes([Command(request.command), 0]) + _time(request.until)
        return _frame(address, _Code.CONTROL, _four(password) + _four(operator) + order)
    if isinstance(request, Broadcast):
        return _frame(EVERYBODY, _Code.BROADCAST_TIME, _time(request.at))
    raise TypeError(f"not a request: {request!r}")


def answer_bytes(request: Request) -> int:
    """Return the length of a good answer on the wire, at most: with four FE; 0 where nobody answers."""
    if isinstance(request, Broadcast):
        return 0
    data = IDENTIFIER + request.size + (request.follow > 0) if isinstance(request, Read) else 0
    return len(PREAMBLE) + HEAD + data + TAIL


def answers(address: str, request: Request, frame: Frame) -> bool:
    """Tell whether a frame belongs to a request: address, control code, identifier, sequence number.

    An error reply says neither identifier nor sequence number; nothing more can be compared.
    """
    if isinstance(request, Broadcast) or frame.address != address:
        return False
    code = _code(request)
    if frame.control == code | ANSWER | ERROR:
        return len(frame.data) == 1
    if isinstance(request, Control):
        return frame.control == code | ANSWER and not frame.data
    if frame.control & ~MORE != code | ANSWER or len(frame.data) < IDENTIFIER + (request.follow > 0):
        return False
    if frame.data[:IDENTIFIER] != request.identifier.to_bytes(IDENTIFIER, "little"):
        return False
    return not request.follow or frame.data[-1] == request.follow


def decode(request: Request, frame: Frame) -> bytes:
    """Return the data behind the identifier of a matching answer, low byte first; a control has none.

    Raises Rejected with the meter's error byte; an answer of another size than asked for counts as "no
    such data": the meter does not have it in the shape that its profile says.
    """
    if frame.control & ERROR:
        raise Rejected(frame.data[0])
    if not isinstance(request, Read):
        return b""
    data = frame.data[IDENTIFIER:-1] if request.follow else frame.data[IDENTIFIER:]
    if not has_more(frame) and len(data) != request.size:
        raise Rejected(NO_SUCH_DATA)
    return data


def has_more(frame: Frame) -> bool:
    """Tell whether a follow-up frame has to be asked for."""
    return bool(frame.control & MORE)


class Parser:
    """Cuts the bytes of a line into frames, and finds the next one after noise or a broken frame.

    Nothing in the bytes is sure: 68 and 16 occur inside data, so a frame is one only when both 68, the
    length, the check sum and the 16 are right. noise_bytes: bytes outside of any frame, without FE;
    bad_frames: whole frames with a wrong check sum or end.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.noise_bytes = 0
        self.bad_frames = 0

    @property
    def partial(self) -> bool:
        """True while what may be part of a frame has come and its rest has not."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def clear(self) -> None:
        """Forget what has come: nothing more of it will, or it is too late."""
        self._drop(len(self._buffer))

    def next(self) -> Frame | None:
        """Return the next whole frame, or None."""
        buffer = self._buffer
        waiting: int | None = None  # The first place where a frame may still become whole.
        start = buffer.find(START)
        while start >= 0:
            end = self._end(start)
            if end is None:
                waiting = start if waiting is None else waiting
            elif end > 0:
                frame = _parse(buffer[start:end])
                if frame is not None:
                    self._drop(start)
                    del buffer[: end - start]
                    return frame
                if waiting is None:
                    # Dropped as far as its first byte, so that it is counted once.
                    self.bad_frames += 1
                    self._drop(start + 1)
                    start = -1
            start = buffer.find(START, start + 1)
        self._drop(len(buffer) if waiting is None else waiting)
        return None

    def _end(self, start: int) -> int | None:
        """Return where the frame that begins here ends; 0: none begins here; None: too early to tell."""
        head = self._buffer[start : start + HEAD]
        if len(head) > 7 and head[7] != START:
            return 0
        if len(head) < HEAD:
            return None
        if head[9] > MAX_DATA:
            return 0
        end = start + HEAD + head[9] + TAIL
        return end if end <= len(self._buffer) else None

    def _drop(self, count: int) -> None:
        dropped = self._buffer[:count]
        self.noise_bytes += len(dropped) - dropped.count(WAKE)
        del self._buffer[:count]


def _parse(whole: bytes | bytearray) -> Frame | None:
    if whole[-1] != END or sum(whole[:-TAIL]) & 0xFF != whole[-TAIL]:
        return None
    data = bytes((byte - SHIFT) & 0xFF for byte in whole[HEAD:-TAIL])
    return Frame(bytes(reversed(whole[1:7])).hex().upper(), whole[8], data)


def _frame(address: str, code: _Code, data: bytes) -> bytes:
    if len(address) != 12 or not (address.isascii() and address.isdecimal()):
        raise ValueError(f"not an address of twelve digits: {address!r}")
    shifted = bytes((byte + SHIFT) & 0xFF for byte in data)
    frame = bytes([START, *reversed(bytes.fromhex(address)), START, _Code(code), len(data)]) + shifted
    return PREAMBLE + frame + bytes([sum(frame) & 0xFF, END])


def _code(request: Read | Control) -> _Code:
    if isinstance(request, Control):
        return _Code.CONTROL
    return _Code.READ_NEXT if request.follow else _Code.READ


def _four(text: str) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != 4:
        raise ValueError("password and operator are four bytes each")
    return data


def _time(at: datetime) -> bytes:
    """Return second, minute, hour, day, month, year in BCD, local time."""
    return bytes.fromhex(at.astimezone(LOCAL_ZONE).strftime("%S%M%H%d%m%y"))
