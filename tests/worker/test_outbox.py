"""The outbox on SQLite and MariaDB: merged wishes, retries, leases, lanes, claims by many."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backend import outbox
from backend.context import Context
from backend.errors import Bug
from backend.jobs import Again, Done, Lane
from backend.outbox import PER_KIND, Runner, retry_s
from backend.outbox_rows import LEASE, claim, free_expired, renew
from backend.store import rows, unit_of_work
from backend.wakes import LocalWakes
from common.clock import ManualClock
from tests.worker.shop import Number, Tally, add, context, jobs, left

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def ctx(clock: ManualClock) -> Context:
    return context(clock=clock)


@pytest.mark.mariadb
async def test_done_work_leaves_no_row(ctx: Context) -> None:
    tally = Tally()
    await add(ctx, "mark", 1, 2, 3)

    assert await Runner(ctx, jobs(("mark", tally.run))).run_due() == 3

    assert sorted(tally.numbers) == [1, 2, 3]
    assert await left() == []


@pytest.mark.mariadb
async def test_two_wishes_with_one_key_are_one_row_with_the_earlier_time(ctx: Context) -> None:
    await add(ctx, "mark", key="mark:1", due_at=NOON + timedelta(seconds=60))
    await add(ctx, "mark", key="mark:1", due_at=NOON + timedelta(seconds=10))
    await add(ctx, "mark", key="mark:1", due_at=NOON + timedelta(seconds=30))

    (row,) = await left()
    assert datetime.fromisoformat(str(row["due_at"])).second == 10


@pytest.mark.mariadb
async def test_work_wanted_again_while_it_runs_runs_again(ctx: Context) -> None:
    runs: list[int] = []

    async def run(ctx: Context, payload: Number) -> Done:
        runs.append(payload.number)
        if len(runs) == 1:
            await add(ctx, "mark", 7, key="mark:7")
        return Done()

    await add(ctx, "mark", 7, key="mark:7")
    await Runner(ctx, jobs(("mark", run))).run_due()

    assert runs == [7, 7]
    assert await left() == []


async def test_a_wish_is_not_put_off_by_an_again_of_the_running_job(ctx: Context) -> None:
    runs: list[int] = []

    async def run(ctx: Context, payload: Number) -> Done | Again:
        runs.append(payload.number)
        if len(runs) == 1:
            await add(ctx, "mark", key="mark:0")
            return Again(3600.0)
        return Done()

    await add(ctx, "mark", key="mark:0")
    await Runner(ctx, jobs(("mark", run))).run_due()

    assert len(runs) == 2


async def test_a_wish_of_a_transaction_that_fails_is_never_seen(ctx: Context) -> None:
    ticket = ctx.wakes.ticket(outbox.TOPIC)

    async def work() -> None:
        await outbox.add_work(ctx, "mark", {"number": 1})
        raise Bug("bad money")

    with pytest.raises(Bug):
        await unit_of_work(work)

    assert await left() == []
    assert ctx.wakes.ticket(outbox.TOPIC) == ticket


async def test_work_that_looks_again_waits_its_time(ctx: Context, clock: ManualClock) -> None:
    tally = Tally(Again(5.0))
    runner = Runner(ctx, jobs(("mark", tally.run)))
    await add(ctx, "mark")
    await runner.run_due()

    clock.advance(4.9)
    assert await runner.run_due() == 0
    clock.advance(0.2)
    assert await runner.run_due() == 1


async def test_failing_work_backs_off_and_keeps_no_secret(ctx: Context, clock: ManualClock) -> None:
    async def fail(ctx: Context, payload: Number) -> Done:
        raise ValueError("secret-token-123")

    runner = Runner(ctx, jobs(("mark", fail)))
    await add(ctx, "mark")
    waits: list[float] = []
    for _ in range(4):
        assert await runner.run_due() == 1
        (row,) = await left()
        due_at = datetime.fromisoformat(str(row["due_at"])).replace(tzinfo=UTC)
        waits.append((due_at - clock.now()).total_seconds())
        clock.move_to(due_at)

    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert row["last_error"] == "ValueError"
    assert row["attempts"] == 4


def test_the_back_off_ends_at_five_minutes_and_a_bug_begins_there() -> None:
    assert [retry_s(n, ValueError()) for n in (1, 9, 10, 10_000)] == [1.0, 256.0, 300.0, 300.0]
    assert retry_s(1, Bug()) == 300.0


async def test_work_of_another_program_is_left_alone(ctx: Context) -> None:
    tally = Tally()
    await add(ctx, "not_ours")
    runner = Runner(ctx, jobs(("mark", tally.run)))

    assert await runner.run_due() == 0

    assert len(await left()) == 1


async def test_a_payload_that_cannot_be_read_is_kept(ctx: Context) -> None:
    await add(ctx, "mark")
    await unit_of_work(lambda: rows("UPDATE outbox SET payload='{' RETURNING id"))
    await Runner(ctx, jobs(("mark", Tally().run))).run_due()

    (row,) = await left()
    assert row["last_error"] == "DecodeError"


@pytest.mark.mariadb
async def test_a_dead_runners_work_is_free_when_its_lease_ends(ctx: Context, clock: ManualClock) -> None:
    await add(ctx, "mark", 5)
    assert len(await claim(["mark"], 10, clock.now())) == 1  # By somebody who then dies.
    tally = Tally()
    runner = Runner(ctx, jobs(("mark", tally.run)))

    clock.advance(LEASE.total_seconds() - 1)
    assert await runner.run_due() == 0
    clock.advance(1)
    assert await runner.run_due() == 1
    assert tally.numbers == [5]


@pytest.mark.mariadb
async def test_who_lost_the_lease_changes_nothing(ctx: Context, clock: ManualClock) -> None:
    await add(ctx, "mark")
    (late,) = await claim(["mark"], 10, clock.now())
    clock.advance(LEASE.total_seconds())
    await free_expired(clock.now())
    (newer,) = await claim(["mark"], 10, clock.now())

    assert not await renew(late, clock.now())
    runner = Runner(ctx, jobs(("mark", Tally().run)))
    await runner._write_down(late, Done())

    (row,) = await left()
    assert row["lease_until_at"] is not None
    await runner._write_down(newer, Done())
    assert await left() == []


async def test_cancelled_work_is_free_at_once(ctx: Context) -> None:
    begun = asyncio.Event()

    async def hang(ctx: Context, payload: Number) -> Done:
        begun.set()
        await asyncio.Event().wait()
        return Done()

    await add(ctx, "mark", 1)
    runner = Runner(ctx, jobs(("mark", hang)))
    loop = asyncio.create_task(runner.run_forever())
    await begun.wait()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)

    tally = Tally()
    assert await Runner(ctx, jobs(("mark", tally.run))).run_due() == 1


async def test_running_work_may_end_within_the_grace(ctx: Context) -> None:
    begun = asyncio.Event()
    end = asyncio.Event()

    async def slow(ctx: Context, payload: Number) -> Done:
        begun.set()
        await end.wait()
        return Done()

    await add(ctx, "mark")
    runner = Runner(ctx, jobs(("mark", slow)))
    await runner.start_due()
    await begun.wait()
    closing = asyncio.create_task(runner.close(grace_s=5.0))
    await asyncio.sleep(0)
    end.set()
    await closing

    assert await left() == []


async def test_a_payment_does_not_wait_behind_a_thousand_slow_messages(ctx: Context) -> None:
    never = asyncio.Event()
    paid = Tally()

    async def message(ctx: Context, payload: Number) -> Done:
        await never.wait()
        return Done()

    await add(ctx, "message", *range(1000))
    await add(ctx, "payment", 1)
    runner = Runner(ctx, jobs(("message", message, Lane.SLOW), ("payment", paid.run)))
    loop = asyncio.create_task(runner.run_forever())
    await paid.reach(1, within_s=5.0)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_one_hanging_kind_leaves_room_for_the_others_of_its_lane(ctx: Context) -> None:
    never = asyncio.Event()
    hanging: list[int] = []
    other = Tally()

    async def hang(ctx: Context, payload: Number) -> Done:
        hanging.append(payload.number)
        await never.wait()
        return Done()

    await add(ctx, "query", *range(100))
    await add(ctx, "watch", 1)
    runner = Runner(ctx, jobs(("query", hang), ("watch", other.run)))
    loop = asyncio.create_task(runner.run_forever())
    await other.reach(1, within_s=5.0)
    assert len(hanging) == PER_KIND
    assert runner.has_room
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_more_work_than_slots_is_done_without_waiting_for_the_next_look(ctx: Context) -> None:
    tally = Tally()
    await add(ctx, "mark", *range(300))
    loop = asyncio.create_task(Runner(ctx, jobs(("mark", tally.run))).run_forever())
    await tally.reach(300, within_s=4.0)  # A look is due each 5 s.
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


@pytest.mark.mariadb
async def test_many_runners_at_once_do_each_piece_once(store: str) -> None:
    tally = Tally()
    contexts = [context(LocalWakes(), node=node) for node in range(4)]
    await add(contexts[0], "mark", *range(200))

    counts = await asyncio.gather(*(Runner(one, jobs(("mark", tally.run))).run_due() for one in contexts))

    assert sorted(tally.numbers) == list(range(200))
    assert sum(counts) == 200


@pytest.mark.mariadb
async def test_work_of_another_process_is_found_by_looking() -> None:
    """No wake comes: the loop looks by itself four times a second."""
    tally = Tally()
    unheard = context(node=2)
    there = context(LocalWakes(is_alone=False))
    loop = asyncio.create_task(Runner(there, jobs(("mark", tally.run))).run_forever())
    await asyncio.sleep(0.1)
    await add(unheard, "mark", 1)
    await tally.reach(1, within_s=2.0)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
