"""The time broadcast on DL/T 645 lines: once a day, at a quiet hour, with a clock that is known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import structs

from collector.broadcast import LOOK_AGAIN_S, Broadcasts
from collector.midnights import Midnights
from collector.spool import Spool
from common.clock import ManualClock, local
from common.wire import FrozenDay, Plan, PlanMeter, Reading, ReadingKind
from simulator.gateway import Gateway
from simulator.line import Exchange, Line
from simulator.meter import DLT645_1P, PREPAID, Meter, MeterSpec
from simulator.wire_time import LineTiming
from tests.collector.site import Site, run_site

EVENING = datetime(2026, 3, 2, 15, tzinfo=UTC)  # 23:00 in the mall.
MIDNIGHT = datetime(2026, 3, 2, 16, tzinfo=UTC)


def site_645(meters: int = 4) -> Site:
    """Return a site whose line speaks DL/T 645 at 2400 baud through a transparent gateway."""
    site = Site(meters, poll_interval_s=300, profile=DLT645_1P)
    site.clock = type(site.clock)(EVENING)
    site.backend.clock = site.clock
    site.meters = {
        f"m{i}": Meter(
            MeterSpec(
                serial=f"{i:012d}",
                unit=i,
                profile=DLT645_1P,
                kind=PREPAID,
                load_class="clothes",
                address=f"{i:012d}",
            ),
            "site",
        )
        for i in range(1, meters + 1)
    }
    timing = LineTiming(2400, "E")
    site.line = Line("L1", site.clock, list(site.meters.values()), timing, protocol="dlt645-tcp")
    site.line.observer = site.exchanges.append
    site.gateway = Gateway("G1", "五号井", [site.line])
    plan_meters = [
        PlanMeter(
            meter_id=name, unit=m.spec.unit, profile=DLT645_1P, prepaid=True, address=m.spec.address or ""
        )
        for name, m in site.meters.items()
    ]
    site.plan_line = structs.replace(
        site.plan_line, protocol="dlt645-tcp", baud=2400, parity="E", meters=plan_meters
    )
    site.backend.plan = Plan(version="v645", site_id="S1", lines=[site.plan_line])
    return site


def is_broadcast(exchange: Exchange) -> bool:
    return bytes.fromhex("68999999999999680806") in exchange.request


def story(hours: float, **state: float) -> list[datetime]:
    """Return when the line heard broadcasts, local time."""
    found: list[datetime] = []

    async def main() -> None:
        site = site_645()
        site.backend.offset_s = state.get("offset_s", 0.0)
        await site.start()
        await site.after(hours * 3_600)
        found.extend(
            local(EVENING + timedelta(seconds=e.started_s)) for e in site.exchanges if is_broadcast(e)
        )
        await site.stop()

    run_site(main)
    return found


def test_meters_hear_the_time_once_a_day_in_the_small_hours() -> None:
    heard = story(6)

    assert [(at.day, at.hour) for at in heard] == [(3, 2)]


def test_a_clock_that_differs_from_the_backends_tells_no_time() -> None:
    assert story(6, offset_s=60.0) == []


def test_the_first_reading_after_an_outage_brings_the_midnights() -> None:
    async def main() -> None:
        site = site_645()
        await site.start()
        await site.after(60)
        assert site.backend.readings[0].frozen == ()  # Nobody's energy.
        await site.gateway.switch("gone", True)
        await site.after(2 * 3_600)
        before = len(site.backend.readings)
        await site.gateway.switch("gone", False)
        await site.after(60)
        for meter_id in site.meters:
            first = next(r for r in site.backend.readings[before:] if r.meter_id == meter_id)
            assert [day.at for day in first.frozen] == [MIDNIGHT]
            assert first.frozen[0].register_wh <= first.register_wh
        await site.stop()

    run_site(main)


def test_a_restart_in_an_outage_over_several_midnights_loses_none_of_them(tmp_path: Path) -> None:
    async def main() -> None:
        site = site_645()
        site.settings = structs.replace(site.settings, spool=str(tmp_path / "spool.db"))
        await site.start()
        await site.after(60)
        await site.stop()
        await site.after(3 * 86_400)
        before = len(site.backend.readings)
        await site.start()
        await site.after(60)
        for meter_id in site.meters:
            first = next(r for r in site.backend.readings[before:] if r.meter_id == meter_id)
            assert [day.at for day in first.frozen] == [MIDNIGHT + timedelta(days=n) for n in range(3)]
        await site.stop()

        # What is known already is not asked for again.
        before = len(site.backend.readings)
        await site.start()
        await site.after(60)
        assert len(site.backend.readings) >= before + len(site.meters)
        assert not any(r.frozen for r in site.backend.readings[before:])
        await site.stop()

    run_site(main)


def test_a_calendar_that_is_wrong_says_nothing_about_midnights() -> None:
    spool = Spool(":memory:")
    midnights = Midnights(spool, EVENING)
    reading = Reading(meter_id="m1", read_at=EVENING, kind=ReadingKind.POLL, register_wh=1)

    def told(at: datetime) -> Reading:
        return structs.replace(reading, frozen=(FrozenDay(at=at, register_wh=0),))

    midnights.note(told(MIDNIGHT - timedelta(days=1)), 100.0)
    assert dict(Midnights(spool, EVENING)) == {"m1": MIDNIGHT - timedelta(days=1)}
    midnights.note(told(MIDNIGHT - timedelta(days=9_000)), 200.0)
    assert dict(Midnights(spool, EVENING)) == {}


def test_an_unknown_clock_is_asked_about_every_minute_until_the_window_closes() -> None:
    clock = ManualClock(EVENING)
    broadcasts = Broadcasts(clock)
    broadcasts.plan("dlt645-tcp")
    next_s = broadcasts.next_s()
    assert next_s is not None
    clock.advance(next_s)

    assert not broadcasts.due(clock.monotonic(), known=False)
    assert broadcasts.next_s() == clock.monotonic() + LOOK_AGAIN_S
    clock.advance(LOOK_AGAIN_S)
    assert broadcasts.due(clock.monotonic(), known=True)
    clock.advance(4 * 3_600)
    assert not broadcasts.due(clock.monotonic(), known=True)
    next_s = broadcasts.next_s()
    assert next_s is not None
    assert local(clock.now() + timedelta(seconds=next_s - clock.monotonic())).hour == 2


def test_modbus_lines_have_no_broadcast() -> None:
    broadcasts = Broadcasts(ManualClock(EVENING))
    broadcasts.plan("rtu-tcp")

    assert broadcasts.next_s() is None
