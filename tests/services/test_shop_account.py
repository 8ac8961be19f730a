"""One shop for the staff: entries, the formula of a charge, the statement. All equal the ledger."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from backend.context import Context
from backend.domain.ledger import EntryDraft, EntryKind, PostingDraft, reversal_entry, top_up_entry
from backend.errors import Invalid, NotFound
from backend.models.accounts import Account, Contact
from backend.models.ledger import Entry, Posting
from backend.services.books import book
from backend.services.cut_day import cut_day
from backend.services.locks import lock_account
from backend.services.shop_day import show_day
from backend.services.shop_entries import list_entries, show_entry
from backend.services.shop_head import show_account
from backend.services.shop_log import list_messages, list_shop_alarms, list_shop_commands
from backend.services.shop_usage import show_usage
from backend.services.statement import show_statement
from backend.store import rows, unit_of_work
from common.units import Fen
from tests.services.mall import SmallMall

DAY = date(2026, 3, 2)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def viewer(mall: SmallMall) -> Context:
    return mall.as_staff(1, "staff.account.view", "staff.tenant.view", "staff.board")


async def live(mall: SmallMall, days: int = 3, shop: str = "A001") -> None:
    """Pay, and use energy over several days, each cut five minutes after its end."""
    await mall.pay(50_000, shop)
    await mall.read(shop)
    for day in range(2, 2 + days):
        for hour in ("11:00", "14:00", "18:30"):
            mall.clock.move_to(max(mall.clock.now(), at(f"2026-03-{day:02d}T{hour}:00")))
            await mall.read(shop, used_wh=1_337 * day)
        mall.clock.move_to(at(f"2026-03-{day + 1:02d}T00:05:00"))
        await cut_day(mall.ctx, mall.site_id, date(2026, 3, day))


async def correct(mall: SmallMall, kind: str = "TOP_UP", shop: str = "A001") -> None:
    """Reverse the newest entry of a kind."""

    async def work() -> None:
        account = await lock_account((await mall.account(shop)).id)
        entry = await Entry.filter(kind=kind).order_by("-id").first()
        assert entry is not None
        legs = await Posting.filter(entry_id=entry.id).order_by("id")
        of = EntryDraft(
            EntryKind(kind),
            entry.cause,
            entry.booked_at,
            tuple(PostingDraft(leg.ledger_account, Fen(leg.amount_fen)) for leg in legs),
            {},
        )
        now = mall.clock.now()
        draft = reversal_entry(of, booked_at=now, reason="重复收款", asked_by=1, approved_by=2)
        await book(mall.ctx, mall.site_id, draft, [account])

    await unit_of_work(work)


async def posted(account: Account) -> int:
    (row,) = await rows(
        "SELECT SUM(amount_fen) AS fen FROM posting WHERE ledger_account = ?", [f"balance:{account.id}"]
    )
    return int(row["fen"])


@pytest.mark.mariadb
async def test_entries_show_the_balance_after_each_and_the_newest_is_the_ledgers(mall: SmallMall) -> None:
    await live(mall)
    await mall.pay(2_000)
    await correct(mall)

    account = await mall.account()
    page = await list_entries(viewer(mall), account.id)

    amounts = [entry.amount_fen for entry in reversed(page.entries)]
    assert [entry.balance_fen for entry in reversed(page.entries)] == [
        sum(amounts[: n + 1]) for n in range(len(amounts))
    ]
    assert page.entries[0].balance_fen == account.settled_fen == await posted(account)
    assert [entry.words for entry in page.entries] == ["冲正", "充值", "电费", "电费", "电费", "充值"]
    assert page.entries[1].channel_words == "微信支付"
    assert page.entries[2].serial == "T0001"


@pytest.mark.mariadb
async def test_entries_come_in_pages_and_by_kind_and_day_with_the_same_balances(mall: SmallMall) -> None:
    await live(mall)
    account = await mall.account()
    whole = (await list_entries(viewer(mall), account.id)).entries

    first = await list_entries(viewer(mall), account.id, limit=3)
    rest = await list_entries(viewer(mall), account.id, before=first.next_before)
    charges = await list_entries(viewer(mall), account.id, kind="ENERGY")
    one_day = await list_entries(viewer(mall), account.id, from_on=DAY, to_on=DAY)

    assert first.entries + rest.entries == whole
    assert (len(first.entries), rest.next_before) == (3, None)
    assert charges.entries == [entry for entry in whole if entry.kind == "ENERGY"]
    assert one_day.entries == [whole[-1]]  # The energy of a day is booked at the cut that follows it.


@pytest.mark.mariadb
async def test_a_charge_is_shown_as_it_was_priced_to_the_nanoyuan(mall: SmallMall) -> None:
    await live(mall)
    account = await mall.account()
    page = await list_entries(viewer(mall), account.id, kind="ENERGY")

    for entry in page.entries:
        detail = await show_entry(viewer(mall), account.id, int(entry.entry_id))
        (part,) = detail.charges
        assert part.formula_ties
        assert part.energy_wh == entry.energy_wh == part.to_register_wh - part.from_register_wh
        assert sum(leg.amount_fen for leg in detail.postings) == 0
        assert detail.carried is not None and detail.carried.ties
        assert detail.carried.amount_fen == -entry.amount_fen
    newest = await show_entry(viewer(mall), account.id, int(page.entries[0].entry_id))
    assert newest.carried is not None and newest.carried.after_nano == account.carried_nano


async def test_a_correction_names_who_and_why_and_what_it_reverses(mall: SmallMall) -> None:
    await mall.pay(5_000)
    await correct(mall)
    account = await mall.account()
    newest, first = (await list_entries(viewer(mall), account.id)).entries

    reversal = await show_entry(viewer(mall), account.id, int(newest.entry_id))
    payment = await show_entry(viewer(mall), account.id, int(first.entry_id))

    assert (reversal.reason, reversal.reverses_id) == ("重复收款", first.entry_id)
    assert payment.reversed_by_id == newest.entry_id


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


async def test_a_shop_at_a_glance(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=1_000, power_w=6_000)
    account = await mall.account()

    view = await show_account(viewer(mall), account.id)

    assert (view.shop_code, view.settled_fen, view.estimated_fen) == ("A001", 10_000, 10_000 - 96)
    assert (view.days_left, view.why_no_days) == (None, "用电数据不足 3 天")
    assert (view.last_top_up_fen, view.tariff.period) == (10_000, "PEAK")
    assert view.tariff.price_microyuan_per_kwh == 952_000
    (meter,) = view.meters
    assert (meter.power_w, meter.register_wh, meter.shown_at) == (6_000, 1_001_000, mall.clock.now())
    assert view.people is not None and view.people.reachable
    assert [contact.phone for contact in view.people.contacts] == ["13900000001"]


async def test_people_are_shown_to_whoever_may_see_them(mall: SmallMall) -> None:
    account = await mall.account()

    view = await show_account(mall.as_staff(1, "staff.account.view"), account.id)

    assert view.people is None


async def test_a_shop_that_no_way_leads_to_is_not_reachable(mall: SmallMall) -> None:
    account = await mall.account()
    await mall.as_tenant()
    await unit_of_work(lambda: _forget(account))

    view = await show_account(viewer(mall), account.id)

    assert view.people is not None
    assert (view.people.reachable, view.people.bound_phones) == (False, 1)


async def _forget(account: Account) -> None:
    await Contact.filter(account_id=account.id).update(verified_at=None)


async def test_orders_alarms_and_messages_of_a_shop_are_its_own(mall: SmallMall) -> None:
    await mall.cut_off()
    await mall.cut_off("A002")
    account = await mall.account()

    commands = await list_shop_commands(viewer(mall), account.id, None, 50)
    messages = await list_messages(viewer(mall), account.id, None, 50)
    alarms = await list_shop_alarms(viewer(mall), account.id, None, 50)

    assert [one.serial for one in commands.commands] == ["T0001"]
    assert commands.commands[0].ordered_by_name is None
    assert "LAST" in {message.level for message in messages.messages}
    assert {alarm.account_id for alarm in alarms.alarms} <= {str(account.id)}


async def test_another_malls_account_is_not_found(mall: SmallMall) -> None:
    account = await mall.account()
    at_home = viewer(mall)
    stranger = replace(at_home, caller=replace(at_home.caller, site_id=mall.site_id + 1))

    with pytest.raises(NotFound):
        await show_account(stranger, account.id)
    with pytest.raises(NotFound):
        await list_entries(stranger, account.id)
    with pytest.raises(NotFound):
        await show_statement(stranger, account.id, DAY, DAY)


async def test_an_entry_of_another_shop_is_not_found(mall: SmallMall) -> None:
    await mall.pay(5_000, "A002")
    other = (await list_entries(viewer(mall), (await mall.account("A002")).id)).entries[0]

    with pytest.raises(NotFound):
        await show_entry(viewer(mall), (await mall.account("A001")).id, int(other.entry_id))


async def test_a_counter_payment_says_how_and_by_whom(mall: SmallMall) -> None:
    async def work() -> None:
        account = await lock_account((await mall.account()).id)
        draft = top_up_entry(
            account_id=account.id,
            amount_fen=Fen(30_000),
            cause="counter:1",
            booked_at=mall.clock.now(),
            channel="cash",
            facts={"method": "cash", "staff_name": "李收银", "payer": "王五", "note": "补 3 月"},
        )
        await book(mall.ctx, mall.site_id, draft, [account])

    await unit_of_work(work)
    (entry,) = (await list_entries(viewer(mall), (await mall.account()).id)).entries

    assert (entry.channel_words, entry.staff_name, entry.payer, entry.note) == (
        "现金",
        "李收银",
        "王五",
        "补 3 月",
    )
