"""What a meter says of itself, whatever its protocol (抄表值)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from common.wire import FrozenDay, Relay

# A contact that is open lets nothing through: below this it is noise of the measurement.
FLOWING_MA = 100
FLOWING_W = 25

PeriodTable = tuple[tuple[int, int], ...]


class Part(Enum):
    """A class of values with a deadline of its own."""

    MONEY = auto()  # Register, periods, relay and forced control, power: what charges and trips rest on.
    ELECTRICAL = auto()  # Voltages and the like, where they cost requests of their own.
    DAILY = auto()  # Once a local day: frozen values, the meter's clock and its own period table.


@dataclass(frozen=True, slots=True)
class Values:
    """What one read says; None where the meter does not have it or the part was not read."""

    register_wh: int
    period_registers_wh: tuple[int, int, int, int] | None
    voltage_mv: tuple[int, ...] | None
    current_ma: tuple[int, ...] | None
    power_w: int | None
    own_remaining_fen: int | None
    relay: Relay
    forced: bool | None  # Forced control is on.
    forced_words: tuple[int, ...] | None
    clock_at: datetime | None
    held: bool | None = None  # The meter's own keep-supply is on: it refuses trips.
    load_tripped: bool | None = None  # Its own load control keeps the contact open.
    period_table: PeriodTable | None = None  # (minute of the local day, rate) of each switch.
    frozen: tuple[FrozenDay, ...] = ()  # Oldest first.

    @property
    def flowing(self) -> bool | None:
        return is_flowing(self.current_ma, self.power_w)


@dataclass(frozen=True, slots=True)
class Look:
    """What the answer to a contact read says.

    commanded: the last command that the meter has taken; None where it does not tell.
    """

    relay: Relay
    commanded: Relay | None = None
    held: bool | None = None


def is_flowing(current_ma: tuple[int, ...] | None, power_w: int | None) -> bool | None:
    """Tell whether load is seen; None when the meter shows neither current nor power."""
    if current_ma is None and power_w is None:
        return None
    return max(current_ma or (0,)) >= FLOWING_MA or abs(power_w or 0) >= FLOWING_W


def four(values: tuple[int, ...] | None) -> tuple[int, int, int, int] | None:
    """Return the registers of the four periods as such; a profile gives four or none."""
    if values is None:
        return None
    sharp, peak, flat, valley = values
    return sharp, peak, flat, valley


def period_table(slots: list[tuple[int, int, int]]) -> PeriodTable | None:
    """Return a day table from (hour, minute, rate) slots; None when it makes no sense.

    Slots behind the last one are zero or repeat it.
    """
    table: list[tuple[int, int]] = []
    for hour, minute, rate in slots:
        if (hour, minute, rate) == (0, 0, 0):
            break
        at = (hour * 60 + minute, rate)
        if table and at == table[-1]:
            continue
        if hour > 23 or minute > 59 or not 1 <= rate <= 4 or (table and at[0] <= table[-1][0]):
            return None
        table.append(at)
    return tuple(table) or None
