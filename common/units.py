"""Units of money and energy (计量单位). Integers only; the unit ends every name.

1 Wh at 1 microyuan/kWh is exactly 1 nanoyuan, so a charge needs neither float nor rounding.
"""

import re
from typing import NewType

Fen = NewType("Fen", int)
Wh = NewType("Wh", int)
Watt = NewType("Watt", int)
MilliVolt = NewType("MilliVolt", int)
MilliAmp = NewType("MilliAmp", int)
Nanoyuan = NewType("Nanoyuan", int)
MicroyuanPerKwh = NewType("MicroyuanPerKwh", int)

NANOYUAN_PER_FEN = 10_000_000
FEN_PER_YUAN = 100
WH_PER_KWH = 1_000

_YUAN = re.compile(r"^(-?)(\d{1,12})(?:\.(\d{1,2}))?$")


def fen_from_yuan(text: str) -> Fen:
    """Read an amount in yuan, "12", "12.3" or "-12.34", as fen (元 → 分).

    Raises ValueError for anything else: no float, no thousands separator, at most two decimals.
    """
    match = _YUAN.match(text.strip())
    if match is None:
        raise ValueError(f"not an amount in yuan: {text!r}")
    sign, whole, part = match.groups()
    fen = int(whole) * FEN_PER_YUAN + int((part or "0").ljust(2, "0"))
    return Fen(-fen if sign else fen)


def yuan_text(fen: int) -> str:
    """Print fen as yuan with two decimals and thousands separators: -1234567 → "-12,345.67"."""
    whole, part = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole:,}.{part:02d}"


def kwh_text(energy_wh: int) -> str:
    """Print Wh as kWh with two decimals, cut towards zero (度)."""
    whole, part = divmod(abs(energy_wh), WH_PER_KWH)
    return f"{'-' if energy_wh < 0 else ''}{whole:,}.{part // 10:02d}"
