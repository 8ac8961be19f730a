"""A meter of no maker in particular: IEEE numbers in input registers (浮点寄存器表).

Function code 04 alone: voltage, current and power as many European meters have them, energy in kWh as a
64-bit number, since a 32-bit one would lose the last digit of a register above 83,886 kWh; the 32-bit
copy stands beside it. No relay, no tariffs.
"""

import struct

from simulator.meter import FLOAT32, Meter
from simulator.words import READ_INPUT, Area, Words, f32

FREQUENCY_HZ = 50.0


def _electrical(meter: Meter, us: int) -> Words:
    """0x0000: U V, I A, P W, PF, f Hz, each a 32-bit number."""
    now = meter.electrical(us)
    ct = meter.spec.ct_ratio
    values = (
        now.voltage_mv[0] / 1000,
        now.current_ma[0] / 1000 / ct,
        sum(now.power_mw) / 1000 / ct,
        now.power_factor_permille / 1000,
        FREQUENCY_HZ,
    )
    return [word for value in values for word in f32(value)]


def _energy(meter: Meter, us: int) -> Words:
    """0x0100: forward kWh as a 32-bit number, then as a 64-bit one."""
    kwh = meter.history.register_steps(us, meter.spec.ct_ratio)[0] / 100
    return [*f32(kwh), *struct.unpack(">4H", struct.pack(">d", kwh))]


AREAS = {
    FLOAT32: [
        Area(0x0000, 10, _electrical, READ_INPUT),
        Area(0x0100, 6, _energy, READ_INPUT),
    ]
}
