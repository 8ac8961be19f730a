"""What a shop or a public area draws, hour by hour (负荷曲线).

Classes and their kWh a day are those of the reference mall; shapes follow opening hours. Power is
constant within a quarter of an hour, so that an integral is exact and costs a look-up.
"""

import random
from dataclasses import dataclass
from functools import cached_property

from simulator.periods import NOTHING, ByPeriod, PeriodTable, add
from simulator.time_line import DAY_US, EPOCH_WEEKDAY, SLOT_US, SLOTS_PER_DAY

VARIANTS = 4  # Differently disturbed days of one shop.
SLOT_NOISE = 0.15
DAY_SPREAD_PERMILLE = 100
SIZE_SPREAD = 0.20
SLOTS_PER_HOUR = SLOTS_PER_DAY // 24

# Per mille of a mean day, Monday to Sunday; each sums to 7,000.
MALL_WEEK = (850, 850, 850, 850, 1100, 1250, 1250)
NIGHT_WEEK = (750, 750, 750, 800, 1250, 1450, 1250)
EVEN_WEEK = (1000, 1000, 1000, 1000, 1000, 1000, 1000)


@dataclass(frozen=True)
class LoadClass:
    """A kind of load: mean energy a day and weights of the hours 0..23."""

    name: str
    energy_wh_a_day: int
    hours: tuple[int, ...]
    week: tuple[int, ...] = MALL_WEEK
    power_factor_permille: int = 950


# fmt: off
SHOP_CLASSES = {load.name: load for load in (
    LoadClass("kiosk", 7_000,
              (4, 4, 4, 4, 4, 4, 4, 4, 6, 20, 30, 30, 30, 30, 30, 30, 30, 30, 32, 32, 30, 24, 6, 4)),
    LoadClass("clothes", 33_000,
              (2, 2, 2, 2, 2, 2, 2, 2, 4, 22, 30, 30, 30, 30, 30, 30, 30, 30, 32, 34, 32, 24, 4, 2)),
    LoadClass("drinks", 55_000,
              (6, 6, 6, 6, 6, 6, 8, 14, 24, 34, 38, 42, 44, 42, 40, 40, 40, 42, 44, 44, 40, 28, 10, 6)),
    LoadClass("restaurant", 236_000,
              (6, 6, 6, 6, 6, 6, 8, 10, 16, 28, 44, 60, 64, 44, 28, 26, 34, 58, 70, 70, 56, 34, 12, 6),
              power_factor_permille=920),
    LoadClass("ktv", 550_000,
              (60, 48, 28, 8, 6, 6, 6, 6, 6, 6, 8, 10, 20, 28, 30, 32, 34, 38, 48, 62, 72, 76, 74, 68),
              week=NIGHT_WEEK, power_factor_permille=930),
    LoadClass("cinema", 2_055_000,
              (20, 10, 8, 8, 8, 8, 8, 8, 12, 30, 50, 60, 64, 66, 66, 66, 66, 68, 74, 78, 78, 72, 60, 36),
              power_factor_permille=900),
    LoadClass("supermarket", 2_055_000,
              (36, 34, 34, 34, 34, 36, 44, 56, 66, 68, 68, 66,
               64, 62, 62, 62, 64, 68, 70, 70, 66, 58, 44, 38),
              power_factor_permille=900),
)}
PUBLIC_CLASSES = {load.name: load for load in (
    LoadClass("lighting", 90_000,
              (8, 8, 8, 8, 8, 8, 10, 14, 24, 40, 40, 40, 40, 40, 40, 40, 42, 46, 48, 48, 46, 36, 16, 8),
              week=EVEN_WEEK),
    LoadClass("lift", 45_000,
              (2, 2, 2, 2, 2, 2, 4, 8, 16, 30, 38, 40, 40, 38, 38, 38, 40, 44, 48, 48, 44, 32, 12, 4),
              power_factor_permille=850),
    LoadClass("escalator", 80_000,
              (0, 0, 0, 0, 0, 0, 0, 0, 4, 40, 44, 44, 44, 44, 44, 44, 44, 46, 48, 48, 46, 36, 4, 0),
              power_factor_permille=850),
    LoadClass("pump", 120_000,
              (20, 20, 20, 20, 20, 22, 26, 30, 36, 40, 44, 46,
               46, 42, 40, 40, 42, 46, 46, 44, 40, 34, 26, 20),
              week=EVEN_WEEK, power_factor_permille=830),
    LoadClass("ventilation", 150_000,
              (4, 4, 4, 4, 4, 4, 4, 8, 24, 44, 50, 52, 52, 52, 52, 52, 52, 52, 52, 50, 46, 32, 8, 4),
              power_factor_permille=860),
    LoadClass("sign", 30_000,
              (30, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 10, 30, 60, 62, 62, 60, 56, 44),
              week=EVEN_WEEK),
)}
# fmt: on
LOAD_CLASSES = SHOP_CLASSES | PUBLIC_CLASSES


@dataclass(frozen=True)
class _Variant:
    """One disturbed day at factor 1: mW per per-mille of the day's factor, and its running sums."""

    power: tuple[int, ...]
    before: tuple[ByPeriod, ...]  # nJ per per-mille from midnight to each slot, one longer than power.


class Load:
    """The load of one shop: a pure function of the time line, the same for the same seed (负荷).

    Running sums are by the periods of `table` under a right clock.
    """

    def __init__(self, load_class: LoadClass, seed: str, table: PeriodTable, even_size: bool = False) -> None:
        self.load_class = load_class
        self._seed = seed
        self._table = table
        size = random.Random(f"{seed}:size")
        spread = 1.0 if even_size else size.uniform(1 - SIZE_SPREAD, 1 + SIZE_SPREAD)
        self.energy_wh_a_day = round(load_class.energy_wh_a_day * spread)
        self._key = size.getrandbits(64)
        self._days: list[ByPeriod] = [NOTHING]  # nJ by period from the beginning to each midnight.
        self._factors: list[tuple[int, _Variant]] = []

    def power_mw(self, us: int) -> int:
        """Return the power that is drawn when the supply is on."""
        day, in_day = divmod(us, DAY_US)
        factor, variant = self._day(day)
        return factor * variant.power[in_day // SLOT_US]

    def energy_nj(self, us: int) -> ByPeriod:
        """Return the energy by period from the beginning of the time line to an instant."""
        day, in_day = divmod(us, DAY_US)
        factor, variant = self._day(day)
        slot, in_slot = divmod(in_day, SLOT_US)
        a, b, c, d = self._days[day]
        e, f, g, h = variant.before[slot]
        rest = factor * variant.power[slot] * in_slot
        period = self._table.by_slot[slot]
        a += factor * e
        b += factor * f
        c += factor * g
        d += factor * h
        if period == 0:
            return a + rest, b, c, d
        if period == 1:
            return a, b + rest, c, d
        if period == 2:
            return a, b, c + rest, d
        return a, b, c, d + rest

    def _day(self, day: int) -> tuple[int, _Variant]:
        """Return factor (per mille) and variant of a day; sums up the days before it once."""
        factors = self._factors
        while len(factors) <= day:
            mixed = scatter(self._key + len(factors))
            weekday = (len(factors) + EPOCH_WEEKDAY) % 7
            spread = 1000 - DAY_SPREAD_PERMILLE + mixed % (2 * DAY_SPREAD_PERMILLE + 1)
            factor = spread * self.load_class.week[weekday] // 1000
            variant = self._variants[(mixed >> 32) % VARIANTS]
            factors.append((factor, variant))
            e, f, g, h = variant.before[SLOTS_PER_DAY]
            self._days.append(add(self._days[-1], (factor * e, factor * f, factor * g, factor * h)))
        return factors[day]

    @cached_property
    def _variants(self) -> tuple[_Variant, ...]:
        return tuple(self._variant(random.Random(f"{self._seed}:{number}")) for number in range(VARIANTS))

    def _variant(self, noise: random.Random) -> _Variant:
        hours = self.load_class.hours
        weights = []
        for slot in range(SLOTS_PER_DAY):
            hour, quarter = divmod(slot, SLOTS_PER_HOUR)
            here, there = hours[hour], hours[(hour + 1) % 24]
            smooth = here + (there - here) * quarter / SLOTS_PER_HOUR
            weights.append(smooth * noise.uniform(1 - SLOT_NOISE, 1 + SLOT_NOISE))
        # A per mille of a day's mean power in mW is the mean power in W.
        scale = self.energy_wh_a_day * SLOTS_PER_HOUR / sum(weights)
        power = tuple(round(weight * scale) for weight in weights)
        before = [NOTHING]
        for slot, watts in enumerate(power):
            step = [0, 0, 0, 0]
            step[self._table.by_slot[slot]] = watts * SLOT_US
            before.append(add(before[-1], (step[0], step[1], step[2], step[3])))
        return _Variant(power, tuple(before))


def scatter(value: int) -> int:
    """Scatter a number over 64 bits (SplitMix64), cheaper than a seeded generator per day."""
    value = (value * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 31)
