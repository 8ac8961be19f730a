"""DL/T 645-2007 frames as a meter hears and sends them (多功能电能表通信协议).

The simulator's own encoder and decoder, from the standard's frame: 68, address of six BCD bytes low
first, 68, control, length, data (each byte + 33H), sum of all before it, 16; up to four FE in front.
"""

from collections.abc import Collection
from dataclasses import dataclass

from simulator import dlt645_control, dlt645_data
from simulator.dlt645_errors import DltError
from simulator.meter import Meter

START, END, WAKE = 0x68, 0x16, 0xFE
SHIFT = 0x33
HEAD, TAIL = 10, 2
MAX_PREAMBLE = 4
READ, READ_NEXT, READ_ADDRESS, CONTROL, BROADCAST_TIME = 0x11, 0x12, 0x13, 0x1C, 0x08
ANSWER, ERROR, MORE = 0x80, 0xC0, 0x20
EVERYBODY, ANYBODY = "9" * 12, "AA" * 6


@dataclass(frozen=True)
class Heard:
    """A request that came whole. address: as printed on a meter; data: as meant."""

    address: str
    control: int
    data: bytes


class Dlt645Wire:
    """How the meters of a DL/T 645 line hear requests and answer them."""

    def requests(self, buffer: bytearray) -> list[bytes]:
        """Take whole requests off the buffer, with the characters before them."""
        found = []
        start = buffer.find(START)
        while start >= 0:
            if len(buffer) < start + HEAD:
                break
            end = start + HEAD + buffer[start + 9] + TAIL
            if buffer[start + 7] != START:
                start = buffer.find(START, start + 1)
                continue
            if len(buffer) < end:
                break
            found.append(bytes(buffer[:end]))
            del buffer[:end]
            start = buffer.find(START)
        return found

    def hear(self, meters: Collection[Meter], request: bytes, us: int) -> bytes | None:
        """Let all meters of a line hear a request; returns the frame of the one that answers, or None."""
        heard = parse(request)
        if heard is None:
            return None
        if heard.address == EVERYBODY:
            for meter in meters:
                if heard.control == BROADCAST_TIME and not meter.dead:
                    dlt645_control.take_time(meter, heard.data, us)
            return None
        for meter in meters:
            if heard.address in (meter.spec.address, ANYBODY) and not meter.dead:
                return _answer(meter, heard, us)
        return None

    def answer_of(self, meter: Meter, request: bytes, us: int) -> bytes | None:
        """Return what a meter would answer if the request were for it. Orders are not carried out."""
        heard = parse(request)
        return None if heard is None or heard.control == CONTROL else _answer(meter, heard, us)

    def break_sum(self, answer: bytes) -> bytes:
        return answer[:-TAIL] + bytes([answer[-TAIL] ^ 0x55, END])


def parse(request: bytes) -> Heard | None:
    """Return what a frame says, or None for one with a wrong sum or end."""
    frame = request[request.find(START) :]
    if len(frame) < HEAD + TAIL or frame[-1] != END or sum(frame[:-TAIL]) & 0xFF != frame[-TAIL]:
        return None
    data = bytes((byte - SHIFT) & 0xFF for byte in frame[HEAD:-TAIL])
    return Heard(frame[6:0:-1].hex().upper(), frame[8], data)


def build(address: str, control: int, data: bytes, preamble: int = MAX_PREAMBLE) -> bytes:
    """Return the bytes of a frame with so many FE before it."""
    frame = bytes([START, *bytes.fromhex(address)[::-1], START, control, len(data)])
    frame += bytes((byte + SHIFT) & 0xFF for byte in data)
    return bytes([WAKE]) * preamble + frame + bytes([sum(frame) & 0xFF, END])


def _answer(meter: Meter, heard: Heard, us: int) -> bytes | None:
    meter.settle(us)
    address, preamble = meter.spec.address or "", meter.preamble
    try:
        more, data = _carry_out(meter, heard, us)
    except DltError as error:
        return build(address, heard.control | ERROR, bytes([error.byte]), preamble)
    return build(address, heard.control | ANSWER | (MORE if more else 0), data, preamble)


def _carry_out(meter: Meter, heard: Heard, us: int) -> tuple[bool, bytes]:
    """Return whether more frames follow, and the data of this one. Raises DltError."""
    match heard.control, len(heard.data):
        case (0x11, 4):
            return _part(meter, heard.data, 0, us)
        case (0x12, 5):
            return _part(meter, heard.data[:4], heard.data[4], us)
        case (0x13, 0):
            return False, bytes.fromhex(meter.spec.address or "")[::-1]
        case (0x1C, 16):
            dlt645_control.control(meter, heard.data, us)
            return False, b""
    raise DltError(DltError.OTHER)


def _part(meter: Meter, identifier: bytes, number: int, us: int) -> tuple[bool, bytes]:
    """Cut a block into frames: the first has number 0 and does not say it, later ones end with it."""
    data = dlt645_data.read(meter, int.from_bytes(identifier, "little"), us)
    size = meter.frame_bytes
    if number * size >= len(data):
        raise DltError(DltError.NO_SUCH_DATA)
    piece = data[number * size : (number + 1) * size]
    more = len(data) > (number + 1) * size
    return more, identifier + piece + (bytes([number]) if number else b"")
