"""One transaction about to happen, and the meter it is for."""

from dataclasses import dataclass

from collector.converge import Convergence
from collector.layout import Layout
from collector.reading import FullRead
from collector.requests import Request
from collector.steps import Phase, Rank
from common.wire import PlanMeter


@dataclass
class Station:
    """What the line knows about one meter."""

    plan: PlanMeter
    layout: Layout
    flowing: bool | None = None
    flowing_s: float = 0.0
    polled_s: float | None = None


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
