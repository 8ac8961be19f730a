"""Where one meter's values stand, and what its words mean (寄存器布局): a profile plus site data."""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache

from collector.profile import (
    Block,
    Contact,
    MeterClock,
    Profile,
    Quantities,
    Quantity,
    full_read,
    merge,
    spans_of,
)
from collector.protocols.answer import BadFrame
from collector.protocols.modbus import Read, Write
from common.clock import LOCAL_ZONE
from common.wire import Relay

# A contact that is open lets nothing through: below this it is noise of the measurement.
FLOWING_MA = 100
FLOWING_W = 25

# (function, address) -> word, as read.
Image = Mapping[tuple[int, int], int]


class Part(Enum):
    """A class of values with a deadline of its own."""

    MONEY = auto()  # Register, periods, relay and forced control, power.
    ELECTRICAL = auto()  # What is left and costs requests of its own.
    DAILY = auto()  # Once a local day: frozen values, the meter's clock and period table.


@dataclass(frozen=True, slots=True)
class Values:
    """What one full read says; None where the meter does not have it."""

    register_wh: int
    period_registers_wh: tuple[int, int, int, int] | None
    voltage_mv: tuple[int, ...] | None
    current_ma: tuple[int, ...] | None
    power_w: int | None
    own_remaining_fen: int | None
    relay: Relay
    forced: bool | None  # Forced control is on.
    forced_words: tuple[int, ...] | None
    clock_at: datetime | None

    @property
    def flowing(self) -> bool | None:
        return is_flowing(self.current_ma, self.power_w)


def is_flowing(current_ma: tuple[int, ...] | None, power_w: int | None) -> bool | None:
    """Tell whether load is seen; None when the meter shows neither current nor power."""
    if current_ma is None and power_w is None:
        return None
    return max(current_ma or (0,)) >= FLOWING_MA or abs(power_w or 0) >= FLOWING_W


class Layout:
    """The requests and rows of one kind of meter.

    status_at: where the meter's status block begins; None reads the plain addresses and knows no
    contact.
    """

    def __init__(self, profile: Profile, status_at: int | None) -> None:
        self.profile = profile
        self._status_at = status_at if profile.status is not None else None
        self._low_first = profile.word_order == "low-first"
        relay = profile.relay
        self._contact: Contact | None = None
        if self._status_at is not None and profile.status is not None:
            self._rows, self._start = profile.status.quantities, self._status_at
            self.blocks: tuple[Block, ...] = (Block(self._status_at, profile.status.words),)
            self._contact = relay.contact if relay is not None else None
        else:
            self._rows, self._start = profile.quantities, 0
            self.blocks = full_read(profile)
        self._clock = profile.clock if self._status_at is not None else None
        self.reads = tuple(_read(block) for block in self.blocks)
        self.parts: Mapping[Part, tuple[Read, ...]] = self._parts()
        # The shortest requests: is it there, does load flow, where is the contact, what is forced.
        self.probe = _read(spans_of([profile.quantities.register_wh])[0])
        loads = merge(spans_of([self._rows.current_ma, self._rows.power_w], self._start))
        self.load: Read | None = _read(loads[0]) if len(loads) == 1 else None
        self.contact: Read | None = None
        if self._contact is not None:
            self.contact = Read(self._start + self._contact.word, 1)
        self.forced: Read | None = None
        if relay is not None:
            self.forced = Read(relay.forced.at, relay.forced.words)

    def _parts(self) -> dict[Part, tuple[Read, ...]]:
        """Return the requests of a full read by class; one that brings anything of money is money's."""
        rows = [self._rows.register_wh, self._rows.period_registers_wh, self._rows.power_w]
        needed = spans_of(rows, self._start)
        relay = self.profile.relay
        if relay is not None:
            needed.append(Block(relay.forced.at, relay.forced.words))
        money = tuple(read for read in self.reads if any(_touches(read, block) for block in needed))
        rest = tuple(read for read in self.reads if read not in money)
        return {Part.MONEY: money, Part.ELECTRICAL: rest, Part.DAILY: ()}

    @property
    def offers(self) -> frozenset[Part]:
        """The parts that there is anything to ask for."""
        return frozenset(part for part, requests in self.parts.items() if requests)

    def order(self, relay: Relay) -> Write | None:
        """Return the write for ON, OFF or PERMITTED; None when the model has none."""
        control = self.profile.relay
        if control is None:
            return None
        row = {Relay.ON: control.restore, Relay.OFF: control.trip, Relay.PERMITTED: control.permit}.get(relay)
        return None if row is None else Write(row.at, row.words)

    def relay_of(self, status_word: int) -> Relay:
        """Return the contact as the status word shows it; poles that differ are UNKNOWN."""
        if self._contact is None:
            return Relay.UNKNOWN
        closed = [status_word >> bit & 1 for bit in self._contact.bits]
        if all(closed):
            return Relay.ON
        return Relay.UNKNOWN if any(closed) else Relay.OFF

    def flowing(self, words: Sequence[int]) -> bool | None:
        """Tell from an answer to `load` whether load is seen."""
        if self.load is None:
            return None
        image = image_of([(self.load, words)])
        return is_flowing(self._several(image, self._rows.current_ma), self._one(image, self._rows.power_w))

    def agrees(self, values: Values, relay: Relay, write: Write | None) -> bool | None:
        """Tell whether a reading shows ON or OFF, by contact or else by what `write` has left behind;
        None when it cannot say."""
        if self.contact is not None:
            return None if values.relay is Relay.UNKNOWN else values.relay is relay
        if values.forced_words is None or write is None:
            return None
        return values.forced_words == write.words

    def values(self, answers: Sequence[tuple[Read, Sequence[int]]]) -> Values:
        """Return what a full read says. Raises BadFrame when the status block is not where it should be."""
        image = image_of(answers)
        status = self.profile.status
        if self._status_at is not None and status is not None and status.type_code is not None:
            code = image[3, self._start + status.type_code.word]
            if code != status.type_code.value:
                raise BadFrame(f"status block at 0x{self._start:04X} says type {code}")
        rows = self._rows
        register_wh = self._one(image, rows.register_wh)
        if register_wh is None:
            raise BadFrame("no energy register in the answer")
        relay, forced, forced_words = self._relay(image)
        return Values(
            register_wh=register_wh,
            period_registers_wh=self._periods(image, rows),
            voltage_mv=self._several(image, rows.voltage_mv),
            current_ma=self._several(image, rows.current_ma),
            power_w=self._one(image, rows.power_w),
            own_remaining_fen=self._one(image, rows.own_remaining_fen),
            relay=relay,
            forced=forced,
            forced_words=forced_words,
            clock_at=self._clock_at(image, self._clock) if self._clock is not None else None,
        )

    def _relay(self, image: Image) -> tuple[Relay, bool | None, tuple[int, ...] | None]:
        if self._contact is not None:
            word = image[3, self._start + self._contact.word]
            bit = self._contact.forced_bit
            return self.relay_of(word), None if bit is None else bool(word >> bit & 1), None
        if self.forced is None:
            return Relay.UNKNOWN, None, None
        found = [image.get((3, self.forced.at + i)) for i in range(self.forced.count)]
        words = tuple(word for word in found if word is not None)
        if len(words) < self.forced.count:
            return Relay.UNKNOWN, None, None
        return Relay.UNKNOWN, words[0] == 1, words

    def _periods(self, image: Image, rows: Quantities) -> tuple[int, int, int, int] | None:
        values = self._several(image, rows.period_registers_wh)
        if values is None:
            return None
        sharp, peak, flat, valley = values
        return sharp, peak, flat, valley

    def _one(self, image: Image, row: Quantity | None) -> int | None:
        values = self._several(image, row)
        return None if values is None else values[0]

    def _several(self, image: Image, row: Quantity | None) -> tuple[int, ...] | None:
        if row is None:
            return None
        found = []
        for at in row.addresses:
            places = [(row.read, self._start + at + i) for i in range(row.words)]
            if not all(place in image for place in places):
                return None  # Of a part that was not read.
            words = [image[place] for place in places]
            if self._low_first:
                words.reverse()
            found.append(_number(row, words))
        return tuple(found)

    def _clock_at(self, image: Image, row: MeterClock) -> datetime | None:
        data = b"".join(image[3, self._start + row.word + i].to_bytes(2, "big") for i in range(4))
        numbers = [byte if row.coding == "binary" else (byte >> 4) * 10 + (byte & 15) for byte in data[:7]]
        year, month, day, _, hour, minute, second = numbers
        try:
            return datetime(2000 + year, month, day, hour, minute, second, tzinfo=LOCAL_ZONE)
        except ValueError:
            return None  # A clock that was never set.


def _number(row: Quantity, words: Sequence[int]) -> int:
    """Return a value in the unit of its name; a fraction is cut towards zero."""
    raw = b"".join(word.to_bytes(2, "big") for word in words)
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


def image_of(answers: Sequence[tuple[Read, Sequence[int]]]) -> dict[tuple[int, int], int]:
    """Place the words of some answers at their addresses."""
    image: dict[tuple[int, int], int] = {}
    for read, words in answers:
        for offset, word in enumerate(words):
            image[read.function, read.at + offset] = word
    return image


def _touches(read: Read, block: Block) -> bool:
    return read.function == block.read and block.at < read.at + read.count and read.at < block.end


def _read(block: Block) -> Read:
    return Read(block.at, block.words, block.read)


@lru_cache(maxsize=512)
def layout_of(profile: Profile, status_at: int | None) -> Layout:
    """Return the layout of a profile at a site; the same one for the same meters."""
    return Layout(profile, status_at)
