"""What a DL/T 645-2007 meter tells under each data identifier (数据标识).

Written from the standard's tables and public projects, not from the product's profiles. Numbers are BCD,
low byte first; registers are secondary-side. Identifiers are written DI3 … DI0. Choices of ours:

* Tariffs 1 to 4 are sharp, peak, flat, valley.
* 04010001, the first day table, always has 14 switches of rate, minute, hour; the last one is repeated.
* 050600nn and 050601nn: when, by the meter's own clock, and what the nn-th last midnight froze, 1 … 62.
* A single-phase meter refuses all blocks of 02xxFF00; a meter without relay has no money.
"""

from collections.abc import Callable
from datetime import timedelta

from simulator.dlt645_control import clock_bcd
from simulator.dlt645_errors import DltError
from simulator.meter import Meter
from simulator.periods import MAX_SWITCHES
from simulator.time_line import DAY_US, to_instant

FROZEN_DAYS = 62
FREQUENCY_CENTIHERTZ = 5_000
MONEY_PREPAID = 0b10 << 8
LOCAL_OFFSET = timedelta(hours=8)
NEGATIVE = 0x80  # Of the highest byte.

Reader = Callable[[Meter, int], bytes]


def read(meter: Meter, identifier: int, us: int) -> bytes:
    """Return the data behind an identifier. Raises DltError."""
    found = _DATA.get(identifier)
    if found is not None:
        return found(meter, us)
    kind, number = identifier >> 8, identifier & 0xFF
    if kind in (0x050600, 0x050601) and 1 <= number <= FROZEN_DAYS:
        return _frozen(meter, kind, number, us)
    raise DltError(DltError.NO_SUCH_DATA)


def bcd(value: int, size: int) -> bytes:
    """Return the last 2 × size digits, low byte first; a negative value has its top bit set."""
    data = bytearray(bytes.fromhex(f"{abs(value) % 100**size:0{2 * size}d}")[::-1])
    if value < 0:
        data[-1] |= NEGATIVE
    return bytes(data)


def _registers(meter: Meter, us: int) -> tuple[int, ...]:
    total, by_period = meter.history.register_steps(us, meter.spec.ct_ratio)
    return total, *by_period


def _register(index: int) -> Reader:
    return lambda meter, us: bcd(_registers(meter, us)[index], 4)


def _register_block(meter: Meter, us: int) -> bytes:
    return b"".join(bcd(value, 4) for value in _registers(meter, us))


def _frozen(meter: Meter, kind: int, number: int, us: int) -> bytes:
    midnight_us = (meter.clock_us(us) // DAY_US - number + 1) * DAY_US  # By the meter's own clock.
    true_us = midnight_us - (meter.clock_us(us) - us)
    if true_us < meter.installed_us:
        raise DltError(DltError.NO_SUCH_DATA)
    if kind == 0x050600:
        return clock_bcd(midnight_us)[1:]  # mm hh DD MM YY
    return _register_block(meter, true_us)


def _three(read_phases: Reader) -> Reader:
    """A block of all phases, which only a three-phase meter has."""

    def block(meter: Meter, us: int) -> bytes:
        if meter.spec.phases == 1:
            raise DltError(DltError.NO_SUCH_DATA)
        return read_phases(meter, us)

    return block


def _phase(phase: int, size: int, values: Callable[[Meter, int], tuple[int, ...]]) -> Reader:
    def one(meter: Meter, us: int) -> bytes:
        found = values(meter, us)
        if phase >= len(found):
            raise DltError(DltError.NO_SUCH_DATA)
        return bcd(found[phase], size)

    return one


def _voltages(meter: Meter, us: int) -> tuple[int, ...]:
    return tuple(mv // 100 for mv in meter.electrical(us).voltage_mv)


def _currents(meter: Meter, us: int) -> tuple[int, ...]:
    return tuple(ma // meter.spec.ct_ratio for ma in meter.electrical(us).current_ma)


def _powers(meter: Meter, us: int) -> tuple[int, ...]:
    """Total, then the phases, in 0.1 W."""
    phases = [mw // 100 // meter.spec.ct_ratio for mw in meter.electrical(us).power_mw]
    return sum(phases), *phases


def _factors(meter: Meter, us: int) -> tuple[int, ...]:
    now = meter.electrical(us)
    return (now.power_factor_permille,) * (1 + len(now.power_mw))


def _block(size: int, values: Callable[[Meter, int], tuple[int, ...]]) -> Reader:
    return _three(lambda meter, us: b"".join(bcd(value, size) for value in values(meter, us)))


def _prepaid(value: Reader) -> Reader:
    def guarded(meter: Meter, us: int) -> bytes:
        if not meter.has_relay:
            raise DltError(DltError.NO_SUCH_DATA)
        return value(meter, us)

    return guarded


def _status_3(meter: Meter, us: int) -> bytes:
    """b4 contact open, b6 command open, b7 alarm before a trip, b8-9 money prepaid, b12 keep-supply."""
    word = MONEY_PREPAID if meter.has_relay else 0
    if not meter.relay.reported_closed:
        word |= 1 << 4
    word |= meter.forced_open << 6 | meter.alarm << 7 | meter.held << 12
    return word.to_bytes(2, "little")


def _date(meter: Meter, us: int) -> bytes:
    """WW DD MM YY, Sunday is 0."""
    local = to_instant(meter.clock_us(us)) + LOCAL_OFFSET
    return bytes.fromhex(local.strftime("0%w%d%m%y"))


def _day_table(meter: Meter, us: int) -> bytes:
    switches = [
        bcd(period + 1, 1) + bcd(slot % 4 * 15, 1) + bcd(slot // 4, 1) for slot, period in meter.table.starts
    ]
    switches += switches[-1:] * (MAX_SWITCHES - len(switches))
    return b"".join(switches)


def _numbers(size: int, value: int) -> Reader:
    return lambda meter, us: bcd(value, size)


_DATA: dict[int, Reader] = {
    0x00000000: _register(0),
    0x0000FF00: _register_block,
    **{0x00010000 + (index << 8): _register(index) for index in range(5)},
    0x0001FF00: _register_block,
    **{0x02010100 + (phase << 8): _phase(phase, 2, _voltages) for phase in range(3)},
    0x0201FF00: _block(2, _voltages),
    **{0x02020100 + (phase << 8): _phase(phase, 3, _currents) for phase in range(3)},
    0x0202FF00: _block(3, _currents),
    **{0x02030000 + (phase << 8): _phase(phase, 3, _powers) for phase in range(4)},
    0x0203FF00: _block(3, _powers),
    **{0x02060000 + (phase << 8): _phase(phase, 2, _factors) for phase in range(4)},
    0x0206FF00: _block(2, _factors),
    0x02800002: _numbers(2, FREQUENCY_CENTIHERTZ),
    0x00900200: _prepaid(lambda meter, us: bcd(max(0, meter.own_money_fen), 4)),
    0x00900201: _prepaid(lambda meter, us: bcd(max(0, -meter.own_money_fen), 4)),
    0x03330201: _prepaid(_numbers(2, 1)),
    0x04000101: _date,
    0x04000102: lambda meter, us: clock_bcd(meter.clock_us(us))[:3],
    0x04000203: _numbers(1, MAX_SWITCHES),
    0x04000306: lambda meter, us: bcd(meter.spec.ct_ratio, 3),
    0x04000307: _numbers(3, 1),
    0x04000401: lambda meter, us: bytes.fromhex(meter.spec.address or "")[::-1],
    **{0x04000500 + word: lambda meter, us: bytes(2) for word in (1, 2, 4, 5, 6, 7)},
    0x04000503: _status_3,
    0x04010001: _day_table,
}
