"""A meter's page, test reads of a meter and of a line, the health of the lines, a decision weighed."""

import asyncio
from datetime import datetime, timedelta

import pytest

from backend.models.meters import Meter, RegisterDecision
from backend.services.collector_link import note_health
from backend.services.control_supply import read_now
from backend.services.decide_register import RegisterBelowLast, decide_register
from backend.services.line_reads import NothingToRead, read_line, show_line_reads
from backend.services.meter_changes import Replacement, ask_change, decide_change
from backend.services.meter_file import show_meter_file
from backend.services.profile_alarms import note_profiles
from backend.services.show_meter import show_read
from backend.services.site_build import LineBody, put_line
from backend.services.weigh_register import weigh_register
from backend.services.wiring_health import show_wiring_health
from backend.store import rows
from common.wire import Health, LineHealth, ReadingKind
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def jump(mall: SmallMall, used_wh: int = 10_000) -> datetime:
    await mall.pay(10_000)
    await mall.read()
    mall.clock.advance(60)
    await mall.read(used_wh=used_wh)
    return mall.clock.now()


async def answer(mall: SmallMall, request_id: str, shop: str = "A001") -> None:
    """Let the collector answer a read request two seconds after it was asked."""
    mall.clock.advance(2)
    await mall.read(shop, used_wh=10, kind=ReadingKind.REQUEST, request_id=request_id)


async def test_a_page_says_how_a_meter_is_reached_and_what_it_showed(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(86_400)
    await mall.read(used_wh=5_000)
    meter = await mall.meter()

    page = await show_meter_file(mall.as_staff(5), meter.id)

    assert (page.meter.serial, page.wire.host, page.wire.port) == ("T0001", "127.0.0.1", 15020)
    assert page.wire.unconfirmed is None
    assert (len(page.days), page.days[0].register_wh, page.days[1].register_wh) == (15, 1_005_000, 1_000_000)
    assert [one.verdict for one in page.readings] == ["accepted", "first"]


async def test_a_page_names_what_nobody_has_confirmed_of_its_profile(mall: SmallMall) -> None:
    health = Health(
        sent_at=mall.clock.now(),
        version="t",
        spool_backlog=0,
        clock_offset_s=0.0,
        lines=[],
        profiles={"acrel-ddsy1352": ["modbus", "relay.contact"]},
    )
    await note_profiles(mall.ctx, mall.collector, health)

    page = await show_meter_file(mall.as_staff(5), (await mall.meter()).id)

    assert (page.wire.unconfirmed, page.meter.profile_known) == (["relay.contact"], True)


async def test_a_replaced_meter_keeps_its_page_and_leads_to_the_next(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.read()
    old = await mall.meter()
    change = await ask_change(
        mall.as_staff(5),
        old.id,
        Replacement(serial="N1", register_wh=7),
        reason="烧表",
        old_register_wh=None,
        changed_at=None,
        confirmed=False,
    )
    await decide_change(mall.as_staff(6), int(change), True)
    new = await Meter.get(serial="N1")

    gone, came = [await show_meter_file(mall.as_staff(5), one.id) for one in (old, new)]

    assert (gone.meter.state, gone.changes[0].other_meter_id) == ("retired", str(new.id))
    assert (gone.changes[0].came, gone.changes[0].register_wh) == (False, 1_000_000)
    assert (came.changes[0].came, came.changes[0].register_wh) == (True, 7)


async def test_a_test_read_says_what_came_and_how_long_it_took(mall: SmallMall) -> None:
    await mall.read()
    asked = await read_now(mall.as_staff(5), (await mall.meter()).id)
    waiting = await show_read(mall.as_staff(5), int(asked))

    await answer(mall, asked)
    view = await show_read(mall.as_staff(5), int(asked))

    assert (waiting.state, waiting.reading, waiting.took_s) == ("waiting", None, None)
    assert view.reading is not None
    assert (view.state, view.took_s, view.reading.register_wh) == ("answered", 2.0, 1_000_010)


async def test_a_line_is_read_as_a_whole_and_shows_who_is_silent(mall: SmallMall) -> None:
    meter = await mall.meter()

    first = await read_line(mall.as_staff(5), meter.line_id)
    assert [one.read.state for one in first if one.read] == ["waiting"] * 4
    assert first[0].read is not None
    await answer(mall, first[0].read.read_request_id)
    mall.clock.advance(60)
    after = await show_line_reads(mall.as_staff(5), meter.line_id)

    assert [one.read.state for one in after if one.read] == ["answered", *["expired"] * 3]


async def test_two_who_read_a_line_at_once_ask_once(mall: SmallMall) -> None:
    line_id = (await mall.meter()).line_id

    await asyncio.gather(*[read_line(mall.as_staff(5), line_id) for _ in range(3)])

    assert (await rows("SELECT COUNT(*) AS n FROM read_request"))[0]["n"] == 4


async def test_an_empty_line_has_nothing_to_read(mall: SmallMall) -> None:
    (gateway,) = await rows("SELECT id FROM gateway")
    body = LineBody(gateway_id=str(gateway["id"]), code="L9", protocol="modbus-tcp", port=503)
    line_id = await put_line(mall.as_staff(5), body)

    with pytest.raises(NothingToRead):
        await read_line(mall.as_staff(5), int(line_id))


async def test_lines_show_what_their_collector_counts(mall: SmallMall) -> None:
    meter = await mall.meter()
    before = await show_wiring_health(mall.as_staff(5))
    line = LineHealth(
        line_id=str(meter.line_id),
        connected=True,
        cycle_s=8.5,
        use=0.42,
        silent_meters=[str(meter.id)],
        timeouts=3,
        bad_frames=1,
    )
    health = Health(sent_at=mall.clock.now(), version="t", spool_backlog=0, clock_offset_s=0.0, lines=[line])
    await note_health(mall.as_collector, health)

    (after,) = await show_wiring_health(mall.as_staff(5))

    assert (before[0].use, before[0].state) == (None, "unread")
    assert (after.use, after.cycle_s, after.bad_frames, after.timeouts) == (0.42, 8.5, 1, 3)
    assert (after.state, after.silent) == ("well", [str(meter.id)])


async def test_a_decision_is_weighed_before_it_is_made(mall: SmallMall) -> None:
    read_at = await jump(mall)
    meter = await mall.meter()

    weighed = await weigh_register(mall.as_staff(5), meter.id, read_at, accept=True)

    assert (weighed.energy_wh, weighed.cost_fen) == (10_000, 952)
    assert (weighed.before_fen, weighed.after_fen) == (10_000, 9_048)
    assert (weighed.arrears_after, weighed.left_in_doubt) == (False, False)


async def test_weighing_writes_nothing_and_comes_to_what_is_charged(mall: SmallMall) -> None:
    read_at = await jump(mall, used_wh=200_000)
    meter = await mall.meter()
    weighed = await weigh_register(mall.as_staff(5), meter.id, read_at, accept=True)

    state = await mall.state()
    assert (state.accrued_wh, state.quarantined_at is None) == (0, False)
    assert await RegisterDecision.all().count() == 0

    decided = await decide_register(mall.as_staff(5), meter.id, read_at, accept=True, reason="现场核对")
    assert (decided.energy_wh, (await mall.state()).accrued_wh) == (weighed.energy_wh, weighed.energy_wh)
    assert weighed.arrears_after
    assert (await mall.account()).in_arrears


async def test_what_cannot_be_accepted_is_told_before(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    meter = await mall.meter()
    await mall.push(mall.reading(meter, 900_000))
    read_at = mall.clock.now()

    with pytest.raises(RegisterBelowLast):
        await weigh_register(mall.as_staff(5), meter.id, read_at, accept=True)
    rejected = await weigh_register(mall.as_staff(5), meter.id, read_at, accept=False)

    assert (rejected.energy_wh, rejected.cost_fen) == (0, 0)
    assert read_at - timedelta(seconds=1) < mall.clock.now()
