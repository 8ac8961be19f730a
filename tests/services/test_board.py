"""The live board: what it sends, and that it ends with the right to see it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from backend.context import Caller, CallerKind, Context
from backend.models.accounts import Contact
from backend.models.operations import Collector
from backend.models.people import Role, Session, Staff, StaffRole
from backend.models.site import Line, Shop
from backend.services.alarm_book import raise_alarm
from backend.services.authenticate import open_session
from backend.services.board_feed import feed_of
from backend.services.handle_alarms import acknowledge
from backend.services.line_faults import note_faults
from backend.services.show_board import show_board, stream_board
from backend.store import unit_of_work
from common.wire import LineHealth
from tests.services.mall import SmallMall


@pytest.fixture
async def viewer(mall: SmallMall) -> Context:
    """A cashier with an open session."""
    staff = await Staff.create(id=5, site_id=mall.site_id, username="c", name="收银", password_hash="x")
    rights = msgspec.json.encode(["staff.board"]).decode()
    role = await Role.create(id=6, site_id=mall.site_id, code="cashier", name="收银员", permissions=rights)
    await StaffRole.create(id=7, staff_id=staff.id, role_id=role.id)
    await unit_of_work(lambda: open_session(mall.ctx, CallerKind.STAFF, staff.id))
    session = await Session.get()
    caller = Caller(CallerKind.STAFF, staff.id, mall.site_id, session_id=session.id)
    return replace(mall.ctx, caller=caller)


async def next_event(stream: AsyncIterator[str]) -> tuple[str, Any]:
    async with asyncio.timeout(10):
        text = await anext(stream)
    head, data = text.strip().split("\ndata: ")
    return head.split("event: ")[-1], msgspec.json.decode(data)


async def begin(stream: AsyncIterator[str]) -> Any:
    """Take a stream's first words, the caller's rights, and return the board that follows."""
    assert (await next_event(stream))[0] == "rights"
    name, board = await next_event(stream)
    assert name == "board"
    return board


async def test_the_stream_begins_with_the_whole_board_then_sends_what_changed(
    mall: SmallMall, viewer: Context
) -> None:
    stream = stream_board(viewer)
    board = await begin(stream)
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0)

    await mall.pay(5_000)
    second, changed = await waiting

    assert (len(board["rows"]), board["version"]) == (4, feed_of(viewer, mall.site_id).epoch + ".1")
    assert (second, [row["settled_fen"] for row in changed["rows"]]) == ("rows", [5_000])


async def lose_role() -> None:
    await StaffRole.all().delete()


async def lose_right() -> None:
    await Role.all().update(permissions="[]")


async def sign_out() -> None:
    session = await Session.get()
    session.revoked_at = session.made_at
    await session.save()


async def be_disabled() -> None:
    staff = await Staff.get()
    staff.disabled_at = (await Session.get()).made_at
    await staff.save()


async def test_the_stream_of_a_quiet_mall_ends_within_five_seconds_of_signing_out(viewer: Context) -> None:
    stream = stream_board(viewer)
    await begin(stream)
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0.05)
    started_s = asyncio.get_running_loop().time()

    await sign_out()

    with pytest.raises(StopAsyncIteration):
        await waiting
    assert asyncio.get_running_loop().time() - started_s < 5


@pytest.mark.parametrize("lose", [lose_role, lose_right, be_disabled])
async def test_whoever_loses_the_right_is_sent_nothing_more_of_the_mall(
    mall: SmallMall, viewer: Context, lose: Callable[[], Awaitable[None]]
) -> None:
    stream = stream_board(viewer)
    await begin(stream)

    await lose()
    await mall.pay(5_000)

    told = [event async for event in stream]
    assert told == ([] if lose is be_disabled else ['event: rights\ndata: {"permissions":[]}\n\n'])


async def test_nobody_without_a_session_sees_anything(mall: SmallMall) -> None:
    assert [event async for event in stream_board(mall.as_staff(5, "staff.board"))] == []


async def test_a_quiet_mall_still_beats(mall: SmallMall, viewer: Context) -> None:
    stream = stream_board(viewer)
    await begin(stream)
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0.05)

    mall.clock.advance(20)
    mall.ctx.wakes.wake(f"live:{mall.site_id}")

    name, beat = await waiting

    assert (name, set(beat)) == ("beat", {"at"})


async def test_the_stream_names_the_alarms_that_stand_and_then_what_changed(
    mall: SmallMall, viewer: Context
) -> None:
    first = await unit_of_work(lambda: raise_alarm(mall.ctx, mall.site_id, "order_refused", "1", "x"))
    stream = stream_board(viewer)
    board = await begin(stream)
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0)

    second = await unit_of_work(lambda: raise_alarm(mall.ctx, mall.site_id, "order_refused", "2", "x"))
    name, changed = await waiting

    assert board["alarms"] == [[str(first.id), 1]]
    assert (name, changed["alarms"]) == ("alarms", [[str(first.id), 1], [str(second.id), 1]])
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0)
    await acknowledge(mall.as_staff(5), first.id, "")
    _, changed = await waiting
    assert changed["alarms"] == [[str(first.id), 2], [str(second.id), 1]]


async def test_a_page_that_comes_back_is_sent_what_it_missed(mall: SmallMall, viewer: Context) -> None:
    board = await show_board(viewer)
    await mall.pay(5_000)

    stream = stream_board(viewer, board.version)
    assert (await next_event(stream))[0] == "rights"
    name, missed = await next_event(stream)

    assert (name, [row["shop_code"] for row in missed["rows"]]) == ("rows", ["A001"])


async def test_a_page_that_missed_nothing_is_told_so(mall: SmallMall, viewer: Context) -> None:
    stream = stream_board(viewer, (await show_board(viewer)).version)
    assert (await next_event(stream))[0] == "rights"

    assert (await next_event(stream))[1]["rows"] == []


@pytest.mark.parametrize("mark", ["", "another.1", "nonsense", "{epoch}.99", "{epoch}.-1", "{epoch}.0"])
async def test_whoever_cannot_be_told_what_was_missed_gets_the_whole(
    mall: SmallMall, viewer: Context, mark: str
) -> None:
    await show_board(viewer)
    meter = await mall.meter("A002")
    meter.retired_at = mall.clock.now()
    await meter.save()
    mall.clock.advance(2)
    await show_board(viewer)

    stream = stream_board(viewer, mark.format(epoch=feed_of(viewer, mall.site_id).epoch))

    assert len((await begin(stream))["rows"]) == 3


async def test_a_role_that_is_cut_is_told_within_five_seconds(viewer: Context) -> None:
    stream = stream_board(viewer)
    await begin(stream)
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0.05)
    started_s = asyncio.get_running_loop().time()

    await Role.all().update(permissions='["staff.board","staff.trip"]')

    assert await waiting == ("rights", {"permissions": ["staff.board", "staff.trip"]})
    assert asyncio.get_running_loop().time() - started_s < 5


async def test_many_watchers_are_one_look_a_second(mall: SmallMall, viewer: Context) -> None:
    feed = feed_of(viewer, mall.site_id)
    streams = [stream_board(viewer) for _ in range(10)]
    for stream in streams:
        await begin(stream)
    first = feed.looks
    waiting = [asyncio.create_task(next_event(stream)) for stream in streams]
    await asyncio.sleep(0.05)

    await mall.pay(5_000)
    changed = await asyncio.gather(*waiting)

    assert {len(event["rows"]) for _, event in changed} == {1}
    assert (first, feed.looks - first) == (1, 1)


async def test_the_practice_shop_is_not_on_the_board(mall: SmallMall, viewer: Context) -> None:
    await Shop.filter(code="A001").update(practice=True)

    assert "A001" not in {row.shop_code for row in (await show_board(viewer)).rows}


async def test_todays_energy_is_unknown_until_the_meter_was_read_today(
    mall: SmallMall, viewer: Context
) -> None:
    async def today() -> int | None:
        mall.clock.advance(2)
        return next(row.today_wh for row in (await show_board(viewer)).rows if row.shop_code == "A001")

    unread = await today()
    await mall.read()
    at_first = await today()
    mall.clock.advance(600)
    await mall.read(used_wh=700)

    assert (unread, at_first, await today()) == (None, 0, 700)


async def test_phones_are_for_who_may_see_tenants(mall: SmallMall, viewer: Context) -> None:
    account = await mall.account()
    await Contact.filter(account_id=account.id).delete()
    now = mall.clock.now()
    for number, (phone, verified_at) in enumerate((("13800000001", now), ("13800000002", None))):
        await Contact.create(
            id=number + 1, account_id=account.id, name="张", phone=phone, verified_at=verified_at
        )

    may = await show_board(mall.as_staff(5, "staff.board", "staff.tenant.view"))

    assert (await show_board(viewer)).phones is None
    assert may.phones is not None
    assert may.phones[str(account.id)] == "13800000001"


async def test_a_gateway_that_is_down_is_said_of_its_lines(mall: SmallMall, viewer: Context) -> None:
    await mall.contact()
    before = {line.state for line in (await show_board(viewer)).lines}
    lines = [LineHealth(line_id=str(line.id), connected=False) for line in await Line.all()]
    collector = await Collector.get()
    await note_faults(mall.ctx, collector, lines)
    mall.clock.advance(21)
    await note_faults(mall.ctx, collector, lines)
    mall.clock.advance(2)

    after = (await show_board(viewer)).lines

    assert (before, {line.state for line in after}) == ({"well"}, {"gateway_down"})
    assert all(line.since_at is not None for line in after)


async def test_lines_that_no_collector_reads_are_not_called_well(mall: SmallMall, viewer: Context) -> None:
    never = {line.state for line in (await show_board(viewer)).lines}
    await mall.contact()
    mall.clock.advance(2)
    read = {line.state for line in (await show_board(viewer)).lines}
    mall.clock.advance(120)

    assert (never, read) == ({"unread"}, {"well"})
    assert {line.state for line in (await show_board(viewer)).lines} == {"unread"}
