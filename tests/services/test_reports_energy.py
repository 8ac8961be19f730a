"""Energy and records in the reports are what the meters showed, to the Wh."""

from datetime import timedelta
from typing import Any

import pytest

from backend.models.meters import Meter
from backend.reports.catalog import REPORTS
from backend.reports.port import Asked, Row, Sheet
from backend.services.control_supply import trip
from backend.store import run
from common.clock import local
from common.wire import Relay, Stage
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


def asked(mall: SmallMall, **more: Any) -> Asked:
    today = local(mall.clock.now()).date()
    values: dict[str, Any] = {"from_on": today - timedelta(days=3), "to_on": today, "page": 0, **more}
    return Asked(site_id=mall.site_id, now=mall.clock.now(), **values)


def cell(sheet: Sheet, row: Row, key: str) -> Any:
    return row[[one.key for one in sheet.columns].index(key)]


async def use(mall: SmallMall, hours: int = 40) -> dict[str, int]:
    """Let two shops and the public meter count for some hours, over midnight; return what each used."""
    public = await Meter.get(kind="public")
    register, used = 1_000_000, {"A001": 0, "A002": 0, "P0001": 0}
    for number in range(hours):
        for shop, wh in (("A001", 1_000 + 7 * number), ("A002", 333 + number)):
            await mall.read(shop, used_wh=wh if number else 0)
            used[shop] += wh if number else 0
        step = 450 + number if number else 0
        register += step
        used["P0001"] += step
        await mall.push(mall.reading(public, register))
        mall.clock.advance(3_607)
    return used


async def test_shops_and_public_areas_used_what_their_meters_counted(mall: SmallMall) -> None:
    used = await use(mall)

    shops = await REPORTS["shops"].show(asked(mall))
    public = await REPORTS["public-areas"].show(asked(mall))

    assert {row[0]: cell(shops, row, "energy_wh") for row in shops.rows} == {
        "A001": used["A001"],
        "A002": used["A002"],
        "A003": 0,
    }
    assert cell(shops, shops.totals, "energy_wh") == used["A001"] + used["A002"]
    assert cell(public, public.totals, "energy_wh") == used["P0001"]
    for sheet in (shops, public):
        assert [one.name for one in sheet.ties if not one.ok] == []
    assert shops.missing == 1  # A003 was never read.


@pytest.mark.parametrize("group", ["meter", "shaft", "day"])
async def test_public_areas_have_one_sum_however_they_are_grouped(mall: SmallMall, group: str) -> None:
    used = await use(mall)

    sheet = await REPORTS["public-areas"].show(asked(mall, group=group))

    assert sum(cell(sheet, row, "energy_wh") for row in sheet.rows) == used["P0001"]


async def test_a_day_that_was_altered_no_longer_ties_to_its_hours(mall: SmallMall) -> None:
    await use(mall, hours=4)
    await run("UPDATE usage_day SET energy_wh = energy_wh + 1 WHERE account_id IS NULL")

    sheet = await REPORTS["public-areas"].show(asked(mall))

    assert {one.name for one in sheet.ties if not one.ok} == {"用电量"}


async def test_every_reading_is_listed_once_in_pages(mall: SmallMall) -> None:
    await use(mall, hours=30)
    span = {"from_on": local(mall.clock.now()).date() - timedelta(days=2)}
    pages = [await REPORTS["readings"].show(asked(mall, **span, page=n, per_page=40)) for n in (1, 2, 3)]
    detail = await REPORTS["readings"].detail(asked(mall, **span))

    listed = [tuple(row) for page in pages for row in page.rows]
    assert [page.row_count for page in pages] == [90, 90, 90]
    assert len(listed) == len(set(listed)) == 90
    assert {tuple(row) async for chunk in detail.chunks for row in chunk} == set(listed)


async def test_a_switching_says_who_why_and_how_fast(mall: SmallMall) -> None:
    await mall.read()
    await trip(mall.as_staff(5, "staff.trip"), (await mall.meter()).id, "装修")
    mall.clock.advance(4)
    await mall.outcome(Stage.VERIFIED, relay=Relay.OFF)

    sheet = await REPORTS["switching"].show(asked(mall))

    (row,) = sheet.rows
    assert [cell(sheet, row, key) for key in ("action", "place", "reason", "verified_s", "result")] == [
        "断电",
        "A001 商铺A001",
        "人工断电",
        4,
        "回读一致",
    ]


async def test_a_silent_stretch_lowers_the_share_and_is_an_outage(mall: SmallMall) -> None:
    mall.clock.move_to(mall.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
    for number in range(10):
        if number not in (4, 5):
            await mall.read()
        mall.clock.advance(3_600)

    sheet = await REPORTS["availability"].show(asked(mall))

    row = next(row for row in sheet.rows if "A001" in str(row[1]))
    assert [cell(sheet, row, key) for key in ("due", "received", "rate", "outages", "longest_s")] == [
        10,
        8,
        800,
        1,
        3 * 3_600,
    ]
