"""The meters of a line, and one transaction about to happen with one of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from collector.converge import Convergence
from collector.layout import Layout, layout_of
from collector.profile import Profile
from collector.profile_modbus import gap_words_at
from collector.reading import FullRead
from collector.requests import Request
from collector.steps import Phase, Rank
from common.wire import PlanLine, PlanMeter


@dataclass
class Station:
    """What the line knows about one meter."""

    plan: PlanMeter
    profile: Profile
    layout: Layout
    flowing: bool | None = None
    flowing_s: float = 0.0
    polled_s: float | None = None


def stations_of(
    plan: PlanLine, profiles: Mapping[str, Profile], known: Mapping[str, Station]
) -> dict[str, Station]:
    """Return the meters of a plan; what is known about those that stay as they are is kept."""
    stations = {}
    gap_words = gap_words_at(plan.baud, 10 if plan.parity == "N" else 11)
    for meter in plan.meters:
        profile, old = profiles[meter.profile], known.get(meter.meter_id)
        if old is None or old.plan != meter or old.profile is not profile:
            old = Station(meter, profile, layout_of(profile, meter.status_block_at, gap_words))
        stations[meter.meter_id] = old
    return stations


@dataclass(frozen=True)
class Turn:
    """One transaction about to happen, and for whom; without an owner it is a dead meter's probe."""

    station: Station
    request: Request
    rank: Rank
    owner: Convergence | FullRead | None

    @property
    def meter_id(self) -> str:
        return self.station.plan.meter_id

    @property
    def is_read_back(self) -> bool:
        """An order looks again and again whether the contact has moved."""
        return isinstance(self.owner, Convergence) and self.owner.phase is Phase.CONFIRM
