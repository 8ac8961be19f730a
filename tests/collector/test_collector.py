"""The whole collector on virtual time, against a backend that remembers and a mall that has faults."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from collector.spool import Spool
from common.wire import OrderClass, Plan, Reading, ReadingKind, ReadRequest, Relay, Stage
from tests.collector.site import START, Site, restore, run_site, trip

S = Stage


def test_readings_arrive_in_numbered_batches_with_what_the_meters_show() -> None:
    async def main() -> None:
        site = Site(5, poll_interval_s=10)
        await site.start()
        await site.after(60)
        backend = site.backend
        assert [b.number for b in backend.reading_batches] == list(range(1, len(backend.reading_batches) + 1))
        assert len({b.epoch for b in backend.reading_batches}) == 1
        assert {r.meter_id for r in backend.readings} == set(site.meters)
        keys = [(r.meter_id, r.read_at, r.kind) for r in backend.readings]
        assert len(set(keys)) == len(keys)
        last = backend.readings[-1]
        truth, _ = site.meters[last.meter_id].register_wh(site.us())
        assert 0 <= truth - last.register_wh < 100
        assert backend.tokens == {"Bearer " + "t" * 32}
        assert backend.health[-1].lines[0].connected
        assert backend.health[-1].clock_offset_s == pytest.approx(0, abs=0.01)
        await site.stop()

    run_site(main)


def test_nothing_is_lost_while_the_backend_is_away_and_it_comes_in_order() -> None:
    async def main() -> None:
        site = Site(5, poll_interval_s=5)
        await site.start()
        await site.after(20)
        backend = site.backend
        backend.down = True
        await site.after(1_800)
        before = len(backend.readings)
        backend.down = False
        await site.after(30)
        assert len(backend.readings) - before > 5 * 350
        for meter_id in site.meters:
            times = [reading.read_at for reading in backend.readings if reading.meter_id == meter_id]
            assert times == sorted(set(times))
        assert backend.health[-1].spool_backlog < 10
        await site.stop()

    run_site(main)


def test_while_older_readings_wait_the_newest_of_each_meter_goes_ahead_to_be_shown() -> None:
    async def main() -> None:
        site = Site(5, poll_interval_s=5)
        await site.start()
        await site.after(20)
        backend = site.backend
        backend.down = True
        await site.after(1_800)
        backend.down = False
        batches = len(backend.reading_batches)
        await site.after(8)
        peeks = backend.peeks[0]
        assert {reading.kind for reading in peeks.readings} == {ReadingKind.PEEK}
        assert {reading.meter_id for reading in peeks.readings} == set(site.meters)
        assert all((peeks.sent_at - reading.read_at).total_seconds() < 12 for reading in peeks.readings)
        # What is being charged meanwhile is half an hour old, and every peek's own reading follows.
        first = backend.reading_batches[batches + 1]
        assert (first.sent_at - first.readings[0].read_at).total_seconds() > 1_700
        await site.after(30)
        charged = {(r.meter_id, r.read_at) for r in backend.readings if r.kind is not ReadingKind.PEEK}
        assert {(r.meter_id, r.read_at) for batch in backend.peeks for r in batch.readings} <= charged
        count = len(backend.peeks)
        await site.after(30)
        assert len(backend.peeks) == count
        await site.stop()

    run_site(main)


def test_a_read_request_is_answered_at_once_while_older_readings_wait(tmp_path: Path) -> None:
    async def main() -> None:
        spool = Spool(str(tmp_path / "spool.db"))
        old = Reading(meter_id="1", read_at=START, kind=ReadingKind.POLL, register_wh=1)
        spool._db.execute("BEGIN")
        for _ in range(20_000):
            spool.readings.add(msgspec.json.encode(old), START)
        spool._db.execute("COMMIT")
        spool.close()
        site = Site(5, spool=str(tmp_path / "spool.db"))
        await site.start()
        await site.after(5)
        meter_id = next(iter(site.meters))
        asked_s = site.backend.clock.monotonic()
        site.backend.ask(ReadRequest(request_id="r1", meter_id=meter_id, within_s=60))
        while not any(r.request_id == "r1" for batch in site.backend.peeks for r in batch.readings):
            await site.after(0.05)
        assert site.backend.clock.monotonic() - asked_s < 1.0
        batches = len(site.backend.reading_batches)
        await site.after(10)
        assert 8 <= len(site.backend.reading_batches) - batches <= 12  # The backlog keeps its pace.
        await site.stop()

    run_site(main)


def test_a_batch_whose_answer_was_lost_is_sent_again_unchanged() -> None:
    async def main() -> None:
        site = Site(3)
        site.backend.lose_answers = 2
        await site.start()
        await site.after(20)
        first, second, third, fourth = site.backend.reading_batches[:4]
        assert (first.number, first.readings) == (second.number, second.readings)
        assert (first.number, first.readings) == (third.number, third.readings)
        assert fourth.number == first.number + 1
        await site.stop()

    run_site(main)


def test_one_unreadable_reading_does_not_hold_the_others() -> None:
    async def main() -> None:
        site = Site(5)
        site.backend.unreadable_meter = "m3"
        await site.start()
        await site.after(60)
        assert {r.meter_id for r in site.backend.readings} == {"m1", "m2", "m4", "m5"}
        await site.stop()

    run_site(main)


def test_a_requested_read_is_answered_at_once_with_its_number() -> None:
    async def main() -> None:
        site = Site(20, poll_interval_s=300)
        await site.start()
        await site.after(20)
        asked_at = site.clock.now()
        site.backend.ask(ReadRequest(request_id="r1", meter_id="m7", within_s=10))
        await site.after(0.5)
        found = [r for r in site.backend.readings if r.request_id == "r1"]
        assert [(r.meter_id, r.kind) for r in found] == [("m7", ReadingKind.REQUEST)]
        assert found[0].read_at > asked_at
        await site.after(60)
        assert len([r for r in site.backend.readings if r.request_id == "r1"]) == 1
        await site.stop()

    run_site(main)


def test_a_requested_read_of_a_silent_meter_is_tried_until_it_expires() -> None:
    async def main() -> None:
        site = Site(3, poll_interval_s=300)
        site.switch("m2", "dead", True)
        await site.start()
        await site.after(60)
        site.backend.ask(ReadRequest(request_id="r1", meter_id="m2", within_s=5))
        site.backend.ask(ReadRequest(request_id="r2", meter_id="m2", within_s=60))
        await site.after(20)
        site.switch("m2", "dead", False)
        await site.after(20)
        assert [r.request_id for r in site.backend.readings if r.kind is ReadingKind.REQUEST] == ["r2"]
        await site.stop()

    run_site(main)


def test_a_new_plan_is_taken_while_running() -> None:
    async def main() -> None:
        site = Site(3)
        await site.start()
        await site.after(10)
        line = structs.replace(site.plan_line, meters=site.plan_line.meters[:2])
        other = structs.replace(site.plan_line, line_id="L2", protocol="carrier-pigeon")
        site.backend.plan = Plan(version="v2", site_id="S1", lines=[line, other])
        await site.after(70)
        mark = site.clock.now()
        await site.after(30)
        assert {r.meter_id for r in site.backend.readings if r.read_at > mark} == {"m1", "m2"}
        assert site.dials == 1
        assert 304 in site.backend.plan_answers
        await site.stop()

    run_site(main)


def test_a_collector_starts_without_the_backend_and_reads(tmp_path: Path) -> None:
    async def main() -> None:
        site = Site(3, spool=str(tmp_path / "spool.db"))
        await site.start()
        await site.after(10)
        await site.stop()
        site.backend.down = True
        await site.start()
        mark = site.clock.now()
        await site.after(60)
        site.backend.down = False
        await site.after(10)
        offline = [r for r in site.backend.readings if (r.read_at - mark).total_seconds() < 50]
        assert len({r.read_at for r in offline if r.read_at > mark}) >= 15
        await site.stop()

    run_site(main)


def test_what_is_right_already_is_read_and_not_written_again_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        site = Site(3, spool=str(tmp_path / "spool.db"))
        await site.start()
        await site.after(5)
        site.backend.want(trip("m1"), restore("m2", 1))
        await site.after(5)
        await site.stop()
        (tmp_path / "spool.db").unlink()  # Even with an empty spool.
        written = len(site.writes("m1")) + len(site.writes("m2"))
        site.backend.outcomes.clear()
        await site.start()
        await site.after(10)
        assert site.backend.queries[-1].held == {"m1": 1, "m2": 1}
        assert site.backend.stages("m1") == [S.VERIFIED]
        assert site.backend.stages("m2") == [S.VERIFIED]
        assert len(site.writes("m1")) + len(site.writes("m2")) == written
        await site.stop()

    run_site(main)


def test_a_full_disk_does_not_keep_a_paid_shop_dark() -> None:
    async def main() -> None:
        site = Site(3)
        collector = await site.start()
        await site.after(5)
        site.backend.want(trip("m1"))
        await site.after(5)
        collector._spool._db.execute("PRAGMA query_only = ON")
        site.backend.want(restore("m1"))
        await site.after(5)
        assert site.closed("m1")
        collector._spool._db.execute("PRAGMA query_only = OFF")
        mark = site.clock.now()
        await site.after(30)
        assert site.backend.readings[-1].read_at > mark
        await site.stop()

    run_site(main)


def test_a_trip_known_only_from_disk_waits_for_the_backend(tmp_path: Path) -> None:
    async def main() -> None:
        site = Site(3, spool=str(tmp_path / "spool.db"))
        await site.start()
        await site.after(5)
        site.switch("m1", "dead", True)
        site.backend.want(trip("m1", within_s=600))
        await site.after(3)
        await site.stop()
        site.backend.down = True
        site.switch("m1", "dead", False)
        before = len(site.writes("m1"))
        await site.start()
        await site.after(120)
        assert len(site.writes("m1")) == before
        assert site.closed("m1")

        site.backend.down = False
        await site.after(15)
        assert not site.closed("m1")
        assert site.backend.stages("m1")[-1] is S.VERIFIED
        await site.stop()

    run_site(main)


def test_a_young_restore_goes_on_from_disk_without_the_backend(tmp_path: Path) -> None:
    async def main() -> None:
        site = Site(3, spool=str(tmp_path / "spool.db"))
        await site.start()
        await site.after(5)
        site.backend.want(trip("m1"))
        await site.after(3)
        site.switch("m1", "dead", True)
        site.backend.want(restore("m1"))
        await site.after(3)
        await site.stop()
        site.backend.down = True
        site.switch("m1", "dead", False)
        await site.start()
        await site.after(10)
        assert site.closed("m1")
        site.backend.down = False
        await site.after(10)
        assert site.backend.stages("m1", 2)[-1] is S.VERIFIED
        await site.stop()

    run_site(main)


def test_no_trip_is_written_when_the_backend_has_not_been_heard_for_a_minute() -> None:
    async def main() -> None:
        site = Site(3)
        await site.start()
        await site.after(5)
        site.switch("m1", "stuck", True)
        site.backend.want(trip("m1"))
        await site.after(5)
        site.backend.down = True
        await site.after(90)
        written = len(site.writes("m1"))
        await site.after(300)
        assert len(site.writes("m1")) == written
        site.backend.down = False
        await site.after(30)
        assert len(site.writes("m1")) > written
        await site.stop()

    run_site(main)


@pytest.mark.parametrize(
    ("order_class", "within_s", "written"),
    [(OrderClass.TRIP, None, False), (OrderClass.TRIP, 30.0, True), (OrderClass.SAFETY, None, True)],
)
def test_a_wrong_clock_is_told_and_holds_trips_without_a_relative_limit(
    order_class: OrderClass, within_s: float | None, written: bool
) -> None:
    async def main() -> None:
        site = Site(3)
        site.backend.offset_s = -8.0
        await site.start()
        await site.after(20)
        site.backend.want(trip("m1", within_s=within_s, order_class=order_class), restore("m2", 1))
        await site.after(10)
        assert site.backend.queries[-1].clock_offset_s == pytest.approx(8.0, abs=0.1)
        assert bool(site.writes("m1")) is written
        assert site.backend.stages("m2")[-1] is S.VERIFIED
        await site.stop()

    run_site(main)


def test_a_gateway_that_comes_back_is_used_within_six_seconds() -> None:
    async def main() -> None:
        site = Site(5, poll_interval_s=5)
        await site.start()
        await site.after(10)
        await site.gateway.switch("gone", True)
        await site.after(600)
        health = site.backend.health[-1].lines[0]
        assert not health.connected
        assert health.silent_meters == list(site.meters)
        await site.gateway.switch("gone", False)
        back_at = site.clock.now()
        await site.after(12)
        first = min(r.read_at for r in site.backend.readings if r.read_at > back_at)
        assert (first - back_at).total_seconds() < 6
        await site.stop()

    run_site(main)


def test_a_half_open_connection_is_found_within_five_seconds() -> None:
    async def main() -> None:
        site = Site(20, poll_interval_s=5)
        await site.start()
        await site.after(20)
        dials = site.dials
        await site.gateway.switch("silent", True)
        await site.after(5)
        assert site.dials > dials
        await site.stop()

    run_site(main)


def test_the_same_story_gives_the_same_readings_and_outcomes() -> None:
    async def story() -> str:
        site = Site(6, poll_interval_s=60)
        await site.start()
        await site.after(30)
        for step in range(2):
            site.backend.want(trip("m1", 2 * step + 1))
            site.switch("m4", "dead", step % 2 == 0)
            await site.after(900)
            site.backend.want(restore("m1", 2 * step + 2))
            await site.after(900)
        outcomes = [outcome for _, outcome in site.backend.outcomes]
        seen = msgspec.json.encode([site.backend.readings, outcomes])
        assert site.backend.readings[-1].relay is Relay.ON
        await site.stop()
        return hashlib.sha256(seen).hexdigest()

    assert run_site(story) == run_site(story)
