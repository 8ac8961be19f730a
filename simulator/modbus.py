"""What a meter answers to a Modbus request, byte by byte (Modbus 应答).

The simulator's own encoder and decoder, from the Modbus application protocol V1.1b3. A PDU is what an
RTU frame and a TCP frame share: function code and data, without address and check sum.
"""

import struct

from simulator import registers
from simulator.meter import Meter
from simulator.words import READ_HOLDING, READ_INPUT

WRITE_MULTIPLE = 0x10
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 0x01, 0x02, 0x03
NO_PATH, NO_ANSWER = 0x0A, 0x0B
MAX_READ, MAX_WRITE = 125, 123


def exception(function: int, code: int) -> bytes:
    return bytes([function | 0x80, code])


def answer(meter: Meter, pdu: bytes, us: int) -> bytes:
    """Carry out a request at an instant and return the answer's PDU."""
    function = pdu[0]
    meter.settle(us)
    try:
        if function in (READ_HOLDING, READ_INPUT) and registers.knows(meter, function):
            return _read(meter, pdu, us)
        if function == WRITE_MULTIPLE:
            return _write(meter, pdu, us)
    except registers.IllegalAddress:
        return exception(function, ILLEGAL_ADDRESS)
    return exception(function, ILLEGAL_FUNCTION)


def _read(meter: Meter, pdu: bytes, us: int) -> bytes:
    function = pdu[0]
    if len(pdu) != 5:
        return exception(function, ILLEGAL_VALUE)
    at, count = struct.unpack(">HH", pdu[1:])
    if not 1 <= count <= MAX_READ:
        return exception(function, ILLEGAL_VALUE)
    words = registers.read(meter, at, count, us, function)
    return struct.pack(f">BB{count}H", function, 2 * count, *words)


def _write(meter: Meter, pdu: bytes, us: int) -> bytes:
    if len(pdu) < 6:
        return exception(WRITE_MULTIPLE, ILLEGAL_VALUE)
    at, count, size = struct.unpack(">HHB", pdu[1:6])
    if not 1 <= count <= MAX_WRITE or size != 2 * count or len(pdu) != 6 + size:
        return exception(WRITE_MULTIPLE, ILLEGAL_VALUE)
    words = struct.unpack(f">{count}H", pdu[6:])
    if not registers.write(meter, at, words, us):
        return exception(WRITE_MULTIPLE, ILLEGAL_VALUE)
    return pdu[:5]
