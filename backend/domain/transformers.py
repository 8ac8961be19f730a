"""Current and voltage transformers (互感器): from what a meter shows to what flows on the primary side.

A meter behind transformers counts secondary energy unless it was set up to count primary energy. That is
site data: energy, power and current are multiplied by what stands here, once, and nowhere else.
"""

from enum import StrEnum

from msgspec import Struct


class EnergySide(StrEnum):
    """Which side a meter's registers are of (电能侧)."""

    SECONDARY = "secondary"  # As wired: before anything is multiplied (二次侧).
    PRIMARY = "primary"  # The meter multiplies by itself (一次侧).


class Transformers(Struct, frozen=True):
    """CT and PT ratio of one meter, whole numbers ≥ 1 (变比)."""

    ct_ratio: int
    pt_ratio: int = 1
    energy_side: EnergySide = EnergySide.SECONDARY

    @property
    def ratio(self) -> int:
        """Return what register differences and power are multiplied by (倍率)."""
        return self.ct_ratio * self.pt_ratio if self.energy_side is EnergySide.SECONDARY else 1

    @property
    def current_ratio(self) -> int:
        return self.ct_ratio if self.energy_side is EnergySide.SECONDARY else 1

    @property
    def voltage_ratio(self) -> int:
        return self.pt_ratio if self.energy_side is EnergySide.SECONDARY else 1
