"""The live board: what it sends, and that it ends with the right to see it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from backend.context import Caller, CallerKind, Context
from backend.models.people import Role, Session, Staff, StaffRole
from backend.services.alarm_book import raise_alarm
from backend.services.authenticate import open_session
from backend.services.handle_alarms import acknowledge
from backend.services.show_board import stream_board
from backend.store import unit_of_work
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
    return head.removeprefix("event: "), msgspec.json.decode(data)


async def test_the_stream_begins_with_the_whole_board_then_sends_what_changed(
    mall: SmallMall, viewer: Context
) -> None:
    stream = stream_board(viewer)
    first, board = await next_event(stream)
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0)

    await mall.pay(5_000)
    second, changed = await waiting

    assert (first, len(board["rows"])) == ("board", 4)
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
    await next_event(stream)
    waiting = asyncio.create_task(next_event(stream))
    await asyncio.sleep(0.05)
    started_s = asyncio.get_running_loop().time()

    await sign_out()

    with pytest.raises(StopAsyncIteration):
        await waiting
    assert asyncio.get_running_loop().time() - started_s < 5


@pytest.mark.parametrize("lose", [lose_role, lose_right, be_disabled])
async def test_whoever_loses_the_right_is_sent_nothing_more(
    mall: SmallMall, viewer: Context, lose: Callable[[], Awaitable[None]]
) -> None:
    stream = stream_board(viewer)
    await next_event(stream)

    await lose()
    await mall.pay(5_000)

    assert [event async for event in stream] == []


async def test_nobody_without_a_session_sees_anything(mall: SmallMall) -> None:
    assert [event async for event in stream_board(mall.as_staff(5, "staff.board"))] == []


async def test_a_quiet_mall_still_beats(mall: SmallMall, viewer: Context) -> None:
    stream = stream_board(viewer)
    await next_event(stream)
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
    _, board = await next_event(stream)
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
