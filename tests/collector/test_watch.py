"""Meters near a limit are read every few seconds, and the others are not forgotten for them."""

import statistics
from itertools import pairwise

from collector.schedule import WATCH_S
from common.wire import Stage
from tests.collector.site import Site, restore, run_site, trip
from tests.collector.test_broadcast import site_645


def reads(site: Site, meter_id: str, after_s: float) -> list[float]:
    """Return the gaps between the readings of a meter that were made since an instant."""
    since = site.clock.now().timestamp() - after_s
    times = [r.read_at.timestamp() for r in site.backend.readings if r.meter_id == meter_id]
    return [later - earlier for earlier, later in pairwise(sorted(t for t in times if t >= since))]


def test_a_watched_meter_is_read_every_few_seconds_until_it_is_not_watched() -> None:
    async def main() -> None:
        site = Site(5, poll_interval_s=60)
        collector = await site.start()
        await site.after(5)
        site.backend.watch_only("m2", "m4")
        await site.after(60)
        assert collector.query().watching == ["m2", "m4"]
        for meter_id in ("m2", "m4"):
            gaps = reads(site, meter_id, 50)
            assert len(gaps) >= 10
            assert max(gaps) < WATCH_S + 1
        assert len(reads(site, "m1", 50)) <= 1
        site.backend.watch_only()
        await site.after(5)
        before = len(site.backend.readings)
        await site.after(30)
        assert len([r for r in site.backend.readings[before:] if r.meter_id == "m2"]) <= 1
        await site.stop()

    run_site(main)


def test_too_many_watched_meters_leave_the_others_their_share() -> None:
    async def main() -> None:
        site = Site(60, poll_interval_s=0, status=False)
        await site.start()
        await site.after(60)  # The day's own values have been read.
        site.backend.watch_only(*[f"m{i}" for i in range(1, 41)])
        before = len(site.exchanges)
        await site.after(60)
        routine = [e for e in site.exchanges[before:] if e.unit > 40]
        assert len(routine) > 0.2 * len(site.exchanges[before:])
        await site.stop()

    run_site(main)


def test_a_dead_watched_meter_costs_no_more_than_a_dead_one() -> None:
    async def main() -> None:
        site = Site(5, poll_interval_s=10)
        await site.start()
        site.backend.watch_only("m3")
        await site.after(10)
        site.switch("m3", "dead", True)
        await site.after(60)
        before = len(site.exchanges)
        await site.after(60)
        assert len([e for e in site.exchanges[before:] if e.unit == 3]) <= 4
        site.switch("m3", "dead", False)
        await site.after(150)
        assert max(reads(site, "m3", 20)) < WATCH_S + 1
        await site.stop()

    run_site(main)


def test_an_order_does_not_wait_for_watched_meters() -> None:
    async def main() -> None:
        site = Site(20, poll_interval_s=0)
        await site.start()
        site.backend.watch_only(*site.meters)
        await site.after(30)
        before = len(site.exchanges)
        site.backend.want(restore("m7", 1))
        await site.after(2)
        writes = [i for i, e in enumerate(site.exchanges[before:]) if e.request[0] == 0x10]
        assert writes[0] <= 2
        await site.stop()

    run_site(main)


def test_a_slow_line_full_of_watched_meters_reads_the_others_and_proves_restores() -> None:
    """At 2400 baud a request takes 0.25 s: eight watched meters want more than there is."""

    async def main() -> None:
        site = site_645(70)
        await site.start()
        await site.after(1_500)
        watched = [f"m{i}" for i in range(1, 9)]
        site.backend.watch_only(*watched)
        await site.after(100)
        before = len(site.backend.readings)
        await site.after(600)  # Two rounds: every third read of a meter brings its electrical values.
        assert {r.meter_id for r in site.backend.readings[before:]} == set(site.meters)
        assert max(max(reads(site, meter_id, 300)) for meter_id in watched) < 13

        took_s = []
        for meter_id in [f"m{i}" for i in range(20, 40)]:
            site.backend.want(trip(meter_id))
            await site.after(7.3)
            since_s, requests = site.clock.monotonic(), len(site.exchanges)
            site.backend.want(restore(meter_id))
            await site.after(8.1)
            verified_s = site.backend.told_s(meter_id, Stage.VERIFIED, 2)
            took_s.append(verified_s - since_s)
            # What was on the wire, the order, and a read-back or two: nothing else.
            assert len([e for e in site.exchanges[requests:] if e.ended_s <= verified_s]) <= 4
        assert statistics.median(took_s) < 0.9
        assert max(took_s) < 1.2
        await site.stop()

    run_site(main)
