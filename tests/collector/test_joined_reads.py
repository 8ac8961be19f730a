"""Requests that are joined over gaps, and meters that refuse them."""

import pytest
from msgspec import structs

from simulator import registers
from simulator.meter import Meter
from tests.collector.site import Site, run_site

REFUSED = b"\x83\x02"


def test_a_fast_line_of_meters_with_two_blocks_is_read() -> None:
    async def story() -> None:
        site = Site(meters=3, status=False)
        site.plan_line = structs.replace(site.plan_line, baud=115_200)
        site.backend.plan = structs.replace(site.backend.plan, lines=[site.plan_line])
        await site.start()
        await site.after(60)

        assert {r.meter_id for r in site.backend.readings} == set(site.meters)
        assert not [e for e in site.exchanges if e.answer is not None and e.answer[0] & 0x80]
        await site.stop()

    run_site(story)


def test_a_refused_joined_read_costs_its_meter_one_request_and_the_others_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = registers.read

    def read(meter: Meter, at: int, count: int, us: int, function: int) -> list[int]:
        if meter.spec.unit == 2 and (at, count) == (0, 14):
            raise registers.IllegalAddress(at)
        return whole(meter, at, count, us, function)

    monkeypatch.setattr(registers, "read", read)

    async def story() -> None:
        site = Site(meters=3, status=False)
        await site.start()
        await site.after(120)

        refused = [e for e in site.exchanges if e.answer == REFUSED]
        assert [e.unit for e in refused] == [2]
        assert len([r for r in site.backend.readings if r.meter_id == "m2"]) >= 10
        await site.stop()

    run_site(story)
