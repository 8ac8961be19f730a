"""Receipts: what stands on them, how often they were printed, and how a top-up is undone."""

import asyncio
from datetime import date
from uuid import uuid4

import pytest

from backend.errors import Forbidden, NotFound
from backend.models.accounts import Account
from backend.models.audit import AuditRecord
from backend.models.ledger import Entry, Posting
from backend.models.payments import TopUp
from backend.models.receipts import Receipt
from backend.models.site import Shop
from backend.services.approval_inbox import list_waiting
from backend.services.approvals import AlreadyAsked, AlreadyDecided, OwnRequest
from backend.services.counter_top_up import Method
from backend.services.list_receipts import Wanted, list_receipts
from backend.services.print_receipts import print_receipt
from backend.services.reversals import AlreadyReversed, PaidByWechat, ask_reversal, decide_reversal
from backend.services.show_receipts import ReceiptView, show_receipt
from backend.services.verify_books import verify_books
from common.wire import Relay
from tests.services.mall import SmallMall
from tests.services.test_counter import pay

CASHIER, OTHER, BOSS = 7, 8, 9


async def print_once(
    mall: SmallMall, entry_id: str | int, staff: int = CASHIER, *rights: str, request_id: str = ""
) -> ReceiptView:
    ctx = mall.as_staff(staff, "staff.account.view", *rights)
    return await print_receipt(ctx, int(entry_id), request_id or str(uuid4()))


async def undo(mall: SmallMall, entry_id: str) -> None:
    asked = await ask_reversal(mall.as_staff(CASHIER), int(entry_id), "收错商铺")
    await decide_reversal(mall.as_staff(BOSS), int(asked.approval_id), True)


async def test_a_receipt_says_it_all_in_digits_and_words(mall: SmallMall) -> None:
    await pay(mall, 10_000)
    booked = await pay(mall, 50_050, received_fen=60_000, payer="王芳", note="三月电费")

    view = await show_receipt(mall.as_staff(BOSS), int(booked.top_up_id))

    assert (view.number, view.amount_fen, view.amount_words) == (
        "20260302-0002",
        50_050,
        "人民币伍佰元伍角整",
    )
    assert (view.balance_before_fen, view.balance_after_fen, view.change_fen) == (10_000, 60_050, 9_950)
    assert (view.shop_code, view.payer, view.note, view.method) == ("A001", "王芳", "三月电费", "cash")
    assert view.meters == [(await mall.meter()).serial]


async def test_a_receipt_keeps_the_names_of_its_day(mall: SmallMall) -> None:
    booked = await pay(mall)
    before = await show_receipt(mall.as_staff(BOSS), int(booked.top_up_id))
    await Shop.filter(code="A001").update(name="新店")

    assert (await show_receipt(mall.as_staff(BOSS), int(booked.top_up_id))).shop_name == before.shop_name


async def test_the_original_is_free_for_whoever_took_the_money(mall: SmallMall) -> None:
    booked = await pay(mall)

    with pytest.raises(Forbidden):
        await print_once(mall, booked.top_up_id, OTHER, "staff.top_up")

    assert (await print_once(mall, booked.top_up_id, CASHIER, "staff.top_up")).print_count == 1


async def test_a_reprint_takes_a_right_and_leaves_a_record(mall: SmallMall) -> None:
    booked = await pay(mall)
    await print_once(mall, booked.top_up_id, CASHIER, "staff.top_up")

    with pytest.raises(Forbidden):
        await print_once(mall, booked.top_up_id, CASHIER, "staff.top_up")
    again = await print_once(mall, booked.top_up_id, OTHER, "staff.receipt.reprint")

    records = await AuditRecord.filter(operation="staff.receipt.print").order_by("sequence")
    assert again.print_count == 2
    assert [row.actor for row in records] == ["staff:7", "staff:8"]


async def test_a_print_that_is_asked_for_again_counts_once(mall: SmallMall) -> None:
    booked = await pay(mall)
    request_id = str(uuid4())

    for _ in range(3):
        view = await print_once(mall, booked.top_up_id, CASHIER, "staff.top_up", request_id=request_id)

    assert view.print_count == 1


@pytest.mark.mariadb
async def test_a_payment_by_phone_gets_its_number_with_the_first_print(mall: SmallMall) -> None:
    await mall.pay(5_000)
    await pay(mall, 1_000)
    entry_id = (await TopUp.get()).entry_id
    assert entry_id is not None
    before = await show_receipt(mall.as_staff(BOSS), entry_id)

    prints = [print_once(mall, entry_id, OTHER, "staff.receipt.reprint") for _ in range(4)]
    views = await asyncio.gather(*prints)

    assert (before.number, before.method, before.balance_after_fen) == (None, "wechat", 5_000)
    assert {view.number for view in views} == {"20260302-0002"}
    assert sorted(view.print_count for view in views) == [1, 2, 3, 4]
    assert {view.balance_after_fen for view in views} == {5_000}
    assert await Receipt.all().count() == 2


async def test_receipts_are_found_by_number_shop_day_and_cashier(mall: SmallMall) -> None:
    first = await pay(mall, 1_000)
    second = await pay(mall, 2_000, "A002", staff=OTHER)
    mall.clock.advance(24 * 3600)
    third = await pay(mall, 3_000)
    await mall.pay(4_000)

    async def found(**wanted: object) -> list[str]:
        page = await list_receipts(mall.site_id, Wanted(**wanted))  # type: ignore[arg-type]
        return [row.entry_id for row in page.rows]

    assert len(await found()) == 4
    assert await found(number="0002") == [second.top_up_id]
    assert await found(shop="A002") == [second.top_up_id]
    assert await found(shop="没有这家") == []
    assert await found(staff_id=OTHER) == [second.top_up_id]
    assert await found(first_on=date(2026, 3, 2), last_on=date(2026, 3, 2)) == [
        second.top_up_id,
        first.top_up_id,
    ]
    assert await found(account_id=(await mall.account()).id, staff_id=CASHIER) == [
        third.top_up_id,
        first.top_up_id,
    ]


async def test_a_long_list_comes_in_pages(mall: SmallMall) -> None:
    for _ in range(52):
        await pay(mall, 100)

    page = await list_receipts(mall.site_id, Wanted())
    rest = await list_receipts(mall.site_id, Wanted(before_id=int(page.next_before_id or 0)))

    assert (len(page.rows), len(rest.rows), rest.next_before_id) == (50, 2, None)
    assert page.rows[0].number == "20260302-0052"


@pytest.mark.mariadb
async def test_a_reversal_takes_the_money_off_again_by_a_second_person(mall: SmallMall) -> None:
    booked = await pay(mall, method=Method.CARD, received_fen=None, reference="1")
    asked = await ask_reversal(mall.as_staff(CASHIER), int(booked.top_up_id), "收错商铺")
    waiting = await show_receipt(mall.as_staff(CASHIER), int(booked.top_up_id))

    with pytest.raises(OwnRequest):
        await decide_reversal(mall.as_staff(CASHIER), int(asked.approval_id), True)
    await decide_reversal(mall.as_staff(BOSS), int(asked.approval_id), True)

    undone = await Entry.get(kind="REVERSAL")
    legs = {row.ledger_account: row.amount_fen for row in await Posting.filter(entry_id=undone.id)}
    view = await show_receipt(mall.as_staff(CASHIER), int(booked.top_up_id))
    assert (await mall.account()).settled_fen == 0
    assert legs == {"channel:card": 50_000, f"balance:{(await mall.account()).id}": -50_000}
    assert waiting.reversal is not None
    assert (waiting.reversal.state, waiting.reversal.approval_id) == ("asked", asked.approval_id)
    assert view.reversal is not None
    assert (view.reversal.state, view.reversal.reason) == ("reversed", "收错商铺")
    assert await verify_books(mall.ctx.settings.ledger_key) == []


@pytest.mark.mariadb
async def test_two_approvals_at_once_undo_it_once(mall: SmallMall) -> None:
    booked = await pay(mall)
    asked = await ask_reversal(mall.as_staff(CASHIER), int(booked.top_up_id), "收错商铺")

    answers = [decide_reversal(mall.as_staff(BOSS + n), int(asked.approval_id), True) for n in range(4)]
    results = await asyncio.gather(*answers, return_exceptions=True)

    assert (await mall.account()).settled_fen == 0
    assert sorted(type(one).__name__ for one in results) == [*["AlreadyDecided"] * 3, "NoneType"]


async def test_a_reversal_waits_in_the_inbox_of_whoever_may_decide(mall: SmallMall) -> None:
    booked = await pay(mall)
    await ask_reversal(mall.as_staff(CASHIER), int(booked.top_up_id), "收错商铺")

    (waiting,) = await list_waiting(mall.as_staff(BOSS, "staff.reversal.approve"))

    assert waiting.title.endswith("充值 500.00 元（收据 20260302-0001）")
    assert (waiting.words, waiting.to) == ("冲正", f"/counter/receipts?entry={booked.top_up_id}")
    assert await list_waiting(mall.as_staff(CASHIER, "staff.reversal.approve")) == []


async def test_a_refused_reversal_moves_nothing(mall: SmallMall) -> None:
    booked = await pay(mall)
    asked = await ask_reversal(mall.as_staff(CASHIER), int(booked.top_up_id), "收错商铺")
    with pytest.raises(AlreadyAsked):
        await ask_reversal(mall.as_staff(OTHER), int(booked.top_up_id), "收错商铺")

    await decide_reversal(mall.as_staff(BOSS), int(asked.approval_id), False)

    assert (await mall.account()).settled_fen == 50_000
    with pytest.raises(AlreadyDecided):
        await decide_reversal(mall.as_staff(BOSS), int(asked.approval_id), True)


async def test_what_was_undone_is_not_undone_again(mall: SmallMall) -> None:
    booked = await pay(mall)
    await undo(mall, booked.top_up_id)

    with pytest.raises(AlreadyReversed):
        await ask_reversal(mall.as_staff(CASHIER), int(booked.top_up_id), "再冲一次")
    assert (await list_receipts(mall.site_id, Wanted())).rows[0].reversed


async def test_a_payment_of_wechats_is_never_undone_here(mall: SmallMall) -> None:
    await mall.pay(5_000)
    entry_id = (await TopUp.get()).entry_id

    with pytest.raises(PaidByWechat):
        await ask_reversal(mall.as_staff(CASHIER), int(entry_id or 0), "收错商铺")


async def test_a_reversal_may_lead_into_arrears_by_the_usual_rules(mall: SmallMall) -> None:
    await mall.read()
    booked = await pay(mall)
    await mall.read(used_wh=1_200)

    await undo(mall, booked.top_up_id)

    assert (await mall.account()).in_arrears
    assert (await mall.supply()).desired is Relay.ON  # Warned first, then the delay.


async def test_another_malls_receipt_is_not_found(mall: SmallMall) -> None:
    booked = await pay(mall)
    asked = await ask_reversal(mall.as_staff(CASHIER), int(booked.top_up_id), "收错商铺")
    await Account.all().update(site_id=mall.site_id + 1)
    await Entry.all().update(site_id=mall.site_id + 1)

    for call in (
        show_receipt(mall.as_staff(BOSS), int(booked.top_up_id)),
        print_once(mall, booked.top_up_id, BOSS, "staff.receipt.reprint"),
        ask_reversal(mall.as_staff(BOSS), int(booked.top_up_id), "别处"),
        decide_reversal(mall.as_staff(BOSS), int(asked.approval_id), True),
    ):
        with pytest.raises(NotFound):
            await call
