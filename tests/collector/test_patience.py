"""How long a line waits: learned, and never less than a meter has been seen to take."""

from msgspec import structs

from collector.link_time import MAX_WAIT_S, MIN_WAIT_S, SAMPLES, Patience
from simulator.wire_time import LineTiming
from tests.collector.site import run_site
from tests.collector.test_broadcast import site_645


def test_a_quick_meter_is_waited_for_shortly_and_a_slow_one_as_long_as_it_needs() -> None:
    patience = Patience(0.6)
    assert patience.wait_s("m1") == 0.6

    for _ in range(3):
        patience.answered("m1", 0.02)
        patience.answered("m2", 0.2)
        patience.answered("m3", 0.9)

    assert patience.wait_s("m1") == MIN_WAIT_S
    assert 0.55 < patience.wait_s("m2") < 0.65
    assert patience.wait_s("m3") == MAX_WAIT_S


def test_one_slow_answer_among_a_hundred_is_waited_for_the_next_time() -> None:
    patience = Patience(0.6)
    for n in range(SAMPLES):
        patience.answered("m1", 0.5 if n == 10 else 0.03)

    assert patience.wait_s("m1") >= 0.5


def test_meters_that_take_all_the_time_their_standard_gives_them_are_not_silent() -> None:
    async def main() -> None:
        site = site_645(6)
        site.line.timing = LineTiming(2400, "E", turnaround_s=0.5)
        site.plan_line = structs.replace(site.plan_line, poll_interval_s=30)
        site.backend.plan = structs.replace(site.backend.plan, lines=[site.plan_line])
        collector = await site.start()
        await site.after(300)
        health = collector.line_health()[0]
        assert (health.silent_meters, health.timeouts, health.strays) == ([], 0, 0)
        assert len(site.backend.readings) >= 55
        await site.stop()

    run_site(main)
