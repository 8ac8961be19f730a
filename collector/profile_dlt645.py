"""Profiles of DL/T 645-2007 meters: data identifiers, digits and steps, relay commands (数据标识表型)."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_BYTES = 195  # Of one identifier in one frame, with a sequence number behind it.

Identifier = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Bit = Annotated[int, Meta(ge=0, le=15)]
ByteCount = Annotated[int, Meta(ge=1, le=MAX_BYTES)]


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value stands and what one step of it is worth in the unit that ends its name.

    di:     one identifier, or one per phase or period. BCD, low byte first.
    signed: the highest bit is the sign.
    """

    di: Identifier | tuple[Identifier, ...]
    bytes: Annotated[int, Meta(ge=1, le=8)]
    step: Annotated[int, Meta(gt=0)] = 1
    per: Annotated[int, Meta(gt=0)] = 1  # Value = raw x step / per.
    signed: bool = False
    unconfirmed: bool = False

    @property
    def identifiers(self) -> tuple[int, ...]:
        return self.di if isinstance(self.di, tuple) else (self.di,)


class Items(Struct, frozen=True, forbid_unknown_fields=True):
    """The values that a reading can hold; the names are the fields of wire.Reading."""

    register_wh: Item
    period_registers_wh: Item | None = None
    voltage_mv: Item | None = None
    current_ma: Item | None = None
    power_w: Item | None = None
    own_remaining_fen: Item | None = None

    def all(self) -> list[tuple[str, Item]]:
        return [(name, item) for name in self.__struct_fields__ if (item := getattr(self, name)) is not None]


class DataBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """One identifier that answers with several others in a row (数据块); a meter may refuse it."""

    di: Identifier
    holds: Annotated[tuple[Identifier, ...], Meta(min_length=2)]


class StatusWord(Struct, frozen=True, forbid_unknown_fields=True):
    """The running status word 3 (运行状态字3): two bytes, binary, low byte first."""

    di: Identifier
    contact_bit: Bit  # 1: open.
    command_bit: Bit | None = None  # 1: the last command taken was a trip.
    held_bit: Bit | None = None  # 1: the meter's own keep-supply is on.
    unconfirmed: bool = False


class MeterClock(Struct, frozen=True, forbid_unknown_fields=True):
    """Date with weekday (YYMMDDWW) and time (hhmmss)."""

    date: Identifier
    time: Identifier
    unconfirmed: bool = False


class PeriodTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The meter's own day table: slots of hhmmNN, each when a rate begins (日时段表)."""

    di: Identifier
    slots: Annotated[int, Meta(ge=1, le=MAX_BYTES // 3)] = 14
    unconfirmed: bool = False


class Frozen(Struct, frozen=True, forbid_unknown_fields=True):
    """What the meter keeps at each midnight (日冻结); the n-th last one is at the identifiers plus n - 1.

    registers: four bytes each, of the same step as register_wh: the total and behind it the periods.
    """

    time: Identifier  # YYMMDDhhmm.
    register: Identifier
    registers: Literal[1, 5] = 5
    days: Annotated[int, Meta(ge=1, le=62)] = 62
    unconfirmed: bool = False


class RelayCommand(Struct, frozen=True, forbid_unknown_fields=True):
    """A command of control code 1C. Keep-supply on (3A) is not among them: it is never ordered."""

    command: Literal["trip", "permit", "restore", "release"]
    unconfirmed: bool = False


class RelayCommands(Struct, frozen=True, forbid_unknown_fields=True):
    trip: RelayCommand
    restore: RelayCommand
    permit: RelayCommand | None = None  # 合闸允许
    release: RelayCommand | None = None  # 保电解除


class Dlt645Profile(Struct, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="dlt645"):
    """One meter model (表型)."""

    quantities: Items
    blocks: tuple[DataBlock, ...] = ()
    status: StatusWord | None = None
    clock: MeterClock | None = None
    period_table: PeriodTable | None = None
    frozen: Frozen | None = None
    relay: RelayCommands | None = None

    def unconfirmed(self) -> list[str]:
        """Return the rows that no second source confirms; shown wherever the meter is commissioned."""
        rows = [name for name, item in self.quantities.all() if item.unconfirmed]
        for name in ("status", "clock", "period_table", "frozen"):
            row = getattr(self, name)
            if row is not None and row.unconfirmed:
                rows.append(name)
        if self.relay is not None:
            orders = {name: getattr(self.relay, name) for name in ("trip", "restore", "permit", "release")}
            rows += [f"relay.{name}" for name, row in orders.items() if row is not None and row.unconfirmed]
        return rows

    def bytes_of(self) -> dict[int, int]:
        """Return the size of every identifier of the quantities."""
        return {di: item.bytes for _, item in self.quantities.all() for di in item.identifiers}


def problem(profile: Dlt645Profile) -> str | None:
    """Return the first thing that the types cannot say."""
    quantities, sizes = profile.quantities, profile.bytes_of()
    periods = quantities.period_registers_wh
    if periods is not None and len(periods.identifiers) != 4:
        return "quantities.period_registers_wh: needs four identifiers (sharp, peak, flat, valley)"
    for name in ("register_wh", "power_w", "own_remaining_fen"):
        single: Item | None = getattr(quantities, name)
        if single is not None and len(single.identifiers) != 1:
            return f"quantities.{name}: needs one identifier"
    for block in profile.blocks:
        missing = [di for di in block.holds if di not in sizes]
        if missing:
            return f"blocks: {block.di:08X} holds {missing[0]:08X}, which is no quantity"
        if sum(sizes[di] for di in block.holds) > MAX_BYTES:
            return f"blocks: {block.di:08X} is longer than a frame of {MAX_BYTES} bytes"
    return _twice(profile) or _relay_problem(profile)


def _twice(profile: Dlt645Profile) -> str | None:
    seen: dict[int, str] = {}
    rows = [(f"quantities.{name}", item.identifiers) for name, item in profile.quantities.all()]
    rows += [("blocks", (block.di,)) for block in profile.blocks]
    for name, identifiers in rows:
        for di in identifiers:
            if di in seen:
                return f"{name}: {di:08X} is already that of {seen[di]}"
            seen[di] = name
    return None


def _relay_problem(profile: Dlt645Profile) -> str | None:
    relay = profile.relay
    if relay is None:
        return None
    if profile.status is None:
        return "relay: there is no [status] word to prove an order by"
    may: dict[str, Sequence[str]] = {
        "trip": ("trip",),
        "restore": ("restore", "permit"),
        "permit": ("permit",),
        "release": ("release",),
    }
    for name, commands in may.items():
        row: RelayCommand | None = getattr(relay, name)
        if row is not None and row.command not in commands:
            return f"relay.{name}: cannot be the command {row.command}"
    if relay.release is not None and profile.status.held_bit is None:
        return "relay.release: status.held_bit is missing, so that nothing would prove it"
    return None
