"""Modbus RTU frames as they stand on the wire (RTU 帧).

The simulator's own encoder and decoder, from Modbus over serial line V1.02: address, PDU, CRC-16 with
its low byte first. A meter that finds a wrong check sum or another address says nothing.
"""

from collections.abc import Collection

from simulator import modbus
from simulator.meter import Meter

CRC_POLYNOMIAL = 0xA001
MIN_FRAME, MAX_FRAME = 4, 256
SHORT_FUNCTIONS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06)  # Requests of 8 bytes.
LONG_FUNCTIONS = (0x0F, 0x10)  # Their seventh byte counts the data.


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ CRC_POLYNOMIAL if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC = _table()


def crc(data: bytes) -> bytes:
    """Return the two bytes of the check sum, low byte first."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


def frame(unit: int, pdu: bytes) -> bytes:
    body = bytes([unit]) + pdu
    return body + crc(body)


class RtuWire:
    """How the meters of an RTU line hear requests and answer them."""

    def requests(self, buffer: bytearray) -> list[bytes]:
        """Take whole requests off the buffer. What can begin none is passed on alone, as characters."""
        found = []
        while buffer:
            length = _length(buffer)
            if length is None:
                break
            found.append(bytes(buffer[:length]))
            del buffer[:length]
        return found

    def hear(self, meters: Collection[Meter], request: bytes, us: int) -> bytes | None:
        """Let all meters of a line hear a request; returns the frame of the one that answers, or None."""
        for meter in meters:
            if meter.spec.unit == request[0] and not meter.dead:
                return self.answer_of(meter, request, us)
        return None

    def answer_of(self, meter: Meter, request: bytes, us: int) -> bytes | None:
        """Return what a meter would answer if the request were for it."""
        if len(request) < MIN_FRAME or crc(request[:-2]) != request[-2:]:
            return None
        return frame(meter.spec.unit, modbus.answer(meter, request[1:-2], us))

    def break_sum(self, answer: bytes) -> bytes:
        return answer[:-1] + bytes([answer[-1] ^ 0x55])


def _length(buffer: bytearray) -> int | None:
    """Return how many bytes go to the wire together; None while more have to come.

    A real port waits for a silence; TCP has none, so the length follows from the function code.
    """
    if len(buffer) < 2:
        return None
    if buffer[1] in SHORT_FUNCTIONS:
        length = 8
    elif buffer[1] in LONG_FUNCTIONS:
        if len(buffer) < 7:
            return None
        length = 9 + buffer[6]
    else:
        return len(buffer)
    return length if len(buffer) >= length else None
