"""Runs of registers and the words that values become in them (寄存器).

32-bit values: high word first.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from simulator.meter import Meter

READ_HOLDING, READ_INPUT = 0x03, 0x04
I16_MAX, U16_MAX = 0x7FFF, 0xFFFF

Words = list[int]


@dataclass(frozen=True)
class Area:
    """A run of registers that may be read, with one function code."""

    at: int
    count: int
    words: Callable[[Meter, int], Words]
    function: int = READ_HOLDING


def u32(value: int) -> Words:
    return [(value >> 16) & U16_MAX, value & U16_MAX]


def i32(value: int) -> Words:
    return u32(value & 0xFFFF_FFFF)


def i16(value: int) -> int:
    return min(max(value, -I16_MAX - 1), I16_MAX) & U16_MAX


def u16(value: int) -> int:
    return min(value, U16_MAX)


def byte_words(data: bytes) -> Words:
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def bcd(digits: str) -> bytes:
    return bytes.fromhex(digits)


def f32(value: float) -> Words:
    """An IEEE 754 number, high word first."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return [high, low]


def steps(meter: Meter, us: int) -> Words:
    """Total, sharp, peak, flat, valley, each u32 in 0.01 kWh."""
    total, by_period = meter.history.register_steps(us, meter.spec.ct_ratio)
    words = u32(total)
    for value in by_period:
        words += u32(value)
    return words
