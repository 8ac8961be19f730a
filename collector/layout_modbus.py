"""Where a Modbus meter's values stand, and what its words mean (寄存器布局): a profile plus site data."""

from collections.abc import Sequence

from collector.modbus_requests import Joining, full_read, joined, read_of
from collector.modbus_words import Answers, ModbusWords
from collector.profile_modbus import JOIN_GAP_WORDS, Block, ModbusProfile, spans_of, table_span
from collector.protocols.modbus import Read, Write
from collector.requests import Request
from collector.values import Look, Part, Values
from common.wire import Relay

# No such function, address or count here; other refusals may be of the moment.
MISSING_CODES = frozenset({1, 2, 3})


class ModbusLayout:
    """The requests and rows of one kind of meter; see Layout for what they are for.

    status_at: where the meter's status block begins; None reads the plain addresses and knows no
               contact.
    gap_words: so many registers of gap cost as much as a request of their own on this line.
    refused:   requests that this meter has refused: they are not made again.
    joining:   how far requests are joined: less, once this meter has refused one that was.
    """

    release: Request | None = None  # No keep-supply of its own.

    def __init__(
        self,
        profile: ModbusProfile,
        status_at: int | None,
        gap_words: int = JOIN_GAP_WORDS,
        refused: frozenset[Request] = frozenset(),
        joining: Joining = Joining.COST,
    ) -> None:
        self.profile = profile
        self._status_at = status_at if profile.status is not None else None
        self._gap_words = gap_words
        self._refused = refused
        self._joining = joining
        self._words = words = ModbusWords(profile, status_at)
        self._rows, self._start, self._contact = words.rows, words.start, words.contact
        self.forced: Read | None = None if words.forced is None else read_of(words.forced)
        self._own = profile.reads
        if self._status_at is not None and profile.status is not None:
            self._own = (Block(self._status_at, profile.status.words), *profile.reads)
        self.parts = self._parts()
        self.reads = self._reads()
        # The shortest requests: is it there, does load flow, where is the contact, what is forced.
        self.probe = read_of(spans_of([profile.quantities.register_wh])[0])
        loads = self._merged(spans_of([self._rows.current_ma, self._rows.power_w], self._start))
        self.load: Read | None = loads[0] if len(loads) == 1 else None
        self.contact: Read | None = None
        if self._contact is not None:
            self.contact = Read(self._start + self._contact.word, 1)

    @property
    def tells_load_trip(self) -> bool:
        return self._words.tells_load_trip

    @property
    def offers(self) -> frozenset[Part]:
        return frozenset(part for part, requests in self.parts.items() if requests)

    def order(self, relay: Relay) -> Write | None:
        """Return the write for ON, OFF or PERMITTED; None when the model has none."""
        control = self.profile.relay
        if control is None:
            return None
        row = {Relay.ON: control.restore, Relay.OFF: control.trip, Relay.PERMITTED: control.permit}.get(relay)
        return None if row is None else Write(row.at, row.words)

    def took(self, order: Request, words: Sequence[int]) -> bool:
        """Tell from an answer to `forced` whether an order has left its words behind."""
        return isinstance(order, Write) and tuple(words) == order.words

    def look(self, words: Sequence[int]) -> Look:
        """Return what an answer to `contact` says."""
        return Look(self._words.relay_of(words[0]))

    def flowing(self, words: Sequence[int]) -> bool | None:
        """Tell from an answer to `load` whether load is seen."""
        return None if self.load is None else self._words.flowing(self.load, words)

    def agrees(self, values: Values, relay: Relay, order: Request | None) -> bool | None:
        """Tell whether a reading shows ON or OFF, by contact or else by what `order` has left behind;
        None when it cannot say."""
        if self.contact is not None:
            return None if values.relay is Relay.UNKNOWN else values.relay is relay
        if values.forced_words is None or not isinstance(order, Write):
            return None
        return values.forced_words == order.words

    def shows_clock(self, request: Request) -> bool:
        span = self._words.clock_span
        return span is not None and isinstance(request, Read) and _within(span, request)

    def denied(self, code: int) -> bool:
        """Tell whether a refusal is about the password: this protocol has none."""
        return False

    def frozen(self, days: int) -> tuple[Request, ...]:
        """Return the requests for the last midnights: no model of ours keeps any."""
        return ()

    def told_by(self, request: Request) -> tuple[Request, ...]:
        return ()

    def without(self, request: Request | None = None, code: int = 0) -> "ModbusLayout | None":
        """Return the layout to go on with after a request was refused (`code`), or (None) after values
        that cannot be.

        Requests that were joined over a gap are joined less. A status block that is not where the plan
        says is given up for the plain addresses; what only some meters of a model have is left out. None:
        nothing else is known to ask.
        """
        if code in MISSING_CODES and (less := self._joined_less(request)) is not None:
            return less
        if self._status_at is not None and (request is None or self._in_status(request)):
            return ModbusLayout(self.profile, None, self._gap_words, self._refused)
        optional = (
            *self.parts[Part.ELECTRICAL],
            *self.parts[Part.DAILY],
            *self.reads,
        )
        if request is None or code not in MISSING_CODES:
            return None
        if request not in optional or request in self.parts[Part.MONEY]:
            return None
        refused = self._refused | {request}
        return ModbusLayout(self.profile, self._status_at, self._gap_words, refused, self._joining)

    def _joined_less(self, request: Request | None) -> "ModbusLayout | None":
        """Return the layout that asks for the same in smaller or better known requests, if there is one."""
        rows = Joining.OWN if self._in_status(request) else Joining.NONE
        known = [self._joined(joining) for joining in Joining if self._joining < joining <= rows]
        if request not in self._asked or not known or request in known[-1]._asked:
            return None  # Not joined: it is the values themselves that the meter does not have.
        return next(layout for layout in known if request not in layout._asked)

    def _joined(self, joining: Joining) -> "ModbusLayout":
        return ModbusLayout(self.profile, self._status_at, self._gap_words, self._refused, joining)

    @property
    def _asked(self) -> tuple[Request, ...]:
        return (*self.parts[Part.MONEY], *self.parts[Part.ELECTRICAL])

    def values(self, answers: Answers) -> Values:
        """Return what the answers say. Raises BadFrame when the status block is not where it should be."""
        return self._words.values(answers)

    # Which requests there are.

    def _parts(self) -> dict[Part, tuple[Request, ...]]:
        """Share the rows out; one that a request of an earlier part brings along costs nothing more."""
        rows, start, profile = self._rows, self._start, self.profile
        money = spans_of([rows.register_wh, rows.period_registers_wh, rows.power_w], start)
        money += [Block(start + word, 1) for word in self._status_words()]
        if self.forced is not None and (self._contact is None or self._contact.forced_bit is None):
            money.append(Block(self.forced.at, self.forced.count))
        daily = [span for span in (self._words.clock_span,) if span is not None]
        if profile.period_table is not None:
            daily.append(table_span(profile.period_table))
        wanted = {
            Part.MONEY: money,
            Part.ELECTRICAL: spans_of([rows.voltage_mv, rows.current_ma, rows.own_remaining_fen], start),
            Part.DAILY: daily,
        }
        parts: dict[Part, tuple[Request, ...]] = {}
        asked: list[Read] = []
        for part, spans in wanted.items():
            left = [span for span in spans if not any(_within(span, read) for read in asked)]
            # Once a day nothing is won by reading over gaps, and one refusal must not cost both tables.
            found = [*map(read_of, left)] if part is Part.DAILY else self._merged(left)
            reads = [read for read in found if read not in self._refused]
            parts[part] = tuple(reads)
            asked += reads
        return parts

    def _status_words(self) -> list[int]:
        """Return the words of the status block that money rests on beside the quantities."""
        status = self.profile.status
        if self._status_at is None or status is None:
            return []
        words = [bits.word for bits in status.load_trip]
        if status.type_code is not None:
            words.append(status.type_code.word)
        return words if self._contact is None else [*words, self._contact.word]

    def _reads(self) -> tuple[Request, ...]:
        """Return the requests of a full read: the whole status block, or the profile's own, or all parts."""
        if self._status_at is not None and self.profile.status is not None:
            return (Read(self._status_at, self.profile.status.words),)
        whole = [read_of(block) for block in full_read(self.profile, self._gap_words)]
        if self._refused.isdisjoint(whole):
            return tuple(whole)
        return self.parts[Part.MONEY] + self.parts[Part.ELECTRICAL]

    def _merged(self, spans: Sequence[Block]) -> list[Read]:
        return joined(spans, self._own, self.profile, self._joining, self._gap_words)

    def _in_status(self, request: Request | None) -> bool:
        status = self.profile.status
        if self._status_at is None or status is None or not isinstance(request, Read):
            return False
        return self._start <= request.at < self._start + status.words


def _within(span: Block, read: Read) -> bool:
    return span.read == read.function and read.at <= span.at and span.end <= read.at + read.count
