"""What the words of a Modbus meter's answers mean (寄存器读数); where a value stands is worked out once."""

from collections.abc import Callable, Sequence

from collector.modbus_values import clock_of, decoder, table_of
from collector.profile_modbus import (
    Block,
    Contact,
    ModbusProfile,
    Quantity,
    clock_span,
    spans_of_row,
    table_span,
)
from collector.protocols.answer import BadFrame
from collector.protocols.modbus import Read
from collector.requests import Request
from collector.values import Values, four, is_flowing
from common.wire import Relay

Answers = Sequence[tuple[Request, Sequence[int]]]
REMEMBERED = 32  # A meter's parts make a handful of sets of requests.


class ModbusWords:
    """The rows of one kind of meter; status_at as in ModbusLayout."""

    def __init__(self, profile: ModbusProfile, status_at: int | None) -> None:
        self.profile = profile
        self.status = profile.status if status_at is not None else None
        relay = profile.relay
        self.contact: Contact | None = None
        if self.status is not None and status_at is not None:
            self.rows, self.start = self.status.quantities, status_at
            self.contact = relay.contact if relay is not None else None
        else:
            self.rows, self.start = profile.quantities, 0
        self.clock = profile.clock
        if self.status is None and profile.clock is not None and profile.clock.block is not None:
            self.clock = None
        self.forced = None if relay is None else Block(relay.forced.at, relay.forced.words)
        self._places: dict[tuple[Request, ...], _Places] = {}

    @property
    def clock_span(self) -> Block | None:
        clock = self.clock
        return None if clock is None else clock_span(clock, self.start if clock.block else 0)

    @property
    def tells_load_trip(self) -> bool:
        return self.status is not None and bool(self.status.load_trip)

    def relay_of(self, status_word: int) -> Relay:
        """Return the contact as the status word shows it; poles that differ are UNKNOWN."""
        if self.contact is None:
            return Relay.UNKNOWN
        closed = [status_word >> bit & 1 for bit in self.contact.bits]
        if all(closed):
            return Relay.ON
        return Relay.UNKNOWN if any(closed) else Relay.OFF

    def flowing(self, read: Request, words: Sequence[int]) -> bool | None:
        """Tell whether load is seen in one answer."""
        places = self._of((read,))
        return is_flowing(places.current_ma(words), _first(places.power_w(words)))

    def values(self, answers: Answers) -> Values:
        """Return what the answers say. Raises BadFrame when the status block is not where it should be."""
        places = self._of(tuple([request for request, _ in answers]))
        words = [word for request, some in answers if isinstance(request, Read) for word in some]
        status = self.status
        if len(words) != places.size:
            raise BadFrame(f"{len(words)} registers for {places.size}")
        if status is not None and status.type_code is not None:
            code = None if places.type_code is None else words[places.type_code]
            if code != status.type_code.value:
                raise BadFrame(f"status block at 0x{self.start:04X} says type {code}")
        register_wh = places.register_wh(words)
        if register_wh is None:
            raise BadFrame("no energy register in the answer")
        relay, forced, forced_words = self._relay(places, words)
        clock, table = self.clock, self.profile.period_table
        clock_words, table_words = _some(places.clock, words), _some(places.table, words)
        return Values(
            register_wh=register_wh[0],
            period_registers_wh=four(places.period_registers_wh(words)),
            voltage_mv=places.voltage_mv(words),
            current_ma=places.current_ma(words),
            power_w=_first(places.power_w(words)),
            own_remaining_fen=_first(places.own_remaining_fen(words)),
            relay=relay,
            forced=forced,
            forced_words=forced_words,
            clock_at=None if clock is None or clock_words is None else clock_of(clock, clock_words),
            load_tripped=self._load_tripped(places, words, relay),
            period_table=None if table is None or table_words is None else table_of(table, table_words),
        )

    def _relay(
        self, places: "_Places", words: Sequence[int]
    ) -> tuple[Relay, bool | None, tuple[int, ...] | None]:
        found = _some(places.forced, words)
        forced = None if found is None else found[0] != 0
        if self.contact is None:
            return Relay.UNKNOWN, forced, None if found is None else tuple(found)
        if places.contact is None:
            raise BadFrame("no contact in the answer")
        word, bit = words[places.contact], self.contact.forced_bit
        return self.relay_of(word), forced if bit is None else bool(word >> bit & 1), None

    def _load_tripped(self, places: "_Places", words: Sequence[int], relay: Relay) -> bool | None:
        if places.load_trip is None:
            return None
        return relay is not Relay.ON and any(words[at] & mask for at, mask in places.load_trip)

    def _of(self, requests: tuple[Request, ...]) -> "_Places":
        places = self._places.get(requests)
        if places is None:
            if len(self._places) >= REMEMBERED:
                self._places.clear()
            places = self._places[requests] = _Places(self, requests)
        return places


Several = Callable[[Sequence[int]], tuple[int, ...] | None]


class _Places:
    """Where the values stand among the words of some answers, one behind the other; None: not asked for."""

    def __init__(self, meter: ModbusWords, requests: Sequence[Request]) -> None:
        self._reads: list[tuple[int, Read]] = []
        self.size = 0
        for request in requests:
            if isinstance(request, Read):
                self._reads.append((self.size, request))
                self.size += request.count
        low_first = meter.profile.word_order == "low-first"
        rows, start, status = meter.rows, meter.start, meter.status

        def several(row: Quantity | None) -> Several:
            if row is None:
                return _nothing
            places = [self._at(Block(p.at + start, p.words, p.read)) for p in spans_of_row(row)]
            at = tuple(place for place in places if place is not None)
            if len(at) < len(places):
                return _nothing  # Of a part that was not read.
            decode = decoder(row, low_first)
            return lambda words: tuple([decode(words, place) for place in at])

        self.register_wh, self.power_w = several(rows.register_wh), several(rows.power_w)
        self.period_registers_wh = several(rows.period_registers_wh)
        self.voltage_mv, self.current_ma = several(rows.voltage_mv), several(rows.current_ma)
        self.own_remaining_fen = several(rows.own_remaining_fen)
        self.forced, self.clock = self._span(meter.forced), self._span(meter.clock_span)
        table = meter.profile.period_table
        self.table = None if table is None else self._span(table_span(table))
        type_code = None if status is None else status.type_code
        self.type_code = None if type_code is None else self._at(Block(start + type_code.word, 1))
        contact = meter.contact
        self.contact = None if contact is None else self._at(Block(start + contact.word, 1))
        self.load_trip: list[tuple[int, int]] | None = None
        if status is not None and status.load_trip:
            found = [
                (self._at(Block(start + row.word, 1)), sum(1 << bit for bit in row.bits))
                for row in status.load_trip
            ]
            known = [(at, mask) for at, mask in found if at is not None]
            self.load_trip = known if len(known) == len(found) else None

    def _at(self, block: Block) -> int | None:
        for first, read in self._reads:
            inside = read.function == block.read and read.at <= block.at
            if inside and block.end <= read.at + read.count:
                return first + block.at - read.at
        return None

    def _span(self, block: Block | None) -> slice | None:
        at = None if block is None else self._at(block)
        return None if block is None or at is None else slice(at, at + block.words)


def _nothing(words: Sequence[int]) -> None:
    return None


def _first(values: tuple[int, ...] | None) -> int | None:
    return None if values is None else values[0]


def _some(span: slice | None, words: Sequence[int]) -> Sequence[int] | None:
    return None if span is None else words[span]
