"""A meter's way through its power limit, told as text for the tables of the power-limit tests.

A story is a list of steps "seconds:watts" (a sample that is looked at when it comes) or "seconds" (time
alone). It is followed with the rules below: told after 30 s, tripped after 60, restored after 100, twice.
"""

from datetime import datetime, timedelta

from backend.domain.power_limit import Act, PowerRules, PowerState, PowerStep, PowerWatch, Sample, follow
from common.units import Watt

from .samples import at

BEGIN = at("2026-03-02 11:00")
LIMIT = Watt(3_000)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


RULES = PowerRules(
    tell=seconds(30),
    trip=seconds(60),
    restore=seconds(100),
    retries=2,
    gap=seconds(20),
    quiet=seconds(86_400),
)


def instant(number: float) -> datetime:
    return BEGIN + seconds(number)


def run(
    story: str, watch: PowerWatch | None = None, limit_w: Watt | None = LIMIT, rules: PowerRules = RULES
) -> list[tuple[int, PowerStep]]:
    """Follow a story step by step; return each step with its second."""
    watch = watch or PowerWatch()
    found = []
    for word in story.split():
        second, _, power = word.partition(":")
        samples = [Sample(instant(int(second)), Watt(int(power)))] if power else []
        step = follow(watch, samples, limit_w, rules, instant(int(second)))
        watch = step.watch
        found.append((int(second), step))
    return found


def acts(steps: list[tuple[int, PowerStep]]) -> list[tuple[int, str]]:
    """What had to be done, with its second."""
    return [(second, act.value) for second, step in steps for act in step.acts]


def over(begin: int, end: int, every: int = 10) -> str:
    """Samples over the limit, at both ends too."""
    return " ".join(f"{second}:3001" for second in range(begin, end + 1, every))


__all__ = ["LIMIT", "RULES", "Act", "PowerState", "acts", "instant", "over", "run", "seconds"]
