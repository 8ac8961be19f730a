"""The register maps of one user of an Acrel ADF400L, three-phase and single-phase (多用户表).

From the public manual's tables. Where it leaves a gap: forced control 2 opens and 1 closes, 0 gives the
relay back to the meter's money; status shows 0x0300 while the relay is closed; sums of purchases are zero,
for the platform sells nothing here; a single-phase user's money register counts 10 Wh; clock and tables
begin with their smallest unit, as the factory's table does.
"""

from collections.abc import Callable

from simulator.meter import ADF400L_1P, ADF400L_3P, Meter
from simulator.registers_acrel import local_meter_time
from simulator.words import Area, Words, byte_words, i16, i32, steps, u16, u32

FORCED_AT = {ADF400L_3P: 0x0804, ADF400L_1P: 0x0801}
FORCED_OPEN, FORCED_CLOSED = 2, 1
CLOSED_STATUS = 0x0300
TABLE_SWITCHES = 14
FREQUENCY_CENTIHERTZ = 5_000


def is_forced(meter: Meter, at: int, count: int) -> bool:
    return meter.prepaid and FORCED_AT.get(meter.spec.profile) == at and count == 1


def force(meter: Meter, word: int, us: int) -> bool:
    """Take a word of forced control; returns False for one that says nothing sensible."""
    if word not in (FORCED_OPEN, FORCED_CLOSED, 0):
        return False
    meter.force(us, int(word != 0), int(word == FORCED_OPEN))
    return True


def _three_phase(meter: Meter, us: int) -> Words:
    """0x033F: U, I, P W, phases 0.001 kW, reactive, apparent, PF … f at 0x0351."""
    now, ct = meter.electrical(us), meter.spec.ct_ratio
    watts = [mw // 1000 // ct for mw in now.power_mw]
    head = [
        *[u16(mv // 100) for mv in now.voltage_mv],
        *[u16(ma // 10 // ct) for ma in now.current_ma],
        *[i16(watt) for watt in (sum(watts), *watts)],
    ]
    head += [0] * (0x034D - 0x033F - len(head))
    return [*head, *[i16(now.power_factor_permille)] * 4, FREQUENCY_CENTIHERTZ]


def _three_phase_account(meter: Meter, us: int) -> Words:
    """0x035E: energy, …, money 0x0362, purchases, count, base, status 0x0369, …, overdraft, recovery."""
    return [
        *steps(meter, us)[:2],
        0,
        0,
        *i32(meter.own_money_fen),
        *u32(0),
        1,
        *u32(0),
        _status(meter),
        *[0] * 6,
    ]


def _single_phase(meter: Meter, us: int) -> Words:
    """0x0300: U, I, P, a hole, PF, f, energy, …, remaining energy 0x030A, purchases, count, …, status."""
    now, ct = meter.electrical(us), meter.spec.ct_ratio
    return [
        u16(now.voltage_mv[0] // 100),
        u16(now.current_ma[0] // 10 // ct),
        i16(now.power_mw[0] // 1000 // ct),
        0,
        i16(now.power_factor_permille),
        FREQUENCY_CENTIHERTZ,
        *steps(meter, us)[:2],
        0,
        0,
        *i32(meter.own_money_fen),
        *u32(0),
        1,
        0,
        0,
        _status(meter),
    ]


def _rates(meter: Meter, us: int) -> Words:
    return steps(meter, us)[2:]


def _clock(meter: Meter, us: int) -> Words:
    """0x090B: second, minute, hour, weekday, day, month, year, binary."""
    at = local_meter_time(meter, us)
    seven = [at.second, at.minute, at.hour, at.isoweekday(), at.day, at.month, at.year % 100]
    return byte_words(bytes([*seven, 0]))


def _table(meter: Meter, us: int) -> Words:
    """0x0914: 14 × rate, minute, hour; unused ones are zero."""
    data = b"".join(bytes([period + 1, slot % 4 * 15, slot // 4]) for slot, period in meter.table.starts)
    return byte_words(data.ljust(TABLE_SWITCHES * 3, b"\0"))


def _forced(meter: Meter, us: int) -> Words:
    if not meter.forced_mode:
        return [0]
    return [FORCED_OPEN if meter.forced_open else FORCED_CLOSED]


def _status(meter: Meter) -> int:
    return CLOSED_STATUS if meter.relay.reported_closed else 0


def _constant(*words: int) -> Callable[[Meter, int], Words]:
    return lambda meter, us: list(words)


_COMMON = [
    Area(0x0908, 1, _constant(0)),  # Prepaid, not metering.
    Area(0x090B, 4, _clock),
    Area(0x0914, 21, _table),
]
AREAS = {
    ADF400L_3P: [
        Area(0x033F, 19, _three_phase),
        Area(0x035E, 18, _three_phase_account),
        Area(0x0430, 8, _rates),
        Area(0x0804, 1, _forced),
        *_COMMON,
        Area(0x0951, 2, lambda meter, us: [1, meter.spec.ct_ratio]),
    ],
    ADF400L_1P: [
        Area(0x0300, 18, _single_phase),
        Area(0x0400, 8, _rates),
        Area(0x0801, 1, _forced),
        *_COMMON,
    ],
}
