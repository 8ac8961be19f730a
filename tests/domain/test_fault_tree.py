"""One root for each fault of communication, whatever else is wrong around it."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.fault_tree import (
    Cause,
    Fault,
    FaultKind,
    LineFacts,
    LineState,
    arrange,
    settled,
    standing_faults,
    told_silent_at,
)
from tests.domain.samples import at

NOW = at("2026-03-02 10:30")


def line(number: int, gateway: int = 1, state: LineState = LineState.WELL, *silent: int) -> LineFacts:
    """Line n with the meters n1 and n2, read by collector 1."""
    meters = (number * 10 + 1, number * 10 + 2)
    return LineFacts(
        line_id=number,
        gateway_id=gateway,
        collector_id=1,
        state=state,
        meters=meters,
        silent=frozenset(silent),
    )


def causes(*lines: LineFacts, away: frozenset[int] = frozenset()) -> list[tuple[str, int]]:
    return [(fault.cause.kind.value, fault.cause.object_id) for fault in standing_faults(lines, away)]


def test_a_gateway_without_any_line_is_one_fault_with_its_lines_and_meters() -> None:
    (fault,) = standing_faults([line(1, 1, LineState.DOWN), line(2, 1, LineState.DOWN), line(3, 2)], ())

    assert fault == Fault(cause=Cause(FaultKind.GATEWAY_DOWN, 1), lines=(1, 2), meters=(11, 12, 21, 22))


def test_one_lost_line_of_several_is_the_line() -> None:
    assert causes(line(1, 1, LineState.DOWN), line(2)) == [("line_down", 1)]


def test_a_cut_cable_is_the_line_and_none_of_its_meters() -> None:
    assert causes(line(1, 1, LineState.SILENT, 11, 12), line(2)) == [("line_silent", 1)]


def test_a_gateway_that_takes_calls_and_answers_on_no_line_is_the_gateway() -> None:
    assert causes(line(1, 1, LineState.SILENT), line(2, 1, LineState.SILENT)) == [("gateway_down", 1)]
    assert causes(line(1, 1, LineState.SILENT), line(2, 2)) == [("line_silent", 1)]


def test_a_silent_meter_beside_a_lost_line_is_its_own_fault() -> None:
    lines = [line(1, 1, LineState.DOWN, 11), line(2, 1, LineState.WELL, 22)]

    assert causes(*lines) == [("line_down", 1), ("meter_silent", 22)]


def test_of_a_collector_that_is_away_nothing_else_is_told() -> None:
    lines = [line(1, 1, LineState.DOWN), line(2, 2, LineState.WELL, 21)]

    (fault,) = standing_faults(lines, {1})

    assert fault.cause == Cause(FaultKind.COLLECTOR_AWAY, 1)
    assert (fault.gateways, fault.lines, fault.meters) == ((1, 2), (1, 2), (11, 12, 21, 22))


def test_a_bigger_root_takes_in_what_stood_alone_and_gives_back_what_is_left() -> None:
    one = Cause(FaultKind.LINE_DOWN, 1)
    down = standing_faults([line(1, 1, LineState.DOWN), line(2, 1, LineState.DOWN)], ())
    left = standing_faults([line(1, 1, LineState.DOWN), line(2)], ())

    worse = arrange({one}, down)
    better = arrange({one, down[0].cause}, left)

    assert (worse.raised, worse.children) == (down, {one: down[0].cause})
    assert (better.roots, better.healed, better.children) == (left, (down[0].cause,), {})


@pytest.mark.parametrize(("age_s", "wanted"), [(19, set()), (20, {1}), (60, {1})])
def test_a_lost_line_is_told_after_twenty_seconds(age_s: int, wanted: set[int]) -> None:
    assert settled({1: NOW - timedelta(seconds=age_s)}, (), NOW) == wanted


def test_a_lost_line_waits_for_the_line_beside_it_but_not_for_long() -> None:
    ages = {1: 25, 2: 3}
    since = {number: NOW - timedelta(seconds=age) for number, age in ages.items()}

    assert settled(since, (), NOW) == set()
    assert settled(since, {1}, NOW) == {1}
    assert settled({**since, 1: NOW - timedelta(seconds=40)}, (), NOW) == {1}


def test_a_meter_is_told_of_three_cycles_after_its_last_answer() -> None:
    missed_at = NOW + timedelta(seconds=60)

    assert told_silent_at(missed_at, NOW, None, 60) == NOW + timedelta(seconds=180)
    assert told_silent_at(missed_at, None, None, 60) == missed_at + timedelta(seconds=180)


def test_silence_before_the_line_came_back_was_the_lines() -> None:
    back_at = NOW + timedelta(hours=2)

    assert told_silent_at(NOW, NOW, back_at, 60) == back_at + timedelta(seconds=180)


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[LineFacts], frozenset[int]]:
    """A site of up to 6 gateways and 12 lines, read by up to 3 collectors, in any trouble."""
    lines = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        meters = tuple(number * 100 + n for n in range(draw(st.integers(1, 4))))
        lines.append(
            LineFacts(
                line_id=number,
                gateway_id=draw(st.integers(1, 6)),
                collector_id=draw(st.sampled_from([None, 1, 2, 3])),
                state=draw(st.sampled_from(LineState)),
                meters=meters,
                silent=frozenset(draw(st.sets(st.sampled_from(meters)))),
            )
        )
    return lines, draw(st.frozensets(st.integers(1, 3)))


@settings(max_examples=60)
@given(trees())
def test_whatever_is_wrong_is_covered_by_exactly_one_root(
    tree: tuple[list[LineFacts], frozenset[int]],
) -> None:
    lines, away = tree
    faults = standing_faults(lines, away)
    for one in lines:
        is_away = one.collector_id in away
        by_line = [
            fault
            for fault in faults
            if one.line_id in fault.lines
            or (fault.cause.kind.value.startswith("line_") and fault.cause.object_id == one.line_id)
        ]
        assert len(by_line) == (1 if is_away or one.state is not LineState.WELL else 0)
        for meter in one.meters:
            wrong = is_away or one.state is not LineState.WELL or meter in one.silent
            explained = [
                fault
                for fault in faults
                if meter in fault.meters or fault.cause == Cause(FaultKind.METER_SILENT, meter)
            ]
            assert len(explained) == wrong


@settings(max_examples=60)
@given(trees())
def test_no_child_is_a_root(tree: tuple[list[LineFacts], frozenset[int]]) -> None:
    faults = standing_faults(*tree)

    assert not [one for one in faults if any(other.covers(one.cause) for other in faults)]


@settings(max_examples=60)
@given(trees(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(
    tree: tuple[list[LineFacts], frozenset[int]], random: object
) -> None:
    lines, away = tree
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert standing_faults(shuffled, away) == standing_faults(lines, away)


@settings(max_examples=60)
@given(st.lists(trees(), min_size=1, max_size=4))
def test_whatever_happened_before_the_same_roots_stand_and_the_rest_are_their_children(
    history: list[tuple[list[LineFacts], frozenset[int]]],
) -> None:
    standing: set[Cause] = set()
    for lines, away in history:
        faults = standing_faults(lines, away)
        change = arrange(standing, faults)
        roots = {fault.cause for fault in (*change.raised, *change.roots)}
        assert roots == {fault.cause for fault in faults}
        assert standing == {fault.cause for fault in change.roots} | change.children.keys() | set(
            change.healed
        )
        assert set(change.children.values()) <= roots
        standing = roots | change.children.keys()
