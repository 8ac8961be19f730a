"""The register maps of the Acrel meters that the mall has (安科瑞寄存器表).

Written from the meter manuals' tables and public projects, not from the product's profiles, so that
one mistake cannot agree with itself. 32-bit values: high word first. Where the sources leave a gap:

* A DTSY1352's documented addresses are those of the single-phase meter. Here 0x000B, 0x000C show L1,
  0x000D, 0x000F, 0x0010 the totals; all phases stand in the status block.
* A one-phase meter shows its one contact in all three relay bits of the status word.
* The clock of the status block is binary, as in the maker's multi-user meter.
* 0x0037 is PT, 0x0038 CT; a slot of the tariff tables is minute, hour, rate (1 sharp … 4 valley).
* The generic meter has the energy and measurement registers of the single-phase meter, no relay.
"""

from datetime import datetime, timedelta

from simulator.meter import DDSY1352, DTSD1352, DTSY1352, GENERIC, Meter
from simulator.periods import MAX_SWITCHES
from simulator.time_line import to_instant
from simulator.words import Area, Words, bcd, byte_words, i16, i32, steps, u16, u32

LOCAL_OFFSET = timedelta(hours=8)
TYPE_CODES = {DDSY1352: 7, DTSY1352: 5}
FREQUENCY_CENTIHERTZ = 5_000
STATUS_BLOCK_WORDS = 48


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
        *steps(meter, us),
        0,
        u16(now.voltage_mv[0] // 100),
        u16(now.current_ma[0] // 10 // ct),
        i16(power_w),
        0,
        u16(_apparent(power_w, now.power_factor_permille)),
        i16(now.power_factor_permille),
    ]


def _run_mode(meter: Meter, us: int) -> Words:
    """0x0022: multi-tariff, external control, prepaid."""
    return [1 << 0 | meter.forced_mode << 3 | 1 << 6]


def _ratios(meter: Meter, us: int) -> Words:
    return [1, meter.spec.ct_ratio]


def _prepaid_block(meter: Meter, us: int) -> Words:
    """0x0043..0x0061: meter number, alarms, overdraft, purchases, money, forced control, prices, Pmax."""
    return [
        *byte_words(bcd(meter.spec.serial.rjust(12, "0")[-12:])),
        *u32(0),  # 0x0046 alarm 1
        *u32(0),  # 0x0048 alarm 2
        *u32(0),  # 0x004A overdraft
        *u32(0),  # 0x004C not documented
        1,  # 0x004E purchase count
        *u32(meter.own_money_fen),  # 0x004F
        *[0, 0, 0, 0],  # 0x0051..0x0054 not documented
        0x0100 if meter.forced_mode == 0 else 0,  # 0x0055 high byte: prepaid control
        0,  # 0x0056 not documented
        meter.forced_mode,
        meter.forced_open,
        *[0] * 8,  # 0x0059..0x0060 prices: the platform holds them
        0,  # 0x0061 load limit: none in the meter
    ]


def status_block(meter: Meter, us: int) -> Words:
    """The 48-register block: a whole prepaid meter in one read."""
    now = meter.electrical(us)
    ct, factor = meter.spec.ct_ratio, now.power_factor_permille
    phase_w = _three(tuple(mw // 1000 // ct for mw in now.power_mw))
    total_w = sum(now.power_mw) // 1000 // ct
    powers = [*phase_w, total_w]
    block = [
        TYPE_CODES[meter.spec.profile],
        *[u16(mv // 100) for mv in _three(now.voltage_mv)],
        *[u16(ma // 10 // ct) for ma in _three(now.current_ma)],
        *[i16(w) for w in powers],
        *[i16(_reactive(w, factor)) for w in powers],
        *[i16(factor)] * 4,
        1,
        ct,
        *steps(meter, us),
        *u32(meter.own_money_fen),
        1,
        0,
        0,
        status_word(meter),
        0b1000 if meter.load_tripped else 0,  # Word 37, low byte b3: load control has opened.
        *u32(0),
        *byte_words(_clock_bytes(meter, us)),
    ]
    return block + [0] * (STATUS_BLOCK_WORDS - len(block))


def status_word(meter: Meter) -> int:
    """Word 36: contacts in bits 13..15 (1 closed), forced position 0..2, forced mode 3, over power 4,
    arrears 5."""
    closed = 0b111 << 13 if meter.relay.reported_closed else 0
    opened = 0b111 if meter.forced_mode and meter.forced_open else 0
    over = meter.load_tripped << 4
    return closed | opened | over | meter.forced_mode << 3 | (1 << 5 if meter.own_money_fen <= 0 else 0)


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
    return byte_words(data.ljust(MAX_SWITCHES * 3, b"\0"))


def _address(meter: Meter, us: int) -> Words:
    """0x0360: address, baud index, parity index, stop index, meter number."""
    return byte_words(bytes([meter.spec.unit, 3, 0, 0]) + bcd(meter.spec.serial.rjust(12, "0")[-12:]))


def _public_energy(meter: Meter, us: int) -> Words:
    """0x0000..0x003B: active total, forward, reverse, then reactive; each with its four rates."""
    forward = steps(meter, us)
    return forward + forward + [0] * 40


def _public_lines(meter: Meter, us: int) -> Words:
    """0x0061..0x0066: U 0.1 V and I 0.01 A per phase."""
    now = meter.electrical(us)
    ct = meter.spec.ct_ratio
    return [u16(mv // 100) for mv in now.voltage_mv] + [u16(ma // 10 // ct) for ma in now.current_ma]


def _public_power(meter: Meter, us: int) -> Words:
    """0x0164..0x017F: P, Q, S per phase and total (i32, 0.001 kW), then power factors."""
    now = meter.electrical(us)
    ct, factor = meter.spec.ct_ratio, now.power_factor_permille
    watts = [mw // 1000 // ct for mw in now.power_mw] + [sum(now.power_mw) // 1000 // ct]
    words: Words = []
    for values in (watts, [_reactive(w, factor) for w in watts], [_apparent(w, factor) for w in watts]):
        for value in values:
            words += i32(value)
    return words + [i16(factor)] * 4


_MEASUREMENTS = Area(0x0000, 17, _measurements)
_PREPAID = [
    _MEASUREMENTS,
    Area(0x0043, 31, _prepaid_block),
    Area(0x0022, 1, _run_mode),
    Area(0x0037, 2, _ratios),
    Area(0x0360, 5, _address),
]
AREAS: dict[str, list[Area]] = {
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
