"""Booking a payment: once, exactly, whichever leg brings it, however often and however late."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from backend.context import Context
from backend.errors import Bug
from backend.models.ledger import Entry, Posting
from backend.models.payments import TopUp, TopUpState
from backend.models.supply import ArrearsEpisode
from backend.payments.port import CallbackReason, CallbackRefused, OrderState, PaidOrder
from backend.services.accept_callback import accept_callback
from backend.services.book_payment import Booked, book_payment
from backend.services.reconcile_payments import ask_about
from backend.services.verify_books import verify_books
from common.units import Fen
from common.wire import Relay, Stage
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def booked_or_refused(ctx: Context, paid: PaidOrder, leg: str = "callback") -> Booked | CallbackRefused:
    try:
        return await book_payment(ctx, paid, leg)
    except CallbackRefused as error:
        return error


async def sound(mall: SmallMall, settled_fen: int) -> bool:
    """The balance is so much and the books agree with it."""
    balance = (await mall.account()).settled_fen
    return balance == settled_fen and await verify_books(mall.ctx.settings.ledger_key) == []


async def test_a_hundred_deliveries_at_once_book_once(mall: SmallMall) -> None:
    paid = mall.paid(await mall.order(5_000))

    results = await asyncio.gather(*(book_payment(mall.ctx, paid, "callback") for _ in range(100)))

    assert [one.is_first for one in results].count(True) == 1
    assert await Entry.all().count() == 1
    assert await sound(mall, 5_000)


async def test_many_payments_of_one_shop_at_once_lose_nothing(mall: SmallMall) -> None:
    orders = [mall.paid(await mall.order(100 + number)) for number in range(20)]

    await asyncio.gather(*(book_payment(mall.ctx, paid, "callback") for paid in orders))

    assert await sound(mall, sum(100 + number for number in range(20)))


async def test_callback_and_query_at_once_book_once(mall: SmallMall) -> None:
    order = await mall.order(5_000)
    mall.channel.take(mall.paid(order))

    await asyncio.gather(
        *(book_payment(mall.ctx, mall.paid(order), "callback") for _ in range(3)),
        *(ask_about(mall.ctx, order.id) for _ in range(3)),
    )

    assert await Posting.all().count() == 2
    assert await sound(mall, 5_000)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_fen": Fen(4_999)}, CallbackReason.WRONG_AMOUNT),
        ({"amount_fen": Fen(5_001)}, CallbackReason.WRONG_AMOUNT),
        ({"openid": "somebody else"}, CallbackReason.WRONG_PAYER),
        ({"order_no": "PW1"}, CallbackReason.UNKNOWN_ORDER),
    ],
)
async def test_what_does_not_fit_its_order_is_refused(
    mall: SmallMall, change: dict[str, str], reason: CallbackReason
) -> None:
    paid = msgspec.structs.replace(mall.paid(await mall.order(5_000)), **change)

    result = await booked_or_refused(mall.ctx, paid)

    assert isinstance(result, CallbackRefused)
    assert (result.reason, await Entry.all().count()) == (reason, 0)
    assert (await TopUp.get()).state is TopUpState.PREPARED


async def test_a_coupon_pays_the_full_amount(mall: SmallMall) -> None:
    order = await mall.order(5_000)

    await book_payment(mall.ctx, mall.paid(order, payer_total_fen=Fen(4_000)), "callback")

    assert await sound(mall, 5_000)


async def test_the_same_transaction_with_another_amount_is_a_bug(mall: SmallMall) -> None:
    order = await mall.order(5_000)
    await book_payment(mall.ctx, mall.paid(order), "callback")

    with pytest.raises(Bug):
        await book_payment(mall.ctx, mall.paid(order, amount_fen=Fen(6_000)), "query")

    assert await sound(mall, 5_000)


async def test_one_transaction_pays_one_order(mall: SmallMall) -> None:
    first = mall.paid(await mall.order(5_000))
    await book_payment(mall.ctx, first, "callback")
    other = mall.paid(await mall.order(5_000), transaction_id=first.transaction_id)

    with pytest.raises(Bug):
        await book_payment(mall.ctx, other, "callback")

    assert await sound(mall, 5_000)


async def test_two_transactions_for_one_order_are_a_bug(mall: SmallMall) -> None:
    order = await mall.order(5_000)
    await book_payment(mall.ctx, mall.paid(order), "callback")

    with pytest.raises(Bug):
        await book_payment(mall.ctx, mall.paid(order, transaction_id="other"), "callback")

    assert await sound(mall, 5_000)


@pytest.mark.parametrize("state", [TopUpState.CLOSED, TopUpState.REFUSED, TopUpState.CREATED])
async def test_a_late_payment_is_booked_whatever_became_of_its_order(
    mall: SmallMall, state: TopUpState
) -> None:
    order = await mall.order(5_000)
    await TopUp.filter(id=order.id).update(state=state)
    mall.clock.advance(3_600)

    await book_payment(mall.ctx, mall.paid(order), "callback")

    assert (await TopUp.get()).state is TopUpState.BOOKED
    assert await sound(mall, 5_000)


async def test_a_genuine_event_about_something_else_books_nothing(mall: SmallMall) -> None:
    mall.channel.answer = CallbackRefused(CallbackReason.OTHER_EVENT)

    assert await accept_callback(mall.ctx) is None


async def test_a_callback_books_what_it_says(mall: SmallMall) -> None:
    mall.channel.answer = mall.paid(await mall.order(5_000))

    booked = await accept_callback(mall.ctx)

    assert booked is not None and booked.is_first
    assert await sound(mall, 5_000)
    assert "query" not in mall.channel.calls


async def test_a_small_payment_cancels_a_trip_that_has_not_happened(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF

    await mall.pay(100)

    supply = await mall.supply()
    assert (supply.desired, supply.generation, await mall.holds()) == (Relay.ON, 2, ["band"])
    assert (await mall.account()).in_arrears


async def test_a_payment_below_the_restore_level_leaves_a_carried_out_trip(mall: SmallMall) -> None:
    await mall.cut_off()

    await mall.pay(500)

    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.OFF, 1)
    await mall.pay(700)
    supply = await mall.supply()
    assert (supply.desired, supply.generation) == (Relay.ON, 2)
    assert (await ArrearsEpisode.get()).end == "paid"


async def test_a_payment_that_leaves_a_debt_changes_no_pending_trip(mall: SmallMall) -> None:
    await mall.drain()
    mall.clock.advance(600)
    await mall.read(used_wh=2_000)
    await mall.prove()

    await mall.pay(100)

    assert await mall.holds() == ["delay"]
    assert (await ArrearsEpisode.get()).proof_at is not None


async def test_the_restore_is_ordered_in_the_payments_own_transaction(mall: SmallMall) -> None:
    await mall.cut_off()
    before = mall.clock.now()

    booked = await mall.pay(5_000)

    supply = await mall.supply()
    assert (supply.desired, supply.desired_at) == (Relay.ON, before)
    assert booked.is_first
    await mall.outcome(Stage.SENT)
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)
    assert (await mall.supply()).verified_generation == 2


async def test_money_that_fits_no_order_is_a_persons_business_and_holds_the_trip(mall: SmallMall) -> None:
    await mall.drain()
    order = await mall.order(5_000)
    mall.channel.take(mall.paid(order, amount_fen=Fen(4_000)))

    found = await ask_about(mall.ctx, order.id)

    assert found.is_settled
    assert await mall.tasks() == ["payment_mismatch"]
    mall.clock.advance(700)
    await mall.prove()
    await mall.wait(61)
    await mall.confirm()
    assert await mall.holds() == ["doubt"]


async def test_a_payment_that_was_refunded_is_booked_and_shown_to_finance(mall: SmallMall) -> None:
    order = await mall.order(5_000)
    mall.channel.take(mall.paid(order), OrderState.REFUNDED)

    await ask_about(mall.ctx, order.id)

    assert await sound(mall, 5_000)
    assert await mall.tasks() == ["payment_mismatch"]


async def test_a_payment_is_booked_at_the_time_it_counts_and_remembers_when_it_was_paid(
    mall: SmallMall,
) -> None:
    order = await mall.order(5_000)
    paid_at = mall.clock.now()
    mall.clock.advance(3_600)

    await book_payment(mall.ctx, mall.paid(order, paid_at=paid_at), "query")

    top_up = await TopUp.get()
    assert (top_up.paid_at, top_up.booked_at) == (paid_at, paid_at + timedelta(hours=1))
    assert top_up.booked_by == "query"
