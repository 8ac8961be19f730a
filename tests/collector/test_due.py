"""What of a meter is due when: money often, electrical values seldom, the day's values once."""

import random
from collections import Counter
from itertools import pairwise

from collector.due import AGAIN_S, DAILY_AGAIN_S, DAILY_FROM_S, DAILY_SPREAD_S, Due
from collector.layout import Part
from collector.schedule import WATCH_S, Schedule

DAY_S = 86_400.0
MIDNIGHT_S = 50_000.0  # The first one of these stories, in monotonic seconds.
ALL = (Part.MONEY, Part.ELECTRICAL, Part.DAILY)


def schedule(*meters: str, money_s: float = 300.0, electrical_s: float = 900.0) -> Schedule:
    made = Schedule(money_s, random.Random(1))
    made.replan(dict.fromkeys(meters, ALL), money_s, 0.0, electrical_s)
    return made


def finish(made: Schedule, due: Due, now_s: float) -> None:
    days = max(0, int((now_s - MIDNIGHT_S) // DAY_S) + 1)
    made.answered(due.meter_id, now_s)
    made.was_read(due.meter_id, due.parts, now_s, MIDNIGHT_S + days * DAY_S)


def drive(made: Schedule, from_s: float, until_s: float) -> list[tuple[float, Due]]:
    """Read whatever is due, each read in a tenth of a second; returns when and what."""
    now_s, found = from_s, []
    while now_s < until_s:
        watched = made.take_watched(now_s)
        due = watched or made.take(now_s)
        if due is None:
            times = [t for t in (made.next_s(), made.next_watched_s()) if t is not None]
            now_s = max(min(times), now_s + 0.001)
            continue
        found.append((now_s, due))
        now_s += 0.1
        finish(made, due, now_s)
    return found


def times_of(found: list[tuple[float, Due]], part: Part, meter_id: str = "m1") -> list[float]:
    return [at for at, due in found if due.meter_id == meter_id and part in due.parts]


def test_electrical_values_ride_on_every_third_read() -> None:
    found = drive(schedule("m1"), 0, 3_600)

    assert len(found) == 13  # The first electrical values come half a round after the first read.
    rides = [Part.ELECTRICAL in due.parts for _, due in found]
    assert rides == [False, True, False, *[True, False, False] * 3, True]


def test_the_first_round_of_a_line_asks_for_what_money_rests_on_alone() -> None:
    meters = [f"m{i}" for i in range(20)]

    found = drive(schedule(*meters), 0, 20)

    assert [due.parts for _, due in found] == [(Part.MONEY,)] * 20


def test_a_read_that_electrical_values_bring_forward_leaves_no_longer_gap_behind_it() -> None:
    found = drive(schedule("m1", money_s=5.0), 0, 60)

    assert max(b - a for a, b in pairwise(times_of(found, Part.MONEY))) < 5.1


def test_electrical_values_out_of_step_cost_no_read_of_their_own() -> None:
    made = schedule("m1", electrical_s=700)

    found = drive(made, 0, 36_000)

    assert len(found) == 121  # One for the first electrical values.
    _, *others = times_of(found, Part.ELECTRICAL)  # A new meter's come after its first read.
    gaps = Counter(round(b - a) for a, b in pairwise(others))
    assert set(gaps) <= {600, 900}


def test_electrical_values_more_often_than_money_are_read_on_their_own() -> None:
    found = drive(schedule("m1", electrical_s=60), 0, 3_000)

    assert max(b - a for a, b in pairwise(times_of(found, Part.ELECTRICAL))) <= 90


def test_a_line_without_an_interval_reads_electrical_values_every_time() -> None:
    found = drive(schedule("m1", "m2", money_s=0), 0, 1_200)

    assert all(Part.ELECTRICAL in due.parts for _, due in found)
    assert sum(Part.DAILY in due.parts for _, due in found) == 2


def test_the_days_values_are_read_once_a_day_in_the_first_hours() -> None:
    meters = [f"m{i}" for i in range(40)]

    found = drive(schedule(*meters), 0, MIDNIGHT_S + 2.5 * DAY_S)

    starts = []
    for meter_id in meters:
        first, *others = times_of(found, Part.DAILY, meter_id)
        assert 60 < first < 1_200
        after = [(at - MIDNIGHT_S) % DAY_S for at in others]
        assert len(after) == 3
        assert all(DAILY_FROM_S <= at <= DAILY_FROM_S + DAILY_SPREAD_S + 300 for at in after)
        starts.append(after[0])
    assert max(starts) - min(starts) > DAILY_SPREAD_S / 2


def test_the_days_values_are_asked_for_again_until_they_are_there() -> None:
    made = schedule("m1")
    (asked_s,) = times_of(drive(made, 0, 1_200), Part.DAILY)
    made.again("m1", (Part.DAILY,), 1_200)  # It was not answered after all.

    assert times_of(drive(made, 1_200, 4_000), Part.DAILY)[0] >= 1_200 + DAILY_AGAIN_S
    assert asked_s < 1_200
    assert len(times_of(drive(made, 4_000, 20_000), Part.DAILY)) == 0


def test_after_an_outage_over_midnight_the_first_read_brings_the_days_values() -> None:
    made = schedule("m1")
    drive(made, 0, MIDNIGHT_S - 3_000)

    found = drive(made, MIDNIGHT_S + 60, MIDNIGHT_S + 9_000)

    assert times_of(found, Part.DAILY) == [MIDNIGHT_S + 60]
    assert found[0][1].midnights == 1


def test_an_outage_over_several_midnights_asks_for_each_of_them() -> None:
    made = schedule("m1")
    drive(made, 0, MIDNIGHT_S - 3_000)

    found = drive(made, MIDNIGHT_S + 3.2 * DAY_S, MIDNIGHT_S + 3.3 * DAY_S)

    assert found[0][1] == Due("m1", ALL, 4)
    assert len(times_of(found, Part.DAILY)) == 1


def test_a_short_gap_over_midnight_waits_for_the_meters_own_moment() -> None:
    made = schedule("m1")
    drive(made, 0, MIDNIGHT_S - 100)

    found = drive(made, MIDNIGHT_S + 60, MIDNIGHT_S + 9_000)

    assert times_of(found, Part.DAILY)[0] > MIDNIGHT_S + DAILY_FROM_S


def test_an_outage_within_a_day_asks_for_no_midnight() -> None:
    made = schedule("m1")
    drive(made, 0, 10_000)

    assert times_of(drive(made, 30_000, 40_000), Part.DAILY) == []


def test_a_watched_meter_takes_its_other_values_along() -> None:
    made = schedule("m1", "m2")
    drive(made, 0, 10)
    made.watch(["m1"], 10)

    found = drive(made, 10, 3_610)

    reads = times_of(found, Part.MONEY)
    assert max(b - a for a, b in pairwise(reads)) < WATCH_S + 0.2
    assert 3 <= len(times_of(found, Part.ELECTRICAL)) <= 6
    assert len(times_of(found, Part.MONEY, "m2")) == 12


def test_a_single_miss_is_tried_again_soon() -> None:
    made = schedule("m1", "m2")
    drive(made, 0, 10)
    due = made.take(300.0)
    assert due is not None

    made.missed(due.meter_id, 300.5, 0.5)
    made.again(due.meter_id, due.parts, 300.5)

    assert times_of(drive(made, 300.5, 320), Part.MONEY, due.meter_id) == [300.5 + AGAIN_S]
