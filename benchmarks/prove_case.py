"""What every proof is handed and gives back (证明)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.clock import Clock
from tests.servers import MariaDb

WAIT_STEP_S = 0.2


@dataclass(frozen=True)
class Case:
    """Where a proof runs: a folder of its own, a MariaDB server, and whether the short variant is wanted."""

    folder: Path
    server: MariaDb
    clock: Clock
    is_short: bool

    def database_url(self, name: str) -> str:
        """Make an empty database and return its address."""
        return self.server.url(f"prove_{name}")

    def pick(self, whole: int, short: int) -> int:
        """Return how many of something this variant takes."""
        return short if self.is_short else whole


@dataclass
class Shown:
    """What a proof found. figures: for people and files; faults: why it failed, empty when it holds."""

    figures: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    def take(self, faults: Sequence[str]) -> None:
        self.faults.extend(faults)


Proof = Callable[[Case], Awaitable[Shown]]


class NeverHappened(Exception):
    """Something that had to happen did not, in the time that it had."""


async def until(clock: Clock, what: str, look: Callable[[], Awaitable[bool]], within_s: float) -> float:
    """Look until it is so and return how long that took (seconds). Raises NeverHappened."""
    began_s = clock.monotonic()
    while not await look():
        if clock.monotonic() - began_s > within_s:
            raise NeverHappened(f"{what}: not within {within_s:.0f} s")
        await clock.sleep(WAIT_STEP_S)
    return clock.monotonic() - began_s
