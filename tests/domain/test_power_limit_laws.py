"""The laws of the power limit, on meters whose power and silence are drawn at random."""

from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from backend.domain.power_limit import (
    Act,
    PowerRules,
    PowerState,
    PowerStep,
    PowerWatch,
    Sample,
    follow,
    lifted,
)
from common.units import Watt

from .power_samples import LIMIT, RULES, instant

# Seconds that pass, then what happens: a sample, time alone (None), or a person (-1).
STEPS = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([None, -1, 0, 3_000, 3_001, 3_001, 3_001, 9_000])),
    max_size=120,
)


class Told:
    """One run: each step with its time, what was sampled so far, and the watch before it."""

    def __init__(self, steps: list[tuple[int, int | None]]) -> None:
        self.steps: list[tuple[datetime, PowerWatch, PowerStep, int]] = []
        second, watch, self.samples = 0, PowerWatch(), list[Sample]()
        for passed, what in steps:
            second += passed
            now = instant(second)
            if what == -1:
                if watch.state in {PowerState.TRIPPED, PowerState.HELD}:
                    watch = lifted(watch, now)
                    self.steps.append((now, watch, PowerStep(watch), -1))
                continue
            new = [] if what is None else [Sample(now, Watt(what))]
            self.samples += new
            step = follow(watch, new, LIMIT, RULES, now)
            self.steps.append((now, watch, step, len(self.samples)))
            watch = step.watch


@given(STEPS)
def test_nobody_is_tripped_without_having_been_told_and_given_the_grace(
    steps: list[tuple[int, int | None]],
) -> None:
    for now, before, step, _ in Told(steps).steps:
        if Act.TRIP in step.acts:
            assert before.state is PowerState.TOLD and before.told_at is not None
            assert now - before.told_at >= RULES.grace
            assert Act.TELL not in step.acts


@given(STEPS)
def test_a_trip_rests_on_an_unbroken_row_of_samples(
    steps: list[tuple[int, int | None]],
) -> None:
    run = Told(steps)
    for now, before, step, count in run.steps:
        if not {Act.TRIP, Act.TELL} & set(step.acts):
            continue
        wanted = RULES.trip if Act.TRIP in step.acts else RULES.tell
        streak = step.watch.streak or before.streak
        assert streak is not None
        since = streak.since_at
        row = [one for one in run.samples[:count] if one.at >= since]
        assert len({one.at for one in row}) >= 2
        assert all(one.power_w > LIMIT for one in row)
        assert all(b.at - a.at <= RULES.gap for a, b in pairwise(row))
        assert row[-1].at - row[0].at >= wanted
        assert now - row[-1].at <= RULES.gap


@given(STEPS)
def test_between_two_people_or_quiet_days_there_are_at_most_k_restores_by_rule(
    steps: list[tuple[int, int | None]],
) -> None:
    restores = 0
    for _, before, step, count in Told(steps).steps:
        if count == -1 or step.watch.retries < before.retries:
            restores = 0
        restores += Act.RESTORE in step.acts
        assert restores <= RULES.retries
        assert step.watch.retries <= RULES.retries


@given(STEPS)
def test_what_a_person_must_lift_stays_whatever_is_read_and_however_long(
    steps: list[tuple[int, int | None]],
) -> None:
    held = PowerWatch(state=PowerState.HELD, tripped_at=instant(-10), retries=2, trouble_at=instant(-10))
    second, watch = 0, held
    for passed, what in steps:
        second += passed * 1_000
        new = [] if what is None else [Sample(instant(second), Watt(max(0, what)))]
        step = follow(watch, new, LIMIT, RULES, instant(second))
        assert (step.watch, step.acts, step.check_at) == (held, (), None)
        watch = step.watch


@given(STEPS)
def test_the_next_look_is_named_and_lies_ahead_or_does_something(steps: list[tuple[int, int | None]]) -> None:
    for now, _, step, count in Told(steps).steps:
        if count == -1 or step.check_at is None:
            continue
        at = max(now, step.check_at)
        after = follow(step.watch, [], LIMIT, RULES, at)
        assert after.watch != step.watch


def test_money_is_not_among_the_facts() -> None:
    names = {field.name for kind in (PowerWatch, PowerRules, Sample) for field in fields(kind)}

    assert not {name for name in names if "fen" in name or "nano" in name or "balance" in name}
