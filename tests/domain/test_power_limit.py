"""The power limit as a table of cases (功率限值): what was read when, and what follows."""

import pytest

from backend.domain.power_limit import (
    Act,
    NightWatch,
    PowerState,
    PowerWatch,
    Sample,
    follow,
    follow_night,
    lifted,
)
from backend.domain.windows import windows_from
from common.units import Watt

from .power_samples import LIMIT, RULES, acts, instant, over, run
from .samples import at

BACK, AGAIN = "30 tell,60 trip,160 calm,160 restore", "30 tell,110 tell,140 trip"
# Name, story, what is done when ("second act"), where it ends.
CASES = [
    ("always under", "0:100 10:2000 20:3000", "", "under"),
    ("exactly at the limit is not over", "0:3000 10:3000 20:3000 60:3000", "", "under"),
    ("one sample over proves nothing", "0:9000", "", "counting"),
    ("one sample over, however long ago, proves nothing", "0:9000 10 19", "", "counting"),
    ("over, not yet for long", over(0, 20), "", "counting"),
    ("over for 30 s is told", over(0, 30), "30 tell", "told"),
    ("told, and the grace runs", over(0, 50), "30 tell", "told"),
    ("over for 60 s is tripped, 30 s after it was told", over(0, 60), "30 tell,60 trip", "tripped"),
    ("under in between begins anew", "0:3001 10:3001 20:2999 30:3001 40:3001 50:3001", "20 calm", "counting"),
    ("under after it was told ends it", f"{over(0, 40)} 50:100", "30 tell,50 calm", "under"),
    ("a gap of 20 s is none", over(0, 40, 20), "40 tell", "told"),
    ("a longer gap proves nothing", "0:3001 21:3001 42:3001 63:3001 84:3001", "", "counting"),
    ("silent: unknown", f"{over(0, 40)} 60 61", "30 tell", "unknown"),
    ("silent through the grace is not tripped", f"{over(0, 50)} 71 90 200", "30 tell", "unknown"),
    ("after silence it is counted anew", f"{over(0, 50)} 71 {over(80, 100)}", "30 tell", "counting"),
    ("and told anew before any trip", f"{over(0, 50)} 71 {over(80, 140)}", AGAIN, "tripped"),
    ("after silence it is under", f"{over(0, 50)} 71 80:5", "30 tell,80 calm", "under"),
    ("off for 100 s is restored by rule", f"{over(0, 60)} 159 160", BACK, "under"),
    ("older samples count no more", f"{over(0, 60)} 160 160:9000", BACK, "under"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("story", "done", "end"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_case(story: str, done: str, end: str) -> None:
    steps = run(story)

    assert ",".join(f"{second} {act}" for second, act in acts(steps)) == done
    assert steps[-1][1].watch.state is PowerState(end)


def test_two_restores_by_rule_and_then_a_person() -> None:
    steps = run(f"{over(0, 60)} 160 {over(170, 230)} 330 {over(340, 400)} 500 9000 80000")

    done = [act for _, act in acts(steps)]
    assert done.count("restore") == 2
    assert acts(steps)[-2:] == [(400, "trip"), (400, "ask_person")]
    assert steps[-1][1].watch.state is PowerState.HELD
    assert steps[-1][1].check_at is None


def test_a_person_gives_all_restores_back() -> None:
    held = run(f"{over(0, 60)} 160 {over(170, 230)} 330 {over(340, 400)}")[-1][1].watch

    steps = run(f"{over(420, 480)} 580", lifted(held, instant(410)))

    assert [act for _, act in acts(steps)] == ["tell", "trip", "calm", "restore"]
    assert steps[-1][1].watch.retries == 1


def test_a_quiet_day_gives_all_restores_back() -> None:
    once = run(f"{over(0, 60)} 160")[-1][1].watch
    assert once.retries == 1

    assert run(f"{86_400 + 159}:100", once)[-1][1].watch.retries == 1
    assert run(f"{86_400 + 160}:100", once)[-1][1].watch.retries == 0


def test_readings_that_come_late_do_not_trip_before_the_grace_is_over() -> None:
    """A spool is emptied: two minutes over come at once, and people are told only now."""
    watch = PowerWatch()
    late = [Sample(instant(second), Watt(4_000)) for second in range(0, 121, 10)]

    told = follow(watch, late, LIMIT, RULES, instant(121))
    early = follow(told.watch, [Sample(instant(125), Watt(4_000))], LIMIT, RULES, instant(125))
    due = follow(told.watch, [Sample(instant(140), Watt(4_000))], LIMIT, RULES, instant(151))

    assert (told.acts, early.acts, due.acts) == ((Act.TELL,), (), (Act.TRIP,))
    assert early.check_at is not None


def test_old_samples_alone_prove_nothing_now() -> None:

    late = [Sample(instant(second), Watt(4_000)) for second in range(0, 121, 10)]
    step = follow(PowerWatch(), late, LIMIT, RULES, instant(600))

    assert (step.acts, step.watch.state) == ((), PowerState.UNKNOWN)


def test_a_limit_that_was_taken_away_ends_the_count_and_not_the_trip() -> None:
    told = run(over(0, 40))[-1][1].watch
    tripped = run(over(0, 60))[-1][1].watch

    assert run("41", told, limit_w=None)[-1][1].acts == (Act.CALM,)
    assert acts(run("70 160", tripped, limit_w=None)) == [(160, "calm"), (160, "restore")]


NIGHT_LIMIT = Watt(500)
NIGHT = windows_from(["22:00-07:00"], False, [])


def night(*samples: tuple[str, int], limit_w: Watt | None = NIGHT_LIMIT) -> list[Act | None]:
    watch, found = NightWatch(), []
    for text, power in samples:
        watch, act = follow_night(watch, [Sample(at(text), Watt(power))], limit_w, NIGHT, RULES)
        found.append(act)
    return found


def test_the_night_limit_tells_and_never_does_more() -> None:
    found = night(
        ("2026-03-02 21:59:50", 3_000),
        ("2026-03-02 22:00:00", 3_000),
        ("2026-03-02 22:00:15", 3_000),
        ("2026-03-02 22:00:30", 3_000),
        ("2026-03-02 22:00:45", 3_000),
        ("2026-03-02 22:01:00", 400),
    )

    assert found == [None, None, None, Act.TELL, None, Act.CALM]


def test_the_morning_ends_a_night_alarm() -> None:
    samples = [("2026-03-03 06:59:20", 900), ("2026-03-03 06:59:35", 900), ("2026-03-03 06:59:50", 900)]

    assert night(*samples, ("2026-03-03 07:00:05", 900))[-2:] == [Act.TELL, Act.CALM]


def test_without_a_night_limit_nothing_is_told() -> None:
    assert night(("2026-03-03 03:00", 90_000), ("2026-03-03 03:00:20", 90_000), limit_w=None) == [None, None]
