"""Profiles of Modbus meters: registers, their types and steps, relay writes (寄存器表型)."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_READ_WORDS = 125  # Modbus application protocol V1.1b3, 6.3.
# A request of its own costs as much as this many registers of gap read along, at 9600 baud.
JOIN_GAP_WORDS = 24
# Of a request with its answer beyond the registers: 8 and 5 characters and two gaps of 3.5.
OVERHEAD_CHARACTERS = 20
TURNAROUND_S = 0.03
WORDS_OF = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "bcd32": 2}

Address = Annotated[int, Meta(ge=0, le=0xFFFF)]
Word = Annotated[int, Meta(ge=0, le=0xFFFF)]
ClockByte = Literal["year", "month", "day", "weekday", "hour", "minute", "second"]
SlotByte = Literal["rate", "hour", "minute"]
WordCount = Annotated[int, Meta(ge=1, le=MAX_READ_WORDS)]


class Block(Struct, frozen=True, forbid_unknown_fields=True):
    """A run of registers read by one request."""

    at: Address
    words: WordCount
    read: Literal[3, 4] = 3

    @property
    def end(self) -> int:
        return self.at + self.words

    def holds(self, other: "Block") -> bool:
        return self.read == other.read and self.at <= other.at and other.end <= self.end


class Quantity(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value stands and what one step of it is worth in the unit that ends its name.

    at: one address, or one per phase or period; in a status block an offset from its start.
    """

    at: Address | tuple[Address, ...]
    type: Literal["u16", "i16", "u32", "i32", "f32", "bcd32"]
    step: Annotated[int, Meta(gt=0)] = 1
    per: Annotated[int, Meta(gt=0)] = 1  # Value = raw x step / per.
    read: Literal[3, 4] = 3
    unconfirmed: bool = False

    @property
    def addresses(self) -> tuple[int, ...]:
        return self.at if isinstance(self.at, tuple) else (self.at,)

    @property
    def words(self) -> int:
        return WORDS_OF[self.type]


class Quantities(Struct, frozen=True, forbid_unknown_fields=True):
    """The values that a reading can hold; the names are the fields of wire.Reading."""

    register_wh: Quantity
    period_registers_wh: Quantity | None = None
    voltage_mv: Quantity | None = None
    current_ma: Quantity | None = None
    power_w: Quantity | None = None
    own_remaining_fen: Quantity | None = None

    def all(self) -> list[tuple[str, Quantity]]:
        return [(name, q) for name in self.__struct_fields__ if (q := getattr(self, name)) is not None]


class TypeCode(Struct, frozen=True, forbid_unknown_fields=True):
    """A word of the status block that tells whether its start is right for this model."""

    word: Word
    value: Word


class MeterClock(Struct, frozen=True, forbid_unknown_fields=True):
    """The meter's clock in four registers, one byte each.

    word: an offset in the status block, or an address where no block is named.
    """

    word: Word
    coding: Literal["binary", "bcd"]
    block: Literal["status"] | None = None
    order: tuple[ClockByte, ...] = ("year", "month", "day", "weekday", "hour", "minute", "second")
    unconfirmed: bool = False


class PeriodTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The meter's own day table: slots of three bytes, each when a rate begins (日时段表)."""

    at: Address
    order: tuple[SlotByte, SlotByte, SlotByte]
    slots: Annotated[int, Meta(ge=1, le=48)] = 14
    unconfirmed: bool = False

    @property
    def words(self) -> int:
        return (self.slots * 3 + 1) // 2


class LoadTripBits(Struct, frozen=True, forbid_unknown_fields=True):
    """Bits of the status block that are 1 while the meter's own load control keeps the contact open."""

    word: Word
    bits: Annotated[tuple[Annotated[int, Meta(ge=0, le=15)], ...], Meta(min_length=1)]
    unconfirmed: bool = False


class StatusBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """A block whose start is site data: without it the meter is read by its plain addresses."""

    words: WordCount
    quantities: Quantities
    type_code: TypeCode | None = None
    load_trip: tuple[LoadTripBits, ...] = ()


class RelayWrite(Struct, frozen=True, forbid_unknown_fields=True):
    write: Literal[16]
    at: Address
    words: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=123)]
    unconfirmed: bool = False


class ForcedRegisters(Struct, frozen=True, forbid_unknown_fields=True):
    """Registers that read back what a relay write has set; the first one is not 0 in forced control."""

    at: Address
    words: WordCount


class Contact(Struct, frozen=True, forbid_unknown_fields=True):
    """Bits that show the contact itself, 1 closed; forced_bit is 1 in forced control."""

    block: Literal["status"]
    word: Word
    bits: Annotated[tuple[Annotated[int, Meta(ge=0, le=15)], ...], Meta(min_length=1)]
    forced_bit: Annotated[int, Meta(ge=0, le=15)] | None = None
    unconfirmed: bool = False


class RelayControl(Struct, frozen=True, forbid_unknown_fields=True):
    trip: RelayWrite
    restore: RelayWrite
    forced: ForcedRegisters
    contact: Contact | None = None
    permit: RelayWrite | None = None  # Lets the tenant press it on (合闸允许), where the meter has it.


class ModbusProfile(Struct, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="modbus"):
    """One meter model (表型)."""

    word_order: Literal["high-first", "low-first"]
    quantities: Quantities
    reads: tuple[Block, ...] = ()  # The requests of a full read; worked out when not given.
    areas: tuple[Block, ...] = ()  # Registers that may be read along with the rows, like those of `reads`.
    holes: tuple[Block, ...] = ()  # Registers that may not be read.
    status: StatusBlock | None = None
    clock: MeterClock | None = None
    period_table: PeriodTable | None = None
    relay: RelayControl | None = None

    def unconfirmed(self) -> list[str]:
        """Return the rows that no second source confirms; shown wherever the meter is commissioned."""
        rows = [name for name, q in self.quantities.all() if q.unconfirmed]
        if self.status is not None:
            rows += [f"status.{name}" for name, q in self.status.quantities.all() if q.unconfirmed]
            if any(bits.unconfirmed for bits in self.status.load_trip):
                rows.append("status.load_trip")
        tables = {"clock": self.clock, "period_table": self.period_table}
        rows += [name for name, table in tables.items() if table is not None and table.unconfirmed]
        if self.relay is not None:
            parts = {name: getattr(self.relay, name) for name in ("trip", "restore", "permit", "contact")}
            rows += [f"relay.{name}" for name, part in parts.items() if part is not None and part.unconfirmed]
        return rows


def clock_span(clock: MeterClock, start: int = 0) -> Block:
    """Return the registers of a clock; `start` is where its block begins."""
    return Block(start + clock.word, 4)


def table_span(table: PeriodTable) -> Block:
    return Block(table.at, table.words)


def gap_words_at(baud: int, character_bits: int = 10, turnaround_s: float = TURNAROUND_S) -> int:
    """Return how many registers of gap cost as much line time as a request of their own.

    24 at 9600 8N1 with 30 ms turnaround, 14 at 2400, 39 at 19200; more than the protocol's limit never pays.
    """
    character_s = character_bits / baud
    return min(round((OVERHEAD_CHARACTERS * character_s + turnaround_s) / (2 * character_s)), MAX_READ_WORDS)


def spans_of(quantities: Sequence[Quantity | None], start: int = 0) -> list[Block]:
    """Return the registers of some rows, sorted; `start` is where their block begins."""
    parts = [part for quantity in quantities if quantity is not None for part in spans_of_row(quantity)]
    return sorted((Block(p.at + start, p.words, p.read) for p in parts), key=lambda p: (p.read, p.at))


def spans_of_row(quantity: Quantity) -> list[Block]:
    return [Block(at, quantity.words, quantity.read) for at in quantity.addresses]


def overlap(one: Block, other: Block) -> bool:
    return one.read == other.read and one.at < other.end and other.at < one.end
