"""Midnights that a meter kept (日冻结): each day its own interval, and never a doubt about the present."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.frozen_days import Midnight, between, judge_midnights
from backend.domain.readings import Accepted, MeterFacts, Verdict
from common.units import Watt

from .samples import at

DIRECT = MeterFacts(ratio=1, rated_power_w=Watt(13_200), register_step_wh=10)
LAST = Accepted(at("2026-03-01 22:00"), 1_000_000)
NOW = at("2026-03-04 09:00")
PRESENT = Accepted(NOW, 1_060_000)
GOOD = (
    Midnight(at("2026-03-02 00:00"), 1_004_000),
    Midnight(at("2026-03-03 00:00"), 1_024_000),
    Midnight(at("2026-03-04 00:00"), 1_048_000),
)


def verdicts(*found: Midnight, present: Accepted = PRESENT) -> list[Verdict]:
    return [one.judged.verdict for one in judge_midnights(found, LAST, present, NOW, DIRECT)]


def test_each_day_of_an_outage_gets_its_own_energy() -> None:
    judged = judge_midnights(GOOD[::-1], LAST, PRESENT, NOW, DIRECT)

    assert [one.judged.energy_wh for one in judged] == [4_000, 20_000, 24_000]


def test_only_midnights_between_the_two_readings_count() -> None:
    outside = [
        Midnight(LAST.read_at, 1),
        Midnight(at("2026-03-01 00:00"), 1),
        Midnight(at("2026-03-05 00:00"), 1),
        Midnight(at("2026-03-02 00:01"), 1),  # No midnight at all.
    ]

    assert between([*outside, *GOOD, GOOD[0]], LAST, NOW) == list(GOOD)


def test_a_midnight_that_falls_is_dropped_and_the_next_one_holds() -> None:
    fallen = Midnight(GOOD[1].at, 900_000)

    assert verdicts(GOOD[0], fallen, GOOD[2]) == [Verdict.ACCEPTED, Verdict.FALLEN, Verdict.ACCEPTED]


def test_a_midnight_that_jumps_is_dropped() -> None:
    assert verdicts(Midnight(GOOD[0].at, 1_050_000), GOOD[1]) == [Verdict.JUMPED, Verdict.ACCEPTED]


def test_a_midnight_above_the_present_register_is_dropped() -> None:
    assert verdicts(Midnight(GOOD[2].at, 1_060_010)) == [Verdict.FALLEN]


def test_a_midnight_that_would_make_the_present_register_a_jump_is_dropped() -> None:
    late = Accepted(at("2026-03-02 01:00"), 1_039_000)

    assert verdicts(Midnight(GOOD[0].at, 1_000_100), present=late) == [Verdict.FALLEN]


@given(st.lists(st.integers(900_000, 1_100_000), max_size=3))
def test_whatever_a_meter_kept_the_days_sum_to_the_registers(kept: list[int]) -> None:
    found = [Midnight(GOOD[0].at + timedelta(days=n), wh) for n, wh in enumerate(kept)]

    judged = judge_midnights(found, LAST, PRESENT, NOW, DIRECT)

    good = [one for one in judged if one.judged.verdict is Verdict.ACCEPTED]
    newest_wh = good[-1].midnight.register_wh if good else LAST.register_wh
    assert sum(one.judged.energy_wh for one in good) == newest_wh - LAST.register_wh
    assert newest_wh <= PRESENT.register_wh
