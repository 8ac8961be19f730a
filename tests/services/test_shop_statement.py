"""A shop's statement, its use and a day in dispute: every figure is the ledger's."""

from datetime import date
from pathlib import Path

import pytest

from backend.errors import Invalid
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.services.cut_day import cut_day
from backend.services.shop_day import show_day
from backend.services.shop_head import show_account
from backend.services.shop_usage import show_usage
from backend.services.statement import show_statement
from tests.services.mall import SmallMall, small_mall
from tests.services.shop_life import DAY, at, correct, live, posted, viewer
from tests.services.site import meter_text, site_text


@pytest.mark.mariadb
async def test_a_statement_ties_and_its_closing_is_the_ledgers(mall: SmallMall) -> None:
    await live(mall)
    await mall.pay(2_000)
    await correct(mall)
    account = await mall.account()

    statement = await show_statement(viewer(mall), account.id, DAY, date(2026, 3, 5))

    sums = statement.sums
    assert sums.ties
    assert (sums.opening_fen, sums.top_ups_fen, sums.corrections_fen, sums.refunds_fen) == (
        0,
        52_000,
        -2_000,
        0,
    )
    assert sums.closing_fen == account.settled_fen == await posted(account)
    assert sums.charges_fen == sum(day.amount_fen for day in statement.charges)
    assert [str(day.charge_on) for day in statement.charges] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert (
        statement.energy_wh == sum(meter.energy_wh for meter in statement.meters) == 1_337 * 3 * (2 + 3 + 4)
    )
    assert statement.words.top_ups == "人民币伍佰贰拾元整"


@pytest.mark.mariadb
async def test_statements_of_neighbouring_days_fit_together(mall: SmallMall) -> None:
    await live(mall)
    account = await mall.account()
    days = [date(2026, 3, day) for day in range(1, 6)]

    each = [(await show_statement(viewer(mall), account.id, day, day)).sums for day in days]

    assert all(one.ties for one in each)
    assert [one.opening_fen for one in each[1:]] == [one.closing_fen for one in each[:-1]]


async def test_a_kept_balance_that_differs_from_the_ledger_is_said(mall: SmallMall) -> None:
    await mall.pay(5_000)
    account = await mall.account()
    await Account.filter(id=account.id).update(settled_fen=5_001)

    statement = await show_statement(viewer(mall), account.id, DAY, DAY)

    assert (statement.sums.closing_fen, statement.sums.ties) == (5_000, False)


@pytest.mark.parametrize(("first", "last"), [(3, 2), (9, 10)])
async def test_an_impossible_range_is_refused_on_its_field(mall: SmallMall, first: int, last: int) -> None:
    account = await mall.account()

    with pytest.raises(Invalid):
        await show_statement(viewer(mall), account.id, date(2026, 3, first), date(2026, 3, last))


async def test_several_meters_stand_one_by_one_and_sum_up(store: str, tmp_path: Path) -> None:
    second = meter_text("T9001", 99, 'shop = "A001"')
    mall = await small_mall(tmp_path, text=site_text(1, more=second))
    account = await mall.account()
    meters = await Meter.filter(account_id=account.id).order_by("serial")
    await mall.pay(50_000)
    for used_wh in (0, 1_000):
        mall.clock.advance(600)
        await mall.contact()
        await mall.push(*(mall.reading(meter, 1_000_000 + used_wh * n) for n, meter in enumerate(meters, 1)))
    mall.clock.move_to(at("2026-03-03T00:05:00"))
    await cut_day(mall.ctx, mall.site_id, DAY)

    statement = await show_statement(viewer(mall), account.id, DAY, date(2026, 3, 3))
    usage = await show_usage(viewer(mall), account.id, DAY, DAY, "day")
    head = await show_account(viewer(mall), account.id)

    assert [(one.serial, one.energy_wh) for one in statement.meters] == [("T0001", 1_000), ("T9001", 2_000)]
    assert (statement.energy_wh, statement.sums.ties, len(statement.charges[0].meters)) == (3_000, True, 2)
    assert [one.energy_wh for one in usage.meters] == [[1_000], [2_000]]
    assert usage.total is not None and usage.total.energy_wh == 3_000
    assert [one.serial for one in head.meters] == ["T0001", "T9001"]


@pytest.mark.mariadb
async def test_use_by_hour_day_and_month_sum_to_the_same_energy(mall: SmallMall) -> None:
    await live(mall)
    account = await mall.account()
    seen = {
        by: await show_usage(viewer(mall), account.id, DAY, date(2026, 3, 4), by)
        for by in ("hour", "day", "month")
    }

    totals = {by: usage.total.energy_wh for by, usage in seen.items() if usage.total is not None}
    assert totals == dict.fromkeys(("hour", "day", "month"), 1_337 * 3 * (2 + 3 + 4))
    assert [len(usage.buckets) for usage in seen.values()] == [72, 3, 1]
    day = seen["day"].buckets[0].use
    assert day is not None
    assert day.energy_wh == day.peak_wh + day.flat_wh + day.valley_wh + day.sharp_wh + day.deep_valley_wh
    assert seen["day"].meters[0].energy_wh == [
        bucket.use and bucket.use.energy_wh for bucket in seen["day"].buckets
    ]


async def test_use_stands_beside_the_period_before_and_nothing_is_made_up(mall: SmallMall) -> None:
    await live(mall, days=2)
    account = await mall.account()

    usage = await show_usage(viewer(mall), account.id, date(2026, 3, 3), date(2026, 3, 3), "day")
    before = await show_usage(viewer(mall), account.id, DAY, DAY, "day")
    empty = await show_usage(viewer(mall), account.id, date(2026, 1, 1), date(2026, 1, 2), "day")
    year = await show_usage(viewer(mall), account.id, date(2025, 3, 1), date(2026, 3, 31), "month")

    assert before.total is not None
    assert (usage.buckets[0].before_wh, usage.before_first_on) == (before.total.energy_wh, DAY)
    assert usage.before_total == before.total
    assert (empty.total, [bucket.use for bucket in empty.buckets]) == (None, [None, None])
    assert (len(year.buckets), year.buckets[0].at, year.buckets[-1].at) == (13, "2025-03", "2026-03")
    assert year.before_first_on == date(2024, 2, 1)


@pytest.mark.mariadb
async def test_a_day_in_dispute_shows_registers_formula_and_what_was_booked(mall: SmallMall) -> None:
    await live(mall)
    await correct(mall, "ENERGY")
    account = await mall.account()

    day = await show_day(viewer(mall), account.id, date(2026, 3, 4))

    (part,) = day.charges
    assert (part.formula_ties, part.ratio, day.energy_wh) == (True, 1, 1_337 * 4 * 3)
    assert day.cost_nano == part.total_nano == sum(one.nano for one in part.components)
    assert [entry.words for entry in day.entries] == ["电费", "冲正"]
    assert sum(entry.amount_fen for entry in day.entries) == 0
    assert {one.register_wh for one in day.ends} == {part.from_register_wh, part.to_register_wh}


async def test_what_is_in_doubt_is_shown_and_not_charged(mall: SmallMall) -> None:
    await mall.read()
    mall.clock.advance(60)
    await mall.push(mall.reading(await mall.meter(), 99_000_000))
    mall.clock.advance(600)
    await mall.read(used_wh=100)
    account = await mall.account()

    day = await show_day(viewer(mall), account.id, DAY)

    assert [one.register_wh for one in day.doubtful] == [99_000_000]
    assert all(part.entry_id is None for part in day.charges)
