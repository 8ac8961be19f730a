"""The register maps that the simulated meters serve (寄存器表).

Written from the meter manuals' tables and public projects, not from the product's profiles, so that
one mistake cannot agree with itself. 32-bit values: high word first. Where the sources leave a gap:

* A DTSY1352's documented addresses are those of the single-phase meter. Here 0x000B, 0x000C show L1,
  0x000D, 0x000F, 0x0010 the totals; all phases stand in the status block.
* A one-phase meter shows its one contact in all three relay bits of the status word.
* The clock of the status block is binary, as in the maker's multi-user meter.
* 0x0037 is PT, 0x0038 CT; a slot of the tariff tables is minute, hour, rate (1 sharp … 4 valley).
* The generic meter has the energy and measurement registers of the single-phase meter, no relay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.meter import DDSY1352, DTSD1352, DTSY1352, GENERIC, Meter
from simulator.periods import MAX_SWITCHES
from simulator.time_line import to_instant

LOCAL_OFFSET = timedelta(hours=8)
TYPE_CODES = {DDSY1352: 7, DTSY1352: 5}
FORCED_AT = 0x0057
FORCED_WORDS = 2
I16_MAX, U16_MAX = 0x7FFF, 0xFFFF
FREQUENCY_CENTIHERTZ = 5_000
STATUS_BLOCK_WORDS = 48

Words = list[int]


@dataclass(frozen=True)
class Area:
    """A run of registers that may be read."""

    at: int
    count: int
    words: Callable[[Meter, int], Words]


class IllegalAddress(Exception):
    """A register that the meter does not have (exception 02)."""


def read(meter: Meter, at: int, count: int, us: int) -> Words:
    """Return `count` registers from `at`; they may lie in areas that touch. Raises IllegalAddress."""
    found: Words = []
    areas = areas_of(meter)
    while len(found) < count:
        here = at + len(found)
        area = next((a for a in areas if a.at <= here < a.at + a.count), None)
        if area is None:
            raise IllegalAddress(here)
        found += area.words(meter, us)[here - area.at :]
    return found[:count]


def write(meter: Meter, at: int, words: Sequence[int], us: int) -> bool:
    """Write forced control; returns False for a value that the meter refuses. Raises IllegalAddress."""
    if not has_relay(meter) or at < FORCED_AT or at + len(words) > FORCED_AT + FORCED_WORDS:
        raise IllegalAddress(at)
    forced = [meter.forced_mode, meter.forced_open]
    forced[at - FORCED_AT : at - FORCED_AT + len(words)] = words
    if any(word > 1 for word in forced):
        return False
    meter.force(us, *forced)
    return True


def has_relay(meter: Meter) -> bool:
    return meter.prepaid and meter.spec.profile in TYPE_CODES


def areas_of(meter: Meter) -> list[Area]:
    """Return the map of a meter's model."""
    areas = _AREAS[meter.spec.profile]
    status_at = meter.spec.status_block_at
    if has_relay(meter) and status_at is not None:
        return [*areas, Area(status_at, STATUS_BLOCK_WORDS, _status_block)]
    return areas


def _u32(value: int) -> Words:
    return [(value >> 16) & U16_MAX, value & U16_MAX]


def _i32(value: int) -> Words:
    return _u32(value & 0xFFFF_FFFF)


def _i16(value: int) -> int:
    return min(max(value, -I16_MAX - 1), I16_MAX) & U16_MAX


def _u16(value: int) -> int:
    return min(value, U16_MAX)


def _bytes(data: bytes) -> Words:
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def _bcd(digits: str) -> bytes:
    return bytes.fromhex(digits)


def _energy(meter: Meter, us: int) -> Words:
    """Total, sharp, peak, flat, valley, each u32 in 0.01 kWh."""
    total, by_period = meter.history.register_steps(us, meter.spec.ct_ratio)
    words = _u32(total)
    for value in by_period:
        words += _u32(value)
    return words


def _apparent(power: int, factor_permille: int) -> int:
    return power * 1000 // factor_permille


def _reactive(power: int, factor_permille: int) -> int:
    return int(power * (1_000_000 - factor_permille**2) ** 0.5 / factor_permille)


def _measurements(meter: Meter, us: int) -> Words:
    """0x0000..0x0010: energy, display password, U, I, P, a hole, S, PF."""
    now = meter.electrical(us)
    ct = meter.spec.ct_ratio
    power_w = sum(now.power_mw) // 1000 // ct
    return [
        *_energy(meter, us),
        0,
        _u16(now.voltage_mv[0] // 100),
        _u16(now.current_ma[0] // 10 // ct),
        _i16(power_w),
        0,
        _u16(_apparent(power_w, now.power_factor_permille)),
        _i16(now.power_factor_permille),
    ]


def _run_mode(meter: Meter, us: int) -> Words:
    """0x0022: multi-tariff, external control, prepaid."""
    return [1 << 0 | meter.forced_mode << 3 | 1 << 6]


def _ratios(meter: Meter, us: int) -> Words:
    return [1, meter.spec.ct_ratio]


def _prepaid_block(meter: Meter, us: int) -> Words:
    """0x0043..0x0061: meter number, alarms, overdraft, purchases, money, forced control, prices, Pmax."""
    return [
        *_bytes(_bcd(meter.spec.serial.rjust(12, "0")[-12:])),
        *_u32(0),  # 0x0046 alarm 1
        *_u32(0),  # 0x0048 alarm 2
        *_u32(0),  # 0x004A overdraft
        *_u32(0),  # 0x004C not documented
        1,  # 0x004E purchase count
        *_u32(meter.own_money_fen),  # 0x004F
        *[0, 0, 0, 0],  # 0x0051..0x0054 not documented
        0x0100 if meter.forced_mode == 0 else 0,  # 0x0055 high byte: prepaid control
        0,  # 0x0056 not documented
        meter.forced_mode,
        meter.forced_open,
        *[0] * 8,  # 0x0059..0x0060 prices: the platform holds them
        0,  # 0x0061 load limit: none in the meter
    ]


def _status_block(meter: Meter, us: int) -> Words:
    """The 48-register block: a whole prepaid meter in one read."""
    now = meter.electrical(us)
    ct, factor = meter.spec.ct_ratio, now.power_factor_permille
    phase_w = _three(tuple(mw // 1000 // ct for mw in now.power_mw))
    total_w = sum(now.power_mw) // 1000 // ct
    powers = [*phase_w, total_w]
    block = [
        TYPE_CODES[meter.spec.profile],
        *[_u16(mv // 100) for mv in _three(now.voltage_mv)],
        *[_u16(ma // 10 // ct) for ma in _three(now.current_ma)],
        *[_i16(w) for w in powers],
        *[_i16(_reactive(w, factor)) for w in powers],
        *[_i16(factor)] * 4,
        1,
        ct,
        *_energy(meter, us),
        *_u32(meter.own_money_fen),
        1,
        0,
        0,
        status_word(meter),
        0,
        *_u32(0),
        *_bytes(_clock_bytes(meter, us)),
    ]
    return block + [0] * (STATUS_BLOCK_WORDS - len(block))


def status_word(meter: Meter) -> int:
    """Word 36: contacts in bits 13..15 (1 closed), forced position 0..2, forced mode 3, arrears 5."""
    closed = 0b111 << 13 if meter.relay.reported_closed else 0
    opened = 0b111 if meter.forced_mode and meter.forced_open else 0
    return closed | opened | meter.forced_mode << 3 | (1 << 5 if meter.own_money_fen <= 0 else 0)


def local_meter_time(meter: Meter, us: int) -> datetime:
    """Return what the meter's clock shows, in the mall's zone."""
    return to_instant(meter.clock_us(us)) + LOCAL_OFFSET


def _clock_bytes(meter: Meter, us: int) -> bytes:
    at = local_meter_time(meter, us)
    return bytes([at.year % 100, at.month, at.day, at.isoweekday(), at.hour, at.minute, at.second, 0])


def _three(values: tuple[int, ...]) -> tuple[int, ...]:
    return values if len(values) == 3 else (values[0], 0, 0)


def _tariff_table(meter: Meter, us: int) -> Words:
    """14 slots of 3 bytes; unused ones are zero."""
    data = b"".join(bytes([slot % 4 * 15, slot // 4, period + 1]) for slot, period in meter.table.starts)
    return _bytes(data.ljust(MAX_SWITCHES * 3, b"\0"))


def _address(meter: Meter, us: int) -> Words:
    """0x0360: address, baud index, parity index, stop index, meter number."""
    return _bytes(bytes([meter.spec.unit, 3, 0, 0]) + _bcd(meter.spec.serial.rjust(12, "0")[-12:]))


def _public_energy(meter: Meter, us: int) -> Words:
    """0x0000..0x003B: active total, forward, reverse, then reactive; each with its four rates."""
    forward = _energy(meter, us)
    return forward + forward + [0] * 40


def _public_lines(meter: Meter, us: int) -> Words:
    """0x0061..0x0066: U 0.1 V and I 0.01 A per phase."""
    now = meter.electrical(us)
    ct = meter.spec.ct_ratio
    return [_u16(mv // 100) for mv in now.voltage_mv] + [_u16(ma // 10 // ct) for ma in now.current_ma]


def _public_power(meter: Meter, us: int) -> Words:
    """0x0164..0x017F: P, Q, S per phase and total (i32, 0.001 kW), then power factors."""
    now = meter.electrical(us)
    ct, factor = meter.spec.ct_ratio, now.power_factor_permille
    watts = [mw // 1000 // ct for mw in now.power_mw] + [sum(now.power_mw) // 1000 // ct]
    words: Words = []
    for values in (watts, [_reactive(w, factor) for w in watts], [_apparent(w, factor) for w in watts]):
        for value in values:
            words += _i32(value)
    return words + [_i16(factor)] * 4


_MEASUREMENTS = Area(0x0000, 17, _measurements)
_PREPAID = [
    _MEASUREMENTS,
    Area(0x0043, 31, _prepaid_block),
    Area(0x0022, 1, _run_mode),
    Area(0x0037, 2, _ratios),
    Area(0x0360, 5, _address),
]
_AREAS = {
    DDSY1352: [*_PREPAID, Area(0x2006, 21, _tariff_table), Area(0x201B, 21, _tariff_table)],
    DTSY1352: [*_PREPAID, Area(0x2000, 21, _tariff_table), Area(0x2015, 21, _tariff_table)],
    DTSD1352: [
        Area(0x0000, 60, _public_energy),
        Area(0x0061, 6, _public_lines),
        Area(0x0077, 1, lambda meter, us: [FREQUENCY_CENTIHERTZ]),
        Area(0x008D, 2, _ratios),
        Area(0x0164, 28, _public_power),
    ],
    GENERIC: [_MEASUREMENTS],
}
