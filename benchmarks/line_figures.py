"""What is noted while a line runs: gaps between reads, and how long orders take (测量数据)."""

import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from common.clock import Clock

FROM_S, TO_S = 0.5, 2.0  # Between two orders.
PATIENCE_S = 20.0  # An order not verified by then is lost.


class Gaps:
    """When each meter was read fully, and the gaps since a mark."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_s: dict[int, float] = {}
        self._gaps_s: dict[int, list[float]] = {}
        self._marked_s = clock.monotonic()

    def read(self, unit: int) -> None:
        now_s = self._clock.monotonic()
        if unit in self._last_s:
            self._gaps_s.setdefault(unit, []).append(now_s - self._last_s[unit])
        self._last_s[unit] = now_s

    def mark(self) -> None:
        self._gaps_s.clear()
        self._last_s.clear()
        self._marked_s = self._clock.monotonic()

    def mean_s(self, live: int) -> float | None:
        """Return how long a round of so many meters takes on the average since the mark; None without a
        read. It can be told before a slow line has gone round twice."""
        reads = len(self._last_s) + sum(len(gaps) for gaps in self._gaps_s.values())
        return round(live * (self._clock.monotonic() - self._marked_s) / reads, 1) if reads else None

    def of(self, dead: Iterable[int]) -> list[float]:
        """Return the gaps of all meters but the dead ones."""
        without = set(dead)
        return [gap for unit, gaps in self._gaps_s.items() if unit not in without for gap in gaps]


def read_figures(gaps: Gaps, live: Sequence[int], dead: Iterable[int]) -> dict[str, object]:
    return {"cycle_s": spread(gaps.of(dead)), "cycle_mean_s": gaps.mean_s(len(live))}


@dataclass
class _Order:
    unit: int
    on: bool
    given_s: float
    acked_s: float | None = None
    verified_s: float | None = None


@dataclass
class Orders:
    """Relay orders for random live meters every 0.5 to 2 s; a meter has one open order at most.

    give: hands an order (unit, on) over; what becomes of it is told by acked and verified.
    """

    clock: Clock
    random_: random.Random
    units: Sequence[int]
    give: Callable[[int, bool], None]
    _all: list[_Order] = field(default_factory=list)
    _open: dict[int, _Order] = field(default_factory=dict)
    _on: dict[int, bool] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            await self.clock.sleep(self.random_.uniform(FROM_S, TO_S))
            unit = self.random_.choice([u for u in self.units if u not in self._open])
            on = self._on[unit] = not self._on.get(unit, True)
            order = _Order(unit, on, self.clock.monotonic())
            self._open[unit] = order
            self._all.append(order)
            self.give(unit, on)

    def acked(self, unit: int) -> None:
        order = self._open.get(unit)
        if order is not None and order.acked_s is None:
            order.acked_s = self.clock.monotonic()

    def verified(self, unit: int) -> None:
        order = self._open.pop(unit, None)
        if order is not None:
            order.verified_s = self.clock.monotonic()

    def lost(self, unit: int) -> None:
        """Nothing more will be heard of a meter's order."""
        self._open.pop(unit, None)

    def mark(self) -> None:
        self._all.clear()

    def figures(self) -> dict[str, object]:
        """Return ack_s, verified_s, commands and commands_lost since the mark; the newest ones, which
        may still be on their way, are left out."""
        until_s = self.clock.monotonic() - PATIENCE_S
        found = [order for order in self._all if order.given_s <= until_s]
        return {
            "ack_s": spread([o.acked_s - o.given_s for o in found if o.acked_s is not None]),
            "verified_s": spread([o.verified_s - o.given_s for o in found if o.verified_s is not None]),
            "commands": len(found),
            "commands_lost": sum(
                o.verified_s is None or o.verified_s - o.given_s > PATIENCE_S for o in found
            ),
        }


def spread(values_s: Sequence[float]) -> dict[str, float] | None:
    """Return p50, p95 and max in seconds; None when there is nothing."""
    if len(values_s) < 2:
        return None
    return {
        "p50": round(statistics.median(values_s), 3),
        "p95": round(statistics.quantiles(values_s, n=20, method="inclusive")[-1], 3),
        "max": round(max(values_s), 3),
    }
