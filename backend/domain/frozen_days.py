"""Midnights that a meter kept of itself (日冻结): after an outage each day gets an interval of its own.

Registers at local midnights between the last accepted reading and the present one are judged like readings,
oldest first. One that does not fit is dropped, with its verdict as evidence; the energy then lies in the next
interval, so that nothing is charged twice and nothing is lost.
"""

from collections.abc import Iterable
from datetime import datetime, time

from msgspec import Struct

from backend.domain.readings import Accepted, Judged, MeterFacts, Rates, Verdict, judge
from common.clock import LOCAL_ZONE


class Midnight(Struct, frozen=True):
    """A register at a local midnight, as the meter kept it."""

    at: datetime
    register_wh: int
    rates_wh: Rates | None = None


class JudgedMidnight(Struct, frozen=True):
    midnight: Midnight
    judged: Judged


def between(found: Iterable[Midnight], last: Accepted, present_at: datetime) -> list[Midnight]:
    """Return the midnights strictly between two readings, oldest first; an instant counts once."""
    inside = {one.at: one for one in found if last.read_at < one.at < present_at and _is_midnight(one.at)}
    return [inside[at] for at in sorted(inside)]


def judge_midnights(
    found: Iterable[Midnight], last: Accepted, present: Accepted, now: datetime, meter: MeterFacts
) -> list[JudgedMidnight]:
    """Judge the midnights between two readings, of which the later one has been found good.

    The present register bounds them: a midnight above it, or so far below it that the meter could not have
    come to it since, is dropped as FALLEN; it never throws doubt on the present register.
    """
    judged: list[JudgedMidnight] = []
    before = last
    for one in between(found, last, present.read_at):
        verdict = judge(before, one.at, one.register_wh, one.rates_wh, now, meter)
        here = Accepted(one.at, one.register_wh, one.rates_wh)
        if verdict.verdict is Verdict.ACCEPTED:
            onward = judge(here, present.read_at, present.register_wh, None, now, meter)
            if onward.verdict is Verdict.ACCEPTED:
                before = here
            else:
                verdict = Judged(Verdict.FALLEN)
        judged.append(JudgedMidnight(one, verdict))
    return judged


def _is_midnight(at: datetime) -> bool:
    return at.astimezone(LOCAL_ZONE).time() == time.min
