"""Meter profiles: what a model's registers mean, as data files (表型档案).

A new model is a new file, no code; a site may add its own folder, which wins over the shipped one.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

SHIPPED = Path(__file__).parent / "profiles"
MAX_READ_WORDS = 125  # Modbus application protocol V1.1b3, 6.3.
# A request of its own costs about 50 ms at 9600 baud, as much as 24 registers of gap read along.
JOIN_GAP_WORDS = 24
WORDS_OF = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "bcd32": 2}

Address = Annotated[int, Meta(ge=0, le=0xFFFF)]
Word = Annotated[int, Meta(ge=0, le=0xFFFF)]
WordCount = Annotated[int, Meta(ge=1, le=MAX_READ_WORDS)]


class ProfileError(ValueError):
    """A profile is missing or wrong; the text names the file and the row."""


class Block(Struct, frozen=True, forbid_unknown_fields=True):
    """A run of registers read by one request."""

    at: Address
    words: WordCount
    read: Literal[3, 4] = 3

    @property
    def end(self) -> int:
        return self.at + self.words


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


class StatusBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """A block whose start is site data: without it the meter is read by its plain addresses."""

    words: WordCount
    quantities: Quantities
    type_code: TypeCode | None = None


class MeterClock(Struct, frozen=True, forbid_unknown_fields=True):
    """The meter's clock: year, month, day, weekday, hour, minute, second, one byte each."""

    block: Literal["status"]
    word: Word
    coding: Literal["binary", "bcd"]
    unconfirmed: bool = False


class RelayWrite(Struct, frozen=True, forbid_unknown_fields=True):
    write: Literal[16]
    at: Address
    words: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=123)]
    unconfirmed: bool = False


class ForcedRegisters(Struct, frozen=True, forbid_unknown_fields=True):
    """Registers that read back what a relay write has set; the first one is 1 in forced control."""

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


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """One meter model (表型)."""

    protocol: Literal["modbus"]
    word_order: Literal["high-first", "low-first"]
    quantities: Quantities
    reads: tuple[Block, ...] = ()  # The requests of a full read; worked out when not given.
    holes: tuple[Block, ...] = ()  # Registers that may not be read.
    status: StatusBlock | None = None
    clock: MeterClock | None = None
    relay: RelayControl | None = None

    def unconfirmed(self) -> list[str]:
        """Return the rows that no second source confirms; shown wherever the meter is commissioned."""
        rows = [name for name, q in self.quantities.all() if q.unconfirmed]
        if self.status is not None:
            rows += [f"status.{name}" for name, q in self.status.quantities.all() if q.unconfirmed]
        if self.clock is not None and self.clock.unconfirmed:
            rows.append("clock")
        if self.relay is not None:
            parts = {name: getattr(self.relay, name) for name in ("trip", "restore", "permit", "contact")}
            rows += [f"relay.{name}" for name, part in parts.items() if part is not None and part.unconfirmed]
        return rows


def load_profile(name: str, folders: Sequence[Path] = ()) -> Profile:
    """Read and check a profile by name; a site's folders come before the shipped one.

    Raises ProfileError naming the file and what is wrong with it.
    """
    if not name or any(c not in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in name):
        raise ProfileError(f"not a profile name: {name!r}")
    for folder in (*folders, SHIPPED):
        path = folder / f"{name}.toml"
        if path.is_file():
            return parse_profile(path.name, path.read_text(encoding="utf-8"))
    raise ProfileError(f"no profile {name}.toml in {len(folders) + 1} folder(s)")


def parse_profile(file: str, text: str) -> Profile:
    """Read a profile's text. Raises ProfileError."""
    try:
        profile = msgspec.convert(tomllib.loads(text), Profile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ProfileError(f"{file}: {error}") from error
    problem = _problem(profile)
    if problem is not None:
        raise ProfileError(f"{file}: {problem}")
    return profile


def _problem(profile: Profile) -> str | None:
    """Return the first thing that the types cannot say."""
    for block in profile.reads:
        if any(_overlap(block, hole) for hole in profile.holes):
            return f"reads: 0x{block.at:04X} +{block.words} touches a hole"
    for name, quantity in profile.quantities.all():
        for part in _spans(quantity):
            if any(_overlap(part, hole) for hole in profile.holes):
                return f"quantities.{name}: 0x{part.at:04X} lies in a hole"
            if profile.reads and not any(_inside(part, block) for block in profile.reads):
                return f"quantities.{name}: 0x{part.at:04X} is in none of the reads"
    for where, quantities in _sets(profile):
        periods = quantities.period_registers_wh
        if periods is not None and len(periods.addresses) != 4:
            return f"{where}.period_registers_wh: needs four addresses (sharp, peak, flat, valley)"
        for name in ("register_wh", "power_w", "own_remaining_fen"):
            single: Quantity | None = getattr(quantities, name)
            if single is not None and len(single.addresses) != 1:
                return f"{where}.{name}: needs one address"
    return _status_problem(profile) or _relay_problem(profile)


def _status_problem(profile: Profile) -> str | None:
    status = profile.status
    outside = [("clock", profile.clock.word + 3)] if profile.clock is not None else []
    if profile.relay is not None and profile.relay.contact is not None:
        outside.append(("relay.contact", profile.relay.contact.word))
    if status is None:
        return f"{outside[0][0]}: there is no [status] block" if outside else None
    if status.type_code is not None:
        outside.append(("status.type_code", status.type_code.word))
    for name, quantity in status.quantities.all():
        outside += [(f"status.quantities.{name}", part.end - 1) for part in _spans(quantity)]
    for name, word in outside:
        if word >= status.words:
            return f"{name}: word {word} lies behind the status block of {status.words}"
    return None


def _relay_problem(profile: Profile) -> str | None:
    relay = profile.relay
    if relay is None:
        return None
    for name in ("trip", "restore"):
        order: RelayWrite = getattr(relay, name)
        if (order.at, len(order.words)) != (relay.forced.at, relay.forced.words):
            return f"relay.{name}: must write exactly the registers that relay.forced reads back"
    if relay.trip.words == relay.restore.words:
        return "relay: trip and restore write the same words"
    return None


def full_read(profile: Profile) -> tuple[Block, ...]:
    """Return the requests that read everything by plain addresses: given, or merged from the rows."""
    if profile.reads:
        return profile.reads
    parts = sorted(
        (part for _, quantity in profile.quantities.all() for part in _spans(quantity)),
        key=lambda part: (part.read, part.at),
    )
    return merge(parts, profile.holes)


def merge(parts: Sequence[Block], holes: Sequence[Block] = ()) -> tuple[Block, ...]:
    """Join sorted runs of registers into few requests: over gaps that cost less than a request of
    their own, never over a hole, never past the protocol's limit."""
    joined: list[Block] = []
    for part in parts:
        if joined and joined[-1].read == part.read:
            last = joined[-1]
            whole = Block(last.at, min(max(last.end, part.end) - last.at, MAX_READ_WORDS + 1), last.read)
            fits = whole.words <= MAX_READ_WORDS and part.at - last.end < JOIN_GAP_WORDS
            if fits and not any(_overlap(whole, hole) for hole in holes):
                joined[-1] = whole
                continue
        joined.append(part)
    return tuple(joined)


def spans_of(quantities: Sequence[Quantity | None], start: int = 0) -> list[Block]:
    """Return the registers of some rows, sorted; `start` is where their block begins."""
    parts = [part for quantity in quantities if quantity is not None for part in _spans(quantity)]
    return sorted((Block(p.at + start, p.words, p.read) for p in parts), key=lambda p: (p.read, p.at))


def _sets(profile: Profile) -> list[tuple[str, Quantities]]:
    sets = [("quantities", profile.quantities)]
    return sets if profile.status is None else [*sets, ("status.quantities", profile.status.quantities)]


def _spans(quantity: Quantity) -> list[Block]:
    return [Block(at, quantity.words, quantity.read) for at in quantity.addresses]


def _overlap(one: Block, other: Block) -> bool:
    return one.read == other.read and one.at < other.end and other.at < one.end


def _inside(part: Block, block: Block) -> bool:
    return part.read == block.read and block.at <= part.at and part.end <= block.end
