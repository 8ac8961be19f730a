"""What a DL/T 645 meter is asked, and what its data bytes mean (数据标识布局)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from collector.dlt645_values import digits, instant, number, table_of
from collector.profile_dlt645 import Dlt645Profile, Item
from collector.protocols.answer import BadFrame
from collector.protocols.dlt645 import NOT_AUTHORISED, Command, Control, Read
from collector.requests import Request
from collector.values import Look, Part, Values, four, is_flowing
from common.wire import FrozenDay, Relay

COMMANDS = {
    "trip": Command.TRIP,
    "permit": Command.PERMIT,
    "restore": Command.RESTORE,
    "release": Command.RELEASE,
}
STATUS_BYTES, DATE_BYTES, TIME_BYTES, FROZEN_TIME_BYTES, REGISTER_BYTES = 2, 4, 3, 5, 4

# Identifier -> data bytes, low byte first.
Image = Mapping[int, bytes]


class Dlt645Layout:
    """The requests and rows of one kind of meter; see Layout for what they are for.

    refused: requests that this meter has refused: a block is then read by its single identifiers, and
             what has no other way is left out.
    """

    forced: Request | None = None
    tells_load_trip = False

    def __init__(self, profile: Dlt645Profile, refused: frozenset[Request] = frozenset()) -> None:
        self.profile = profile
        self._refused = refused
        self._sizes = profile.bytes_of()
        # Block identifier -> what it holds, for those that this meter answers.
        self._blocks = {
            block.di: block.holds
            for block in profile.blocks
            if Read(block.di, sum(self._sizes[di] for di in block.holds)) not in refused
        }
        rows, status = profile.quantities, profile.status
        self.contact: Request | None = None if status is None else Read(status.di, STATUS_BYTES)
        money = self._requests([rows.register_wh, rows.period_registers_wh, rows.power_w])
        brought = {di for read in money for di in self._held(read.identifier)}
        electrical = self._requests([rows.voltage_mv, rows.current_ma, rows.own_remaining_fen], brought)
        self.parts: Mapping[Part, tuple[Request, ...]] = {
            Part.MONEY: self._asked([*money, self.contact]),
            Part.ELECTRICAL: self._asked(electrical),
            Part.DAILY: self._asked(self._daily()),
        }
        self.reads = self.parts[Part.MONEY] + self.parts[Part.ELECTRICAL]
        self.probe = Read(rows.register_wh.identifiers[0], rows.register_wh.bytes)
        # Current shows a load of any power factor; power alone does where three currents need three requests.
        self._load_row = rows.power_w
        loads = self._requests([rows.power_w])
        currents = [read for read in self._requests([rows.current_ma]) if read not in refused]
        if len(currents) == 1:
            self._load_row, loads = rows.current_ma, currents
        self.load: Request | None = loads[0] if loads else None
        relay = profile.relay
        release = None if relay is None else relay.release
        self.release: Request | None = None if release is None else Control(COMMANDS[release.command])

    @property
    def offers(self) -> frozenset[Part]:
        return frozenset(part for part, requests in self.parts.items() if requests)

    def order(self, relay: Relay) -> Control | None:
        """Return the command for ON, OFF or PERMITTED; None when the model has none."""
        control = self.profile.relay
        if control is None:
            return None
        row = {Relay.ON: control.restore, Relay.OFF: control.trip, Relay.PERMITTED: control.permit}.get(relay)
        return None if row is None else Control(COMMANDS[row.command])

    def look(self, answer: Sequence[int]) -> Look:
        """Return what the status word says."""
        status = self.profile.status
        if status is None:
            return Look(Relay.UNKNOWN)
        word = int.from_bytes(bytes(answer), "little")
        is_open = bool(word >> status.contact_bit & 1)
        commanded = None
        if status.command_bit is not None:
            commanded = Relay.OFF if word >> status.command_bit & 1 else Relay.ON
        held = None if status.held_bit is None else bool(word >> status.held_bit & 1)
        if not is_open:
            return Look(Relay.ON, commanded, held)
        # Open although its last command was to close: someone may press it on (合闸允许).
        return Look(Relay.PERMITTED if commanded is Relay.ON else Relay.OFF, commanded, held)

    def took(self, order: Request, answer: Sequence[int]) -> bool:
        """There are no registers that an order leaves behind: the status word tells."""
        return False

    def flowing(self, answer: Sequence[int]) -> bool | None:
        """Tell from an answer to `load` whether load is seen."""
        row = self._load_row
        if self.load is None or row is None or not isinstance(self.load, Read):
            return None
        values = self._several(self._image([(self.load, answer)]), row)
        if values is None:
            return None
        if row is self.profile.quantities.power_w:
            return is_flowing(None, values[0])
        return is_flowing(tuple(abs(ma) for ma in values), None)

    def agrees(self, values: Values, relay: Relay, order: Request | None) -> bool | None:
        """Tell whether a reading shows ON or OFF; None while a permitted meter waits for its button."""
        if values.relay is Relay.UNKNOWN:
            return None
        permitted = isinstance(order, Control) and order.command is Command.PERMIT
        if permitted and values.relay is Relay.PERMITTED:
            return None
        return values.relay is relay

    def shows_clock(self, request: Request) -> bool:
        clock = self.profile.clock
        return clock is not None and isinstance(request, Read) and request.identifier == clock.time

    def denied(self, code: int) -> bool:
        """Tell whether a refusal is about the password: a few wrong ones lock the meter for a day."""
        return bool(code & NOT_AUTHORISED)

    def frozen(self, days: int) -> tuple[Request, ...]:
        """Return the requests for the last midnights; as many as the meter keeps."""
        rows = self.profile.frozen
        if rows is None:
            return ()
        found: list[Request] = []
        for n in range(min(days, rows.days)):
            several = Read(rows.register + n, REGISTER_BYTES * rows.registers)
            register = several if several not in self._refused else Read(rows.register + n, REGISTER_BYTES)
            found += [Read(rows.time + n, FROZEN_TIME_BYTES), register]
        return tuple(request for request in found if request not in self._refused)

    def told_by(self, request: Request) -> tuple[Request, ...]:
        """Return the registers of a midnight whose instant the meter does not have."""
        rows, n = self.profile.frozen, self._midnight(request)
        if rows is None or n is None:
            return ()
        return tuple(Read(rows.register + n, REGISTER_BYTES * count) for count in {1, rows.registers})

    def _midnight(self, request: Request) -> int | None:
        """Return of which midnight, counted back from 0, a request asks the instant."""
        rows = self.profile.frozen
        if rows is None or not isinstance(request, Read):
            return None
        n = request.identifier - rows.time
        return n if 0 <= n < rows.days else None

    def without(self, request: Request | None = None, code: int = 0) -> "Dlt645Layout | None":
        """Return the layout to go on with after a request was refused; None: it is the register itself, or
        an order, or the status word that orders are proved by, or a midnight that is yet to come."""
        if not isinstance(request, Read) or request in (self.probe, self.contact):
            return None
        if self._midnight(request) is not None:
            return None
        return Dlt645Layout(self.profile, self._refused | {request})

    def values(self, answers: Sequence[tuple[Request, Sequence[int]]]) -> Values:
        """Return what the answers say. Raises BadFrame for what is no number."""
        image = self._image(answers)
        rows = self.profile.quantities
        registers = self._several(image, rows.register_wh)
        if registers is None:
            raise BadFrame("no energy register in the answer")
        status = self.profile.status
        word = image.get(status.di) if status is not None else None
        look = Look(Relay.UNKNOWN) if word is None else self.look(word)
        currents = self._several(image, rows.current_ma)
        return Values(
            register_wh=registers[0],
            period_registers_wh=four(self._several(image, rows.period_registers_wh)),
            voltage_mv=self._several(image, rows.voltage_mv),
            current_ma=None if currents is None else tuple(abs(ma) for ma in currents),
            power_w=self._one(image, rows.power_w),
            own_remaining_fen=self._one(image, rows.own_remaining_fen),
            relay=look.relay,
            forced=None,
            forced_words=None,
            clock_at=self._clock_at(image),
            held=look.held,
            period_table=table_of(self.profile.period_table, image),
            frozen=self._frozen_days(image),
        )

    # Which requests there are.

    def _requests(self, rows: Iterable[Item | None], brought: Iterable[int] = ()) -> list[Read]:
        """Return the requests of some rows: a block where it stands for two identifiers or more."""
        known = set(brought)
        wanted = [di for row in rows if row is not None for di in row.identifiers if di not in known]
        found: list[Read] = []
        for block, holds in self._blocks.items():
            if sum(di in wanted for di in holds) > 1:
                found.append(Read(block, sum(self._sizes[di] for di in holds)))
                wanted = [di for di in wanted if di not in holds]
        return [*found, *(Read(di, self._sizes[di]) for di in wanted)]

    def _asked(self, requests: Iterable[Request | None]) -> tuple[Request, ...]:
        return tuple(r for r in requests if r is not None and r not in self._refused)

    def _daily(self) -> list[Request]:
        clock, table = self.profile.clock, self.profile.period_table
        found: list[Request] = []
        if clock is not None:
            # The time first: see _clock_at.
            found += [Read(clock.time, TIME_BYTES), Read(clock.date, DATE_BYTES)]
        if table is not None:
            found.append(Read(table.di, 3 * table.slots))
        return [*found, *self.frozen(1)]

    def _held(self, identifier: int) -> tuple[int, ...]:
        return self._blocks.get(identifier, (identifier,))

    # What the bytes mean.

    def _image(self, answers: Iterable[tuple[Request, Sequence[int]]]) -> dict[int, bytes]:
        """Place the bytes of some answers at their identifiers; those of a block at what it holds."""
        image: dict[int, bytes] = {}
        for read, answer in answers:
            if not isinstance(read, Read):
                continue
            data = bytes(answer)
            image[read.identifier] = data
            if read.identifier in self._blocks:
                for di in self._blocks[read.identifier]:
                    image[di], data = data[: self._sizes[di]], data[self._sizes[di] :]
        return image

    def _one(self, image: Image, row: Item | None) -> int | None:
        values = self._several(image, row)
        return None if values is None else values[0]

    def _several(self, image: Image, row: Item | None) -> tuple[int, ...] | None:
        if row is None:
            return None
        found = [image.get(di) for di in row.identifiers]
        if any(data is None or len(data) != row.bytes for data in found):
            return None  # Of a part that was not read, or that this meter does not have.
        return tuple(number(row, data) for data in found if data is not None)

    def _clock_at(self, image: Image) -> datetime | None:
        """Return what the clock shows; None within a minute of midnight, when the date that was asked
        for after the time may already be the next one."""
        clock = self.profile.clock
        if clock is None or clock.time not in image or clock.date not in image:
            return None
        day, time = digits(image[clock.date]), digits(image[clock.time])
        if time[:4] == "2359":
            return None
        return instant(f"{day[:6]}{time}", "%y%m%d%H%M%S")

    def _frozen_days(self, image: Image) -> tuple[FrozenDay, ...]:
        rows, energy = self.profile.frozen, self.profile.quantities.register_wh
        if rows is None:
            return ()
        days: dict[datetime, FrozenDay] = {}
        for n in range(rows.days):
            time, data = image.get(rows.time + n), image.get(rows.register + n)
            if time is None or data is None:
                continue
            at = instant(digits(time), "%y%m%d%H%M")
            if at is None:
                continue  # Nothing kept there yet.
            steps = [data[i : i + REGISTER_BYTES] for i in range(0, len(data), REGISTER_BYTES)]
            if not all(digits(step).isdecimal() for step in steps):
                continue
            total, *periods = [number(energy, step) for step in steps]
            days[at] = FrozenDay(at=at, register_wh=total, period_registers_wh=four(tuple(periods) or None))
        return tuple(days[at] for at in sorted(days))
