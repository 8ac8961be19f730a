"""What the bytes of a DL/T 645 meter mean (数据项取值): BCD numbers, instants, day tables."""

from collections.abc import Mapping
from datetime import datetime

from collector.profile_dlt645 import Item, PeriodTable
from collector.protocols.answer import BadFrame
from collector.values import PeriodTable as Table
from collector.values import period_table
from common.clock import LOCAL_ZONE


def number(row: Item, data: bytes) -> int:
    """Return a value in the unit of its name; a fraction is cut towards zero."""
    negative = row.signed and bool(data[-1] & 0x80)
    if negative:
        data = data[:-1] + bytes([data[-1] & 0x7F])
    text = digits(data)
    if not text.isdecimal():
        raise BadFrame(f"not BCD: {text}")
    scaled = int(text) * row.step // row.per
    return -scaled if negative else scaled


def table_of(row: PeriodTable | None, image: Mapping[int, bytes]) -> Table | None:
    data = None if row is None else image.get(row.di)
    if data is None:
        return None
    slots = [digits(data[i : i + 3]) for i in range(0, len(data), 3)]
    if not all(slot.isdecimal() for slot in slots):
        return None
    return period_table([(int(slot[:2]), int(slot[2:4]), int(slot[4:])) for slot in slots])


def instant(text: str, shape: str) -> datetime | None:
    try:
        return datetime.strptime(text, shape).replace(tzinfo=LOCAL_ZONE)
    except ValueError:
        return None  # A clock that was never set.


def digits(data: bytes) -> str:
    """Return the digits of a value, highest first."""
    return data[::-1].hex()
