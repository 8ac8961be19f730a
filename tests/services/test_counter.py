"""Money at the counter: exact, booked once, with the next receipt number; paid means powered."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from backend.errors import Invalid, NotFound
from backend.models.accounts import Account
from backend.models.audit import AuditRecord
from backend.models.ledger import Entry, Posting
from backend.models.receipts import Receipt
from backend.models.site import Shop
from backend.services.begin_top_up import HOARD_LIMIT_FEN, AmountOutOfRange, HoardLimit, RequestReused
from backend.services.counter_top_up import (
    AccountClosed,
    CounterTopUp,
    Method,
    Payment,
    top_up_at_counter,
)
from backend.services.verify_books import verify_books
from backend.store import rows
from common.wire import Relay
from tests.services.mall import SmallMall

REQUEST = "6f4d0a34-5c0e-4d0e-9d6b-1f6f5f0f0001"


async def pay(
    mall: SmallMall, amount_fen: int = 50_000, shop: str = "A001", staff: int = 7, **more: Any
) -> CounterTopUp:
    values: dict[str, Any] = {"method": Method.CASH, "received_fen": amount_fen, "request_id": str(uuid4())}
    account = await mall.account(shop)
    payment = Payment(amount_fen=amount_fen, **{**values, **more})
    return await top_up_at_counter(mall.as_staff(staff, "staff.top_up"), account.id, payment)


async def legs(entry_id: str) -> dict[str, int]:
    return {row.ledger_account: row.amount_fen for row in await Posting.filter(entry_id=int(entry_id))}


@pytest.mark.mariadb
async def test_cash_is_booked_to_the_fen_with_its_change(mall: SmallMall) -> None:
    booked = await pay(mall, 50_001, received_fen=60_000, payer="王芳", note="三月")

    account = await mall.account()
    assert (booked.change_fen, booked.balance_before_fen, booked.balance_after_fen) == (9_999, 0, 50_001)
    assert await legs(booked.top_up_id) == {"channel:cash": -50_001, f"balance:{account.id}": 50_001}
    assert account.settled_fen == 50_001
    assert await verify_books(mall.ctx.settings.ledger_key) == []


@pytest.mark.parametrize(("method", "channel"), [("transfer", "channel:transfer"), ("card", "channel:card")])
async def test_a_transfer_and_a_card_have_legs_of_their_own(
    mall: SmallMall, method: str, channel: str
) -> None:
    booked = await pay(mall, method=Method(method), received_fen=None, reference="20260302001")

    assert channel in await legs(booked.top_up_id)
    assert booked.change_fen is None
    facts = json.loads((await Entry.get()).facts)
    assert (facts["method"], facts["reference"], facts["staff_id"]) == (method, "20260302001", "7")
    assert facts["receipt"] == booked.receipt_number


@pytest.mark.mariadb
async def test_the_same_request_many_times_at_once_is_booked_once(mall: SmallMall) -> None:
    answers = await asyncio.gather(*(pay(mall, request_id=REQUEST) for _ in range(8)))

    assert (await mall.account()).settled_fen == 50_000
    assert await Entry.all().count() == await Receipt.all().count() == 1
    assert len({(one.top_up_id, one.receipt_number, one.balance_after_fen) for one in answers}) == 1
    assert sorted(one.repeated for one in answers) == [False, *[True] * 7]


async def test_a_retry_after_others_paid_still_gets_the_first_answer(mall: SmallMall) -> None:
    first = await pay(mall, request_id=REQUEST, received_fen=60_000)
    await pay(mall, 1_000)

    again = await pay(mall, request_id=REQUEST, received_fen=60_000, staff=8)

    assert (again.receipt_number, again.balance_after_fen, again.repeated) == (
        first.receipt_number,
        50_000,
        True,
    )


@pytest.mark.parametrize(
    "other",
    [
        {"amount_fen": 50_001, "received_fen": 60_000},
        {"received_fen": 70_000},
        {"payer": "李四"},
        {"note": "别的"},
        {"method": Method.CARD, "received_fen": None, "reference": "1"},
        {"shop": "A002"},
    ],
)
async def test_the_same_request_with_other_content_is_refused(mall: SmallMall, other: dict[str, Any]) -> None:
    await pay(mall, request_id=REQUEST, received_fen=60_000)

    with pytest.raises(RequestReused):
        await pay(mall, **{"request_id": REQUEST, "received_fen": 60_000, **other})

    assert await Entry.all().count() == 1


@pytest.mark.mariadb
async def test_the_same_request_for_two_shops_at_once_is_booked_for_one(mall: SmallMall) -> None:
    both = (pay(mall, shop=shop, request_id=REQUEST) for shop in ("A001", "A002"))
    results: list[Any] = await asyncio.gather(*both, return_exceptions=True)

    assert sorted(type(one).__name__ for one in results) == ["CounterTopUp", "RequestReused"]
    assert [row["count"] for row in await rows("SELECT count FROM receipt_day")] == [1]


@pytest.mark.mariadb
async def test_receipts_of_two_tills_run_on_without_gaps(mall: SmallMall) -> None:
    sent = [pay(mall, 100 * (1 + n), f"A00{n % 3 + 1}", staff=n % 2 + 1) for n in range(9)]
    refused = [pay(mall, HOARD_LIMIT_FEN, f"A00{n + 1}") for n in range(3)]
    await asyncio.gather(*sent, *refused, return_exceptions=True)

    numbers = sorted(row.number for row in await Receipt.all())
    assert numbers == [f"20260302-{n:04d}" for n in range(1, len(numbers) + 1)]
    assert len(numbers) == await Entry.all().count() >= 9


async def test_receipts_begin_again_with_the_local_day(mall: SmallMall) -> None:
    await pay(mall)
    mall.clock.advance(13.5 * 3600)  # Midnight in the mall; the afternoon in UTC.

    assert (await pay(mall)).receipt_number == "20260303-0001"


@pytest.mark.parametrize("amount_fen", [0, -1, 99, HOARD_LIMIT_FEN + 1])
async def test_an_amount_out_of_range_is_refused_on_its_field(mall: SmallMall, amount_fen: int) -> None:
    with pytest.raises(AmountOutOfRange) as refused:
        await pay(mall, amount_fen)

    assert refused.value.fields == {"amount_fen": "每次充值 1.00 至 50,000.00 元"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"received_fen": 49_999}, "received_fen"),
        ({"received_fen": 10_000_001}, "received_fen"),
        ({"received_fen": None}, "received_fen"),
        ({"reference": "1"}, "reference"),
        ({"method": Method.CARD, "reference": "1"}, "received_fen"),
        ({"method": Method.TRANSFER, "received_fen": None, "reference": " "}, "reference"),
    ],
)
async def test_what_does_not_fit_the_method_is_refused_on_its_field(
    mall: SmallMall, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await pay(mall, **more)

    assert list(refused.value.fields or {}) == [field]
    assert await Entry.all().count() == 0


async def test_more_than_may_be_stored_is_refused_and_says_what_fits(mall: SmallMall) -> None:
    await pay(mall, HOARD_LIMIT_FEN - 10_000)

    with pytest.raises(HoardLimit) as refused:
        await pay(mall, 10_001)

    assert refused.value.fields == {"amount_fen": "超过余额上限，最多还可充 100.00 元"}
    assert (await pay(mall, 10_000)).balance_after_fen == HOARD_LIMIT_FEN


async def test_a_closed_account_takes_no_money_but_answers_a_retry(mall: SmallMall) -> None:
    await pay(mall, request_id=REQUEST)
    await Account.filter(id=(await mall.account()).id).update(closed_at=mall.clock.now())

    with pytest.raises(AccountClosed):
        await pay(mall)

    assert (await pay(mall, request_id=REQUEST)).repeated


async def test_another_malls_account_is_not_found(mall: SmallMall) -> None:
    account = await mall.account()
    await Account.filter(id=account.id).update(site_id=mall.site_id + 1)

    with pytest.raises(NotFound):
        await pay(mall)


@pytest.mark.mariadb
async def test_cash_orders_the_power_back_on_in_the_same_transaction(mall: SmallMall) -> None:
    await mall.cut_off()

    await pay(mall, 5_000)

    supply = await mall.supply()
    (order,) = await rows("SELECT cause FROM supply_order WHERE generation = ?", [supply.generation])
    assert supply.desired is Relay.ON
    assert order["cause"].startswith("top_up:")


async def test_cash_calls_off_a_trip_that_waits(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()

    await pay(mall, 5_000)
    mall.clock.advance(61)
    await mall.confirm()

    assert (await mall.supply()).desired is Relay.ON
    assert not (await mall.account()).in_arrears


async def test_a_shop_to_practise_on_moves_no_real_money(mall: SmallMall) -> None:
    account = await mall.account()
    await Shop.filter(id=account.shop_id).update(practice=True)

    booked = await pay(mall, method=Method.CARD, received_fen=None, reference="1")

    assert await legs(booked.top_up_id) == {"channel:practice": -50_000, f"balance:{account.id}": 50_000}
    assert booked.receipt_number == "LX20260302-0001"
    assert (await pay(mall, shop="A002")).receipt_number == "20260302-0001"


async def test_the_record_says_what_was_before_and_after(mall: SmallMall) -> None:
    await pay(mall, 1_000)
    await pay(mall, 2_000, note="补交", request_id=REQUEST)
    await pay(mall, 2_000, note="补交", request_id=REQUEST)

    records = await AuditRecord.filter(operation="staff.top_up").order_by("sequence")
    facts = [json.loads(row.facts) for row in records]
    assert [(one.get("before_fen"), one.get("after_fen")) for one in facts[:2]] == [
        (0, 1_000),
        (1_000, 3_000),
    ]
    assert (records[1].reason, facts[2]["repeated"]) == ("补交", True)
