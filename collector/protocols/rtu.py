"""Modbus RTU frames and their resynchronising receive parser (RTU 报文).

A transparent gateway passes bytes on in any pieces, so the silence between frames is gone; only the
content tells where a frame begins and ends. Source: Modbus over serial line V1.02, 2.5.1 and 6.2.
"""

from typing import NamedTuple

from collector.protocols.modbus import EXCEPTION, WRITE_MULTIPLE

OVERHEAD_BYTES = 3  # Unit and check sum around a PDU.
READS = (0x03, 0x04)
MAX_DATA = 250
MIN_FRAME = 5
WRITE_ANSWER = 8
MAX_UNIT = 247


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC = _table()


def crc(data: bytes | bytearray) -> bytes:
    """Return the check sum as sent, low byte first (CRC-16/MODBUS)."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


def encode(unit: int, pdu: bytes) -> bytes:
    """Return the frame of a request."""
    frame = bytes([unit]) + pdu
    return frame + crc(frame)


class Frame(NamedTuple):
    unit: int
    pdu: bytes


class Parser:
    """Cuts the bytes of a line into frames of answers, and finds the next one after noise.

    A frame is one only when its length fits its function and its check sum is right. noise_bytes: bytes
    outside of any frame; bad_frames: what looked like a whole frame and had a wrong check sum.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.noise_bytes = 0
        self.bad_frames = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def clear(self) -> None:
        """Forget what has come: nothing more of it will, or it is too late."""
        self._drop(len(self._buffer))

    def next(self) -> Frame | None:
        """Return the next whole frame, or None."""
        buffer = self._buffer
        waiting: int | None = None  # The first place where a frame may still become whole.
        broken = False
        for start in range(len(buffer)):
            size = _size(buffer, start)
            if size is None or 0 < len(buffer) - start < size:
                waiting = start if waiting is None else waiting
                continue
            if size == 0:
                continue
            end = start + size
            if crc(buffer[start : end - 2]) == buffer[end - 2 : end]:
                frame = Frame(buffer[start], bytes(buffer[start + 1 : end - 2]))
                self.bad_frames += broken
                self._drop(start)
                del buffer[:size]
                return frame
            broken = broken or waiting is None
        if waiting != 0:
            # Dropped now, so that a broken frame is counted once.
            self.bad_frames += broken
            self._drop(len(buffer) if waiting is None else waiting)
        return None

    def _drop(self, count: int) -> None:
        self.noise_bytes += count
        del self._buffer[:count]


def _size(buffer: bytearray, start: int) -> int | None:
    """Return the length of the answer that begins here; 0: none does; None: too early to tell."""
    if not 0 < buffer[start] <= MAX_UNIT:
        return 0
    if len(buffer) - start < 2:
        return None
    function = buffer[start + 1]
    if function == WRITE_MULTIPLE:
        return WRITE_ANSWER
    if function & ~EXCEPTION in (*READS, WRITE_MULTIPLE):
        if function & EXCEPTION:
            return MIN_FRAME
        if len(buffer) - start < 3:
            return None
        count = buffer[start + 2]
        return count + MIN_FRAME if 0 < count <= MAX_DATA and count % 2 == 0 else 0
    return 0
