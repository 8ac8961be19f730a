"""Relay orders on a simulated line, on virtual time: how far they come, how fast, and in what order."""

import pytest

from common.wire import OrderClass, ReadingKind, ReadRequest, Relay, Stage
from simulator.meter import DTSY1352
from tests.collector.site import Site, restore, run_site, trip

S = Stage
WORKED = [S.SENT, S.ACKNOWLEDGED, S.VERIFIED]


@pytest.mark.parametrize("profile", ["acrel-ddsy1352", DTSY1352])
def test_a_trip_and_a_restore_are_verified_by_the_contact(profile: str) -> None:
    async def main() -> None:
        site = Site(3, profile=profile)
        await site.start()
        await site.after(5)
        site.backend.want(trip("m2"))
        await site.after(2)
        assert site.backend.stages("m2") == WORKED
        assert not site.closed("m2")

        site.backend.want(restore("m2"))
        await site.after(2)
        assert site.backend.stages("m2", 2) == WORKED
        assert site.closed("m2")
        assert len(site.writes("m2")) == 2
        await site.stop()

    run_site(main)


def test_a_restore_is_verified_and_told_within_half_a_second_of_the_answer() -> None:
    async def main() -> None:
        site = Site(20, poll_interval_s=0)
        await site.start()
        await site.after(10)
        for generation in range(1, 21):
            meter_id = f"m{generation}"
            site.backend.want(trip(meter_id))
            await site.after(2.03)
            wanted_s = site.clock.monotonic()
            site.backend.want(restore(meter_id))
            await site.after(2.01)
            # The transaction on the wire is the longest wait: 48 registers are 151 ms.
            assert site.writes(meter_id)[1].started_s - wanted_s < 0.155
            assert site.backend.told_s(meter_id, S.ACKNOWLEDGED, 2) - wanted_s < 0.22
            relay_s = site.meters[meter_id].relay.travel_us / 1e6
            assert site.backend.told_s(meter_id, S.VERIFIED, 2) - wanted_s < 0.30 + relay_s
        await site.stop()

    run_site(main)


def test_an_order_is_followed_by_a_full_reading() -> None:
    async def main() -> None:
        site = Site(3, poll_interval_s=300)
        await site.start()
        await site.after(5)
        site.backend.want(trip("m2"))
        await site.after(3)
        verify = [r for r in site.backend.readings if r.kind is ReadingKind.VERIFY]
        assert [(r.meter_id, r.relay, r.power_w) for r in verify] == [("m2", Relay.OFF, 0)]
        await site.after(70)
        again = [r for r in site.backend.readings if r.meter_id == "m2" and r.kind is ReadingKind.POLL]
        assert len(again) == 3
        await site.stop()

    run_site(main)


def test_orders_go_before_requests_and_those_before_polls() -> None:
    async def main() -> None:
        site = Site(6, poll_interval_s=0)
        await site.start()
        await site.after(5)
        now = ReadRequest(request_id="r1", meter_id="m6", within_s=30)
        site.backend.ask(now)
        site.backend.want(
            trip("m1"), restore("m2", 1), trip("m3", order_class=OrderClass.SAFETY), restore("m4", 1)
        )
        before = len(site.exchanges)
        await site.after(3)
        orders = [e.unit for e in site.exchanges[before:] if e.request[0] == 0x10]
        assert orders == [3, 2, 4, 1]
        first_write = next(i for i, e in enumerate(site.exchanges[before:]) if e.request[0] == 0x10)
        assert first_write <= 2  # What was on the wire or came in before the answer, no more.
        assert [r.meter_id for r in site.backend.readings if r.kind is ReadingKind.REQUEST] == ["m6"]
        await site.stop()

    run_site(main)


def test_polls_keep_a_share_while_orders_flood_in() -> None:
    async def main() -> None:
        site = Site(40, poll_interval_s=0, status=False)
        await site.start()
        await site.after(10)
        for meter_id in site.meters:
            site.backend.ask(ReadRequest(request_id=f"r-{meter_id}", meter_id=meter_id, within_s=60))
        site.backend.want(*[trip(meter_id) for meter_id in site.meters])
        before = len(site.backend.readings)
        await site.after(15)
        polls = [r for r in site.backend.readings[before:] if r.kind is ReadingKind.POLL]
        assert len(polls) > 12
        await site.stop()

    run_site(main)


def test_without_contact_bits_a_restore_is_commanded_until_load_is_seen() -> None:
    async def main() -> None:
        site = Site(2, status=False)
        await site.start()
        await site.after(5)
        site.switch("m1", "breaker_open", True)
        site.backend.want(restore("m1", 1))
        await site.after(60)
        assert site.backend.stages("m1") == [S.SENT, S.ACKNOWLEDGED, S.COMMANDED]

        site.switch("m1", "breaker_open", False)
        await site.after(15)
        assert site.backend.stages("m1")[-1] is S.VERIFIED
        await site.stop()

    run_site(main)


def test_without_contact_bits_a_trip_is_verified_by_the_current_that_has_gone() -> None:
    async def main() -> None:
        site = Site(2, status=False)
        await site.start()
        await site.after(15)
        site.backend.want(trip("m1"))
        await site.after(4)
        assert site.backend.stages("m1") == [S.SENT, S.ACKNOWLEDGED, S.COMMANDED, S.VERIFIED]
        await site.stop()

    run_site(main)


def test_without_contact_bits_and_without_load_a_trip_stays_commanded() -> None:
    async def main() -> None:
        site = Site(2, status=False)
        site.switch("m1", "breaker_open", True)
        await site.start()
        await site.after(15)
        site.backend.want(trip("m1"))
        await site.after(90)
        assert site.backend.stages("m1") == [S.SENT, S.ACKNOWLEDGED, S.COMMANDED]
        await site.stop()

    run_site(main)


@pytest.mark.parametrize("status", [True, False])
def test_a_welded_relay_is_contradicted_and_never_verified(status: bool) -> None:
    async def main() -> None:
        site = Site(2, status=status)
        site.switch("m1", "welded", True)
        await site.start()
        await site.after(15)
        site.backend.want(trip("m1"))
        await site.after(120)
        stages = site.backend.stages("m1")
        assert stages[-1] is S.CONTRADICTED
        assert S.VERIFIED not in stages
        await site.stop()

    run_site(main)


def test_a_stuck_relay_is_ordered_again_until_it_moves() -> None:
    async def main() -> None:
        site = Site(2)
        await site.start()
        await site.after(5)
        site.backend.want(trip("m1"))
        await site.after(3)
        site.switch("m1", "stuck", True)
        site.backend.want(restore("m1"))
        await site.after(60)
        assert site.backend.stages("m1", 2) == [S.SENT, S.ACKNOWLEDGED]
        assert len(site.writes("m1")) > 5

        site.switch("m1", "stuck", False)
        await site.after(10)
        assert site.backend.stages("m1", 2) == WORKED
        await site.stop()

    run_site(main)


def test_an_order_to_a_dead_meter_goes_out_at_once() -> None:
    async def main() -> None:
        site = Site(10)
        site.switch("m1", "dead", True)
        await site.start()
        await site.after(300)
        wanted_s = site.clock.monotonic()
        site.backend.want(restore("m1", 1))
        await site.after(1)
        assert site.writes("m1")[0].started_s - wanted_s < 0.6
        await site.stop()

    run_site(main)


def test_a_restore_is_never_given_up() -> None:
    async def main() -> None:
        site = Site(3)
        await site.start()
        await site.after(5)
        site.backend.want(trip("m1"))
        await site.after(3)
        site.switch("m1", "dead", True)
        site.backend.want(restore("m1"))
        await site.after(1_800)
        assert site.backend.stages("m1", 2) == [S.SENT, S.UNREACHABLE]

        site.switch("m1", "dead", False)
        await site.after(6.5)
        assert site.backend.stages("m1", 2)[-1] is S.VERIFIED
        assert site.closed("m1")
        await site.stop()

    run_site(main)


def test_a_lost_write_is_read_before_it_is_repeated() -> None:
    async def main() -> None:
        site = Site(3)
        await site.start()
        await site.after(5)
        await site.gateway.switch("silent", True)
        site.backend.want(trip("m1"))
        await site.after(0.3)
        await site.gateway.switch("silent", False)
        before = len(site.exchanges)
        await site.after(8)
        first = next(e for e in site.exchanges[before:] if e.unit == 1)
        assert first.request[0] == 0x03
        assert site.backend.stages("m1")[-1] is S.VERIFIED
        await site.stop()

    run_site(main)


@pytest.mark.parametrize("outage", ["gone", "dead"])
def test_a_trip_that_cannot_begin_in_time_expires(outage: str) -> None:
    async def main() -> None:
        site = Site(2)
        await site.start()
        await site.after(5)
        if outage == "gone":
            await site.gateway.switch("gone", True)
            await site.after(1)
            site.backend.want(trip("m1", within_s=4))
        else:
            site.backend.want(trip("m1", within_s=-0.001))
        wanted_s = site.clock.monotonic()
        await site.after(8)
        assert site.backend.stages("m1")[-1] is S.EXPIRED
        assert site.backend.told_s("m1", S.EXPIRED) - wanted_s < 5.5
        await site.gateway.switch("gone", False)
        await site.after(30)
        assert site.writes("m1") == []
        assert site.closed("m1")
        await site.stop()

    run_site(main)


def test_a_begun_trip_does_not_expire() -> None:
    async def main() -> None:
        site = Site(2)
        await site.start()
        await site.after(5)
        site.switch("m1", "dead", True)
        site.backend.want(trip("m1", within_s=2))
        await site.after(20)
        site.switch("m1", "dead", False)
        await site.after(70)
        assert site.backend.stages("m1") == [S.SENT, S.UNREACHABLE, S.ACKNOWLEDGED, S.VERIFIED]
        await site.stop()

    run_site(main)


def test_a_newer_generation_replaces_an_open_order() -> None:
    async def main() -> None:
        site = Site(2)
        await site.start()
        await site.after(5)
        site.switch("m1", "dead", True)
        site.backend.want(trip("m1"))
        await site.after(2)
        site.backend.want(restore("m1"))
        await site.after(1)
        assert site.backend.stages("m1", 1) == [S.SENT, S.UNREACHABLE, S.SUPERSEDED]
        site.switch("m1", "dead", False)
        await site.after(10)
        assert site.backend.stages("m1", 2)[-1] is S.VERIFIED
        assert site.closed("m1")
        await site.stop()

    run_site(main)


def test_a_meter_without_relay_refuses_an_order() -> None:
    async def main() -> None:
        site = Site(2, profile="generic-modbus")
        await site.start()
        await site.after(5)
        site.backend.want(trip("m1"))
        await site.after(2)
        assert site.backend.stages("m1") == [S.REFUSED]
        await site.stop()

    run_site(main)


def test_a_relay_that_moves_by_itself_is_ordered_back_three_times_and_no_more() -> None:
    async def main() -> None:
        site = Site(2, poll_interval_s=20)
        await site.start()
        await site.after(5)
        site.backend.want(trip("m1"))
        await site.after(5)
        for _ in range(6):
            site.meters["m1"].force(site.us(), 1, 0)
            await site.after(30)
        assert len(site.writes("m1")) == 4
        await site.stop()

    run_site(main)


def test_a_wrong_start_of_the_status_block_falls_back_to_plain_addresses() -> None:
    async def main() -> None:
        site = Site(2)
        for meter in site.meters.values():
            object.__setattr__(meter.spec, "status_block_at", 0x0300)
        await site.start()
        await site.after(10)
        assert {r.meter_id for r in site.backend.readings} == {"m1", "m2"}
        site.backend.want(trip("m1"))
        await site.after(5)
        assert site.backend.stages("m1") == [S.SENT, S.ACKNOWLEDGED, S.COMMANDED, S.VERIFIED]
        await site.stop()

    run_site(main)
