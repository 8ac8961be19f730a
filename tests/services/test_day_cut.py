"""The day cut and the books: exact to the nanoyuan, harmless when repeated, and tampering is found."""

import asyncio
from datetime import UTC, date, datetime

import pytest

from backend.jobs.cut_day import Payload
from backend.jobs.cut_day import run as cut_yesterday
from backend.models.accounts import Account
from backend.models.ledger import ChainLink, Entry, Posting
from backend.services.book_payment import book_payment
from backend.services.cut_day import cut_day
from backend.services.verify_books import verify_books
from backend.store import rows, run
from common.units import NANOYUAN_PER_FEN
from common.wire import Relay
from tests.services.mall import SmallMall

DAY = date(2026, 3, 2)
COMPONENTS = ("energy", "line_loss", "transmission", "system", "funds")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


async def use(mall: SmallMall, *used: int, shop: str = "A001", day: int = 2) -> None:
    """Read at 10:30, then use so much every ten minutes."""
    mall.clock.move_to(max(mall.clock.now(), at(f"2026-03-{day:02d}T10:30:00")))
    await mall.read(shop)
    for used_wh in used:
        mall.clock.advance(600)
        await mall.read(shop, used_wh=used_wh)


async def cut(mall: SmallMall, on: date = DAY) -> int:
    """Cut a day five minutes after its end; return the number of entries."""
    mall.clock.move_to(max(mall.clock.now(), at(f"{date.fromordinal(on.toordinal() + 1)}T00:05:00")))
    return (await cut_day(mall.ctx, mall.site_id, on)).entries


async def problems(mall: SmallMall) -> list[str]:
    return await verify_books(mall.ctx.settings.ledger_key)


async def exact_nano(mall: SmallMall, shop: str = "A001") -> int:
    """What the shop has left, to the nanoyuan: settled less carried less accrued."""
    account, state = await mall.account(shop), await mall.state(shop)
    return int(account.settled_fen * NANOYUAN_PER_FEN - account.carried_nano - state.accrued_nano)


@pytest.mark.mariadb
async def test_the_charge_equals_what_accrued_to_the_nanoyuan(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 1_337, 999, 1)
    before = await exact_nano(mall)

    assert await cut(mall) == 1

    account, state = await mall.account(), await mall.state()
    assert (state.accrued_nano, state.accrued_wh) == (0, 0)
    assert await exact_nano(mall) == before
    assert account.settled_fen == 10_000 - 222
    assert account.carried_nano == 2_337 * 952_000 - 222 * NANOYUAN_PER_FEN
    legs = {leg.ledger_account: leg.amount_fen for leg in await Posting.all()}
    assert sum(legs[f"revenue:{name}"] for name in COMPONENTS) == 222
    assert await problems(mall) == []


async def test_the_remainder_is_carried_to_the_next_charge(mall: SmallMall) -> None:
    await mall.pay(10_000)
    total = 0
    for day in range(2, 6):
        await use(mall, 7, 11, 13, day=day)
        total += 31 * 952_000
        await cut(mall, date(2026, 3, day))

    account = await mall.account()
    assert (10_000 - account.settled_fen) * NANOYUAN_PER_FEN + account.carried_nano == total
    assert await problems(mall) == []


@pytest.mark.mariadb
async def test_a_repeated_cut_changes_nothing(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 1_000)
    await cut(mall)
    settled = (await mall.account()).settled_fen

    counts = await asyncio.gather(*(cut_day(mall.ctx, mall.site_id, DAY) for _ in range(4)))

    assert [one.entries for one in counts] == [0, 0, 0, 0]
    assert (await mall.account()).settled_fen == settled


@pytest.mark.mariadb
async def test_many_cuts_at_once_charge_once(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 1_000)
    mall.clock.move_to(at("2026-03-03T00:05:00"))

    counts = await asyncio.gather(*(cut_day(mall.ctx, mall.site_id, DAY) for _ in range(4)))

    assert sum(one.entries for one in counts) == 1
    assert (await mall.account()).settled_fen == 10_000 - 95
    assert await problems(mall) == []


@pytest.mark.mariadb
async def test_readings_and_payments_during_the_cut_are_not_lost(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 1_000)
    mall.clock.move_to(at("2026-03-03T00:05:00"))
    before = await exact_nano(mall)
    meter = await mall.meter()
    order = mall.paid(await mall.order(700))
    reading = mall.reading(meter, 1_001_010)
    await asyncio.gather(
        cut_day(mall.ctx, mall.site_id, DAY),
        book_payment(mall.ctx, order, "callback"),
        mall.push(reading),
    )

    cost = int((await rows("SELECT SUM(total_nano) AS c FROM accrual"))[0]["c"])
    assert await exact_nano(mall) == 10_700 * NANOYUAN_PER_FEN - cost
    assert before == 10_000 * NANOYUAN_PER_FEN - 1_000 * 952_000
    assert await problems(mall) == []


async def test_the_job_cuts_the_day_that_ended(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 1_000)
    mall.clock.move_to(at("2026-03-03T00:03:00"))
    await mall.read(used_wh=10)  # Over midnight: the new day's.
    mall.clock.move_to(at("2026-03-03T00:05:00"))
    await cut_yesterday(mall.ctx, Payload())

    charged = await rows("SELECT charge_on FROM accrual WHERE entry_id IS NOT NULL")
    assert [row["charge_on"] for row in charged] == [20260302]
    assert (await mall.state()).accrued_wh == 10


async def test_a_reading_that_comes_after_the_cut_is_a_revision_of_its_day(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 1_000)
    await cut(mall)
    late_at = at("2026-03-02T23:00:00")
    await mall.push(mall.reading(await mall.meter(), 1_003_000, read_at=late_at))
    assert (await mall.state()).accrued_wh == 2_000

    await cut(mall)

    causes = sorted([entry.cause.rpartition(":")[2] for entry in await Entry.filter(kind="ENERGY")])
    assert causes == ["0", "1"]
    assert (await mall.state()).accrued_wh == 0
    assert await problems(mall) == []


async def test_a_day_missed_is_charged_with_the_next_as_its_own(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 1_000)
    await use(mall, 1_000, day=3)

    assert await cut(mall, date(2026, 3, 3)) == 2


@pytest.mark.mariadb
async def test_a_shop_that_used_less_than_a_fen_is_charged_nothing_and_owes_it(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 10)  # 0.95 fen.

    await cut(mall)

    account = await mall.account()
    assert (account.settled_fen, account.carried_nano) == (10_000, 9_520_000)
    assert (await mall.state()).accrued_nano == 0
    assert await problems(mall) == []
    await use(mall, 10, day=3)
    await cut(mall, date(2026, 3, 3))
    assert (await mall.account()).settled_fen == 10_000 - 1
    assert await problems(mall) == []


async def test_an_empty_charge_that_is_taken_out_is_missed(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await use(mall, 10)
    await cut(mall)

    await Entry.filter(kind="ENERGY").delete()

    assert len(await problems(mall)) == 1


async def test_two_meters_of_a_shop_are_two_charges_of_one_balance(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.pay(10_000, "A002")
    await use(mall, 1_000)
    await mall.read("A002")
    mall.clock.advance(600)
    await mall.read("A002", used_wh=2_000)

    assert await cut(mall) == 2

    assert [(await mall.account(shop)).settled_fen for shop in ("A001", "A002")] == [9_905, 9_810]


async def test_the_mean_needs_three_days(mall: SmallMall) -> None:
    await mall.pay(10_000)
    means = []
    for day in (2, 3, 4):
        await use(mall, 1_000, day=day)
        await cut(mall, date(2026, 3, day))
        means.append((await mall.account()).mean_daily_nano)

    assert means == [None, None, 952_000_000]


async def test_the_cut_changes_no_estimate_and_trips_nobody(mall: SmallMall) -> None:
    await mall.pay(100)
    await use(mall, 1_030)  # 0.98 yuan of 1.00.

    await cut(mall)

    assert (await mall.account()).in_arrears is False
    assert (await mall.supply()).desired is Relay.ON


async def test_an_edited_posting_is_found(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await run("UPDATE posting SET amount_fen = amount_fen + 1 WHERE ledger_account LIKE ?", ["balance:%"])

    assert len(await problems(mall)) == 3  # Unbalanced, not the balance, not the content.


async def test_an_edited_balance_is_found(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await Account.all().update(settled_fen=20_000)

    assert len(await problems(mall)) >= 1


async def test_an_edited_cause_is_found(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await Entry.all().update(cause="wechat:other")

    assert await problems(mall) == ["凭证 wechat:other 的内容被改动"]


@pytest.mark.parametrize("victim", [1, 2])
async def test_a_deleted_payment_is_found(mall: SmallMall, victim: int) -> None:
    """Also when its postings, its link and the balance go with it, as long as the head stays."""
    for _ in range(2):
        await mall.pay(10_000)
    link = await ChainLink.get(sequence=victim)
    await Posting.filter(entry_id=link.entry_id).delete()
    await Entry.filter(id=link.entry_id).delete()
    await link.delete()
    account = await mall.account()
    await Account.filter(id=account.id).update(settled_fen=10_000)

    assert await problems(mall) == [f"户 {account.id} 的凭证链在第 {victim} 环断开或缺失"]
