"""What tests of tariffs and policy write into the forms."""

from datetime import date
from typing import Any

from msgspec.structs import replace

from backend.domain.tariffs import Period
from backend.services.tariff_parts import BandPart, PricePart, VersionContent

TERMS = {
    "low_fen": 30_000,
    "low_days": None,
    "critical_fen": None,
    "critical_days": None,
    "overdraft_fen": 5_000,
    "restore_level_fen": None,
}


def bands(*marks: tuple[str, Period]) -> list[BandPart]:
    """Bands that begin at the marks and run to midnight."""
    ends = [start for start, _ in marks[1:]] + ["24:00"]
    return [BandPart(start, end, period) for (start, period), end in zip(marks, ends, strict=True)]


def content(valid_from: str, **more: Any) -> VersionContent:
    """The small mall's tariff with the energy price at 0.50 instead of 0.40, from a date on."""
    plain = VersionContent(
        valid_from=date.fromisoformat(valid_from),
        components=[
            PricePart("ENERGY", "上网电价", 500_000, True),
            PricePart("LINE_LOSS", "线损", 20_000, True),
            PricePart("TRANSMISSION", "输配电价", 210_000),
            PricePart("SYSTEM", "系统运行费", 40_000),
            PricePart("FUNDS", "基金及附加", 30_000),
        ],
        float_permille={Period.PEAK: 600, Period.VALLEY: -600},
        bands=bands(
            ("00:00", Period.VALLEY),
            ("08:00", Period.FLAT),
            ("10:00", Period.PEAK),
            ("13:00", Period.FLAT),
            ("17:00", Period.PEAK),
            ("22:00", Period.FLAT),
        ),
    )
    return replace(plain, **more)
