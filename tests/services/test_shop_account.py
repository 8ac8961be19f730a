"""One shop for the staff: entries, the formula of a charge, people, orders. All equal the ledger."""

from dataclasses import replace

import pytest

from backend.domain.ledger import top_up_entry
from backend.errors import NotFound
from backend.models.accounts import Account, Contact
from backend.services.books import book
from backend.services.locks import lock_account
from backend.services.shop_entries import list_entries, show_entry
from backend.services.shop_head import show_account
from backend.services.shop_log import list_messages, list_shop_alarms, list_shop_commands
from backend.services.statement import show_statement
from backend.store import unit_of_work
from common.units import Fen
from tests.services.mall import SmallMall
from tests.services.shop_life import DAY, correct, live, posted, viewer


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
