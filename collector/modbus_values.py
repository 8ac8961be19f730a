"""What the registers of a Modbus meter mean (寄存器值): numbers, clocks, day tables."""

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from collector import values
from collector.profile_modbus import MeterClock, PeriodTable, Quantity
from collector.protocols.answer import BadFrame
from common.clock import LOCAL_ZONE

# Words and where the first of a value stands -> the value.
Decode = Callable[[Sequence[int], int], int]


def bytes_of(words: Iterable[int]) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)


def number_of(row: Quantity, words: Sequence[int]) -> int:
    """Return a value in the unit of its name; a fraction is cut towards zero."""
    raw = bytes_of(words)
    if row.type == "f32":
        (number,) = struct.unpack(">f", raw)
        if not math.isfinite(number):
            raise BadFrame("not a number in the answer")
        return int(number * row.step / row.per)
    if row.type == "bcd32":
        digits = raw.hex()
        if not digits.isdecimal():
            raise BadFrame(f"not BCD: {digits}")
        whole = int(digits)
    else:
        whole = int.from_bytes(raw, "big", signed=row.type[0] == "i")
    scaled = abs(whole) * row.step // row.per
    return -scaled if whole < 0 else scaled


def decoder(row: Quantity, low_first: bool) -> Decode:
    """Return what takes a value from among words; the usual ones without a detour over bytes."""
    step, count = row.step, row.words
    if row.per == 1 and row.type == "u16":
        return lambda words, at: words[at] * step
    if row.per == 1 and row.type == "i16":
        return lambda words, at: (words[at] - (words[at] >> 15 << 16)) * step
    if row.per == 1 and row.type == "u32":
        high, low = (1, 0) if low_first else (0, 1)
        return lambda words, at: (words[at + high] << 16 | words[at + low]) * step
    order = -1 if low_first else 1
    return lambda words, at: number_of(row, words[at : at + count][::order])


def clock_of(row: MeterClock, words: Sequence[int]) -> datetime | None:
    numbers = [byte if row.coding == "binary" else (byte >> 4) * 10 + (byte & 15) for byte in bytes_of(words)]
    at = dict(zip(row.order, numbers, strict=False))
    try:
        return datetime(
            2000 + at["year"],
            at["month"],
            at["day"],
            at["hour"],
            at["minute"],
            at["second"],
            tzinfo=LOCAL_ZONE,
        )
    except ValueError:
        return None  # A clock that was never set.


def table_of(row: PeriodTable, words: Sequence[int]) -> values.PeriodTable | None:
    """Return the switches of a day table; None when it makes no sense."""
    data = bytes_of(words)
    slots = [dict(zip(row.order, data[i * 3 : i * 3 + 3], strict=True)) for i in range(row.slots)]
    return values.period_table([(slot["hour"], slot["minute"], slot["rate"]) for slot in slots])
