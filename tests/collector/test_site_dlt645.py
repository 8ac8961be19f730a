"""Meters of DL/T 645 at 2400 baud, from the profile to the backend, against a simulation made apart."""

import pytest
from msgspec import structs

from collector.layout import layout_of
from collector.profile import load_profile
from collector.protocols import dlt645
from collector.protocols.answer import Rejected
from collector.values import Part
from common.wire import OrderClass, ReadingKind, Relay, Stage
from simulator.dlt645 import Dlt645Wire
from simulator.meter import DLT645_1P, DLT645_3P, PREPAID, Meter, MeterSpec
from tests.collector.site import Site, restore, run_site, trip
from tests.collector.test_broadcast import site_645

NOW_US = 300 * 86_400 * 1_000_000 + 12 * 3_600 * 1_000_000
S = Stage
WORKED = [S.SENT, S.ACKNOWLEDGED, S.VERIFIED]


def commands(site: Site, meter_id: str) -> list[int]:
    """Return N1 of each control frame that the line has seen for a meter."""
    address = site.meters[meter_id].spec.address or ""
    found = []
    for exchange in site.exchanges:
        parser = dlt645.Parser()
        parser.feed(exchange.request)
        frame = parser.next()
        if frame is not None and (frame.address, frame.control) == (address, 0x1C):
            found.append(frame.data[8])
    return found


@pytest.mark.parametrize("model", [DLT645_1P, DLT645_3P])
def test_a_profile_reads_what_the_meter_shows(model: str) -> None:
    spec = MeterSpec(
        serial="000000000001",
        unit=1,
        profile=model,
        kind=PREPAID,
        load_class="restaurant",
        address="202611250001",
    )
    meter = Meter(spec, "profiles")
    layout = layout_of(load_profile(model))
    answers = []
    for request in [*layout.reads, *layout.parts[Part.DAILY], *layout.frozen(3)]:
        assert isinstance(request, dlt645.Read)
        wire = Dlt645Wire().answer_of(meter, dlt645.encode("202611250001", request), NOW_US)
        assert wire is not None
        parser = dlt645.Parser()
        parser.feed(wire)
        frame = parser.next()
        assert frame is not None
        assert dlt645.answers("202611250001", request, frame)
        try:
            answers.append((request, dlt645.decode(request, frame)))
        except Rejected as error:
            raise AssertionError(f"{request} was refused: {error}") from error

    values = layout.values(answers)

    total, periods = meter.register_wh(NOW_US)
    now = meter.electrical(NOW_US)
    assert values.register_wh == pytest.approx(total, abs=10)
    assert values.period_registers_wh == pytest.approx(periods, abs=10)
    assert values.power_w == pytest.approx(sum(now.power_mw) / 1000, abs=2)
    assert values.voltage_mv == tuple(mv // 100 * 100 for mv in now.voltage_mv)
    assert values.current_ma == pytest.approx(now.current_ma, abs=1)
    assert (values.relay, values.held) == (Relay.ON, False)
    assert values.period_table == tuple((slot * 15, period + 1) for slot, period in meter.table.starts)
    assert values.clock_at is not None
    days = [day.at for day in values.frozen]
    assert len(days) == 3
    assert all((day.hour, day.minute) == (0, 0) for day in days)
    assert days == sorted(days)
    assert values.frozen[-1].register_wh <= total


def test_a_trip_and_a_restore_are_verified() -> None:
    async def main() -> None:
        site = site_645(3)
        await site.start()
        await site.after(10)
        site.backend.want(trip("m2"))
        await site.after(5)
        stages = [stage for stage in site.backend.stages("m2") if stage is not S.COMMANDED]
        assert stages == WORKED
        assert not site.closed("m2")

        site.backend.want(restore("m2"))
        await site.after(5)
        stages = [stage for stage in site.backend.stages("m2", 2) if stage is not S.COMMANDED]
        assert stages == WORKED
        assert site.closed("m2")
        assert commands(site, "m2") == [0x1A, 0x1C]
        verify = [r for r in site.backend.readings if r.kind is ReadingKind.VERIFY]
        assert [r.relay for r in verify][:1] == [Relay.OFF]
        await site.stop()

    run_site(main)


def test_a_held_meter_is_reported_refuses_arrears_and_obeys_a_safety_trip() -> None:
    async def main() -> None:
        site = site_645(2)
        site.meters["m1"].held = True
        await site.start()
        await site.after(15)
        assert site.backend.readings[0].held

        site.backend.want(trip("m1"))
        await site.after(10)
        assert site.backend.stages("m1")[-1] is S.REFUSED
        assert site.closed("m1")
        assert 0x3B not in commands(site, "m1")

        safety = trip("m1", 2, order_class=OrderClass.SAFETY)
        site.backend.want(structs.replace(safety, release_hold=True))
        await site.after(10)
        assert site.backend.stages("m1", 2)[-1] is S.VERIFIED
        assert not site.closed("m1")
        assert commands(site, "m1") == [0x1A, 0x1A, 0x3B, 0x1A]
        assert 0x3A not in commands(site, "m1")
        await site.stop()

    run_site(main)


def test_a_meter_that_knows_no_direct_restore_is_never_given_up() -> None:
    async def main() -> None:
        site = site_645(2)
        site.meters["m1"].needs_press = True
        await site.start()
        await site.after(10)
        site.backend.want(trip("m1"))
        await site.after(5)
        site.backend.want(restore("m1"))
        await site.after(60)
        assert S.UNREACHABLE in site.backend.stages("m1", 2)
        assert len([one for one in commands(site, "m1") if one == 0x1C]) > 5
        site.meters["m1"].needs_press = False
        await site.after(10)
        assert site.backend.stages("m1", 2)[-1] is S.VERIFIED
        await site.stop()

    run_site(main)


def test_a_meters_clock_is_compared_with_the_instant_that_it_was_told() -> None:
    """Twelve requests follow the clock's at 2400 baud: a day's values, three seconds later."""

    async def main() -> None:
        site = site_645(3)
        await site.start()
        await site.after(1_000)
        offsets_s = [r.meter_clock_offset_s for r in site.backend.readings]
        told = [offset_s for offset_s in offsets_s if offset_s is not None]
        assert len(told) == 3
        # Whole seconds, cut, and the answer's own way along the line.
        assert all(-1.2 <= offset_s <= 0 for offset_s in told)
        await site.stop()

    run_site(main)
