"""Who is read next: deadlines, and the little that dead meters may cost."""

import itertools
import random

import pytest

from collector.due import Due
from collector.layout import Part
from collector.schedule import MAX_PROBE_S, PROBE_SHARE, Schedule

METERS = [f"m{i}" for i in range(70)]
READ_S, SILENT_S = 0.195, 0.52


def schedule(interval_s: float, meters: list[str] = METERS) -> Schedule:
    made = Schedule(interval_s, random.Random(1))
    made.replan(dict.fromkeys(meters, ()), interval_s, 0.0)
    return made


def drive(
    made: Schedule, dead: set[str], from_s: float, until_s: float, silent_s: float = SILENT_S
) -> tuple[float, dict[str, list[float]], float]:
    """Use the line as fast as possible; returns the time, the reads by meter and the time for dead ones."""
    now_s, wasted_s = from_s, 0.0
    reads: dict[str, list[float]] = {}
    while now_s < until_s:
        taken = made.take(now_s)
        if taken is None:
            following_s = made.next_s()
            assert following_s is not None and following_s > now_s
            now_s = following_s
            continue
        meter_id, is_probe = taken.meter_id, not taken.parts
        if meter_id in dead:
            now_s += silent_s
            wasted_s += silent_s
            made.missed(meter_id, now_s, silent_s)
        else:
            now_s += 0.05 if is_probe else READ_S
            made.answered(meter_id, now_s)
            if not is_probe:
                reads.setdefault(meter_id, []).append(now_s)
    return now_s, reads, wasted_s


def test_every_meter_is_read_once_before_any_is_read_twice() -> None:
    made = schedule(0)

    assert [made.take(i * 0.1) for i in range(140)] == [Due(m, (Part.MONEY,)) for m in METERS] * 2


def test_a_meter_is_due_once_per_interval() -> None:
    _, reads, _ = drive(schedule(60), set(), 0, 600)

    assert {len(times) for times in reads.values()} == {10}


def test_dead_meters_cost_little_line_time() -> None:
    made = schedule(0)
    dead = set(METERS[::10])
    now_s, _, _ = drive(made, dead, 0, 60)

    end_s, reads, wasted_s = drive(made, dead, now_s, 660)

    assert wasted_s / (end_s - now_s) < PROBE_SHARE + 0.01
    gaps = [b - a for times in reads.values() for a, b in itertools.pairwise(times)]
    assert max(gaps) < 70 * READ_S * 1.15
    assert made.silent() == [m for m in METERS if m in dead]


@pytest.mark.parametrize("silent_s", [0.25, 0.52, 1.05])  # Transparent, with a gateway's limit, DL/T 645.
@pytest.mark.parametrize("count", [3, 7, 30])
def test_probes_take_a_twentieth_of_the_line_at_most(silent_s: float, count: int) -> None:
    made = schedule(0)
    dead = set(METERS[:count])
    now_s, _, _ = drive(made, dead, 0, 120, silent_s)

    end_s, _, wasted_s = drive(made, dead, now_s, 3_720, silent_s)

    assert wasted_s / (end_s - now_s) <= PROBE_SHARE


def test_a_suspect_meter_is_asked_shortly_and_a_dead_one_less_and_less_often() -> None:
    made = schedule(60, ["m1", "m2", "m3", "m4", "m5"])
    asked: list[tuple[float, bool]] = []
    now_s = 0.0
    while now_s < 1_500:
        due = made.take(now_s)
        if due is None:
            now_s = max(made.next_s() or 0.0, now_s + 0.001)
        elif due.meter_id == "m3":
            asked.append((now_s, not due.parts))
            now_s += SILENT_S
            made.missed("m3", now_s, SILENT_S)
            made.again("m3", due.parts, now_s)
        else:
            now_s += READ_S
            made.answered(due.meter_id, now_s)

    assert [probe for _, probe in asked[:4]] == [False, False, True, True]
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(asked)]
    assert gaps[0] < 6  # A single miss is no reason to wait for a whole interval.
    assert max(gaps[1:4]) < 15
    assert gaps[8] > gaps[7] > gaps[6] >= gaps[4]
    assert gaps[-1] == pytest.approx(MAX_PROBE_S, rel=0.15)


def test_dead_meters_that_come_back_together_are_found_together() -> None:
    made = schedule(60)
    back = set(METERS[:30])
    now_s, _, _ = drive(made, back, 0, 3_600)

    _, reads, _ = drive(made, set(), now_s, now_s + 60)

    assert back <= set(reads)


def test_a_meter_that_comes_back_is_read_at_once() -> None:
    made = schedule(60)
    now_s, _, _ = drive(made, {"m5"}, 0, 900)

    _, reads, _ = drive(made, set(), now_s, now_s + 140)

    assert reads["m5"]
    assert made.silent() == []


def test_a_whole_silent_line_is_no_fault_of_the_meters() -> None:
    made = schedule(0)
    now_s, _, _ = drive(made, set(METERS), 0, 120)
    assert made.fault

    _, reads, _ = drive(made, set(), now_s, now_s + 70 * READ_S + 1)

    assert set(reads) == set(METERS)
    assert not made.fault


def test_a_new_plan_keeps_deadlines_and_takes_new_meters_at_once() -> None:
    made = schedule(60, ["m1", "m2"])
    drive(made, set(), 0, 10)

    made.replan({"m2": (), "m3": ()}, 60, 10)

    assert made.take(10) == Due("m3", (Part.MONEY,))
    assert made.take(10) is None


def test_a_deadline_can_be_brought_forward() -> None:
    made = schedule(60, ["m1", "m2"])
    drive(made, set(), 0, 10)

    made.read_by("m2", 12)

    assert made.take(11) is None
    assert made.take(12) == Due("m2", (Part.MONEY,))
