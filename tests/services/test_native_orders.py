"""A code on the customer screen: paid by whoever scans it, booked by the one function, declared by nobody."""

import asyncio
import json
from uuid import uuid4

import pytest

from backend.errors import ChannelUnsure, NotFound
from backend.models.ledger import Entry, Posting
from backend.models.payments import TopUp, TopUpState
from backend.models.site import Shop
from backend.payments.port import CallbackRefused, OrderState, PaidOrder
from backend.services.accept_callback import accept_callback
from backend.services.begin_top_up import AmountOutOfRange, HoardLimit, RequestReused
from backend.services.book_payment import book_payment
from backend.services.follow_counter import CounterTrack, follow_counter
from backend.services.native_orders import (
    NativeOrder,
    PracticeHasNoCode,
    Scan,
    cancel_native,
    order_native,
)
from backend.services.verify_books import verify_books
from common.units import Fen
from common.wire import Relay, Stage
from tests.services.mall import SmallMall

REQUEST = "6f4d0a34-5c0e-4d0e-9d6b-1f6f5f0f0002"


async def order(
    mall: SmallMall, amount_fen: int = 50_000, shop: str = "A001", request_id: str = "", **more: str
) -> NativeOrder:
    account = await mall.account(shop)
    scan = Scan(amount_fen=amount_fen, request_id=request_id or str(uuid4()), **more)
    return await order_native(mall.as_staff(7, "staff.top_up"), account.id, scan)


async def scanned(mall: SmallMall, made: NativeOrder, openid: str = "whoever") -> PaidOrder:
    """Let somebody scan the code and pay at the channel."""
    paid = mall.paid(await TopUp.get(order_no=made.order_no), openid=openid)
    mall.channel.take(paid)
    return paid


async def follow(mall: SmallMall, made: NativeOrder) -> CounterTrack:
    return await follow_counter(mall.as_staff(8, "staff.top_up"), int(made.top_up_id))


async def test_the_screen_gets_a_code_to_draw(mall: SmallMall) -> None:
    made = await order(mall)

    assert made.code_url == f"weixin://wxpay/bizpayurl?pr={made.order_no}"
    assert (made.state, (await follow(mall, made)).sentence) == ("prepared", "等待顾客扫码付款")


@pytest.mark.mariadb
async def test_whoever_scans_pays_and_it_is_booked_as_wechats_money(mall: SmallMall) -> None:
    made = await order(mall, payer="王芳", note="代付")
    mall.channel.answer = await scanned(mall, made)

    await accept_callback(mall.ctx)
    await accept_callback(mall.ctx)

    account = await mall.account()
    entry = await Entry.get()
    facts = json.loads(entry.facts)
    legs = {row.ledger_account: row.amount_fen for row in await Posting.filter(entry_id=entry.id)}
    assert legs == {"channel:wechat": -50_000, f"balance:{account.id}": 50_000}
    assert (facts["scene"], facts["staff_id"], facts["payer"], facts["note"]) == (
        "native",
        "7",
        "王芳",
        "代付",
    )
    assert (await TopUp.get()).openid == "whoever"
    assert await verify_books(mall.ctx.settings.ledger_key) == []


async def test_it_is_booked_by_query_alone_and_soon(mall: SmallMall) -> None:
    made = await order(mall)
    for _ in range(8):
        await mall.wait(5, shop=None)
    await scanned(mall, made)

    await mall.wait(3, shop=None)

    assert (await TopUp.get()).booked_by == "query"
    assert (await follow(mall, made)).state == "booked"


@pytest.mark.mariadb
async def test_the_callback_the_query_and_a_cancel_at_once_book_once(mall: SmallMall) -> None:
    made = await order(mall)
    paid = await scanned(mall, made)

    await asyncio.gather(
        book_payment(mall.ctx, paid, "callback"),
        book_payment(mall.ctx, paid, "query"),
        cancel_native(mall.as_staff(7), int(made.top_up_id)),
    )

    assert (await mall.account()).settled_fen == 50_000
    assert await Entry.all().count() == 1


@pytest.mark.parametrize("paid_fen", [5_000_000, 500, 49_999])
async def test_a_payment_of_another_amount_books_nothing(mall: SmallMall, paid_fen: int) -> None:
    made = await order(mall)
    paid = mall.paid(await TopUp.get(order_no=made.order_no), amount_fen=Fen(paid_fen))

    with pytest.raises(CallbackRefused):
        await book_payment(mall.ctx, paid, "callback")

    assert await Entry.all().count() == 0


async def test_an_order_by_phone_still_belongs_to_its_payer(mall: SmallMall) -> None:
    by_phone = await mall.order(5_000)

    with pytest.raises(CallbackRefused):
        await book_payment(mall.ctx, mall.paid(by_phone, openid="whoever"), "callback")


@pytest.mark.mariadb
async def test_the_same_request_many_times_at_once_is_one_order(mall: SmallMall) -> None:
    made = await asyncio.gather(*(order(mall, request_id=REQUEST) for _ in range(6)))

    assert len({one.order_no for one in made}) == 1
    assert await TopUp.all().count() == 1


async def test_the_same_request_with_other_content_is_refused(mall: SmallMall) -> None:
    await order(mall, request_id=REQUEST)

    for other in ({"amount_fen": 50_001}, {"shop": "A002"}, {"note": "别的"}):
        with pytest.raises(RequestReused):
            await order(mall, **{"request_id": REQUEST, **other})  # type: ignore[arg-type]


async def test_a_silent_channel_is_asked_again_under_the_same_request(mall: SmallMall) -> None:
    mall.channel.fails.append(ChannelUnsure())
    with pytest.raises(ChannelUnsure):
        await order(mall, request_id=REQUEST)

    assert (await order(mall, request_id=REQUEST)).code_url is not None
    assert await TopUp.all().count() == 1


async def test_a_cancelled_code_is_closed_at_the_channel(mall: SmallMall) -> None:
    made = await order(mall)

    closed = await cancel_native(mall.as_staff(7), int(made.top_up_id))

    assert (closed.state, closed.code_url) == ("closed", None)
    assert mall.channel.orders[made.order_no].state is OrderState.CLOSED


async def test_a_customer_who_pays_while_it_is_cancelled_gets_the_money_booked(mall: SmallMall) -> None:
    made = await order(mall)

    async def pay(order_no: str) -> None:
        await scanned(mall, made)

    mall.channel.while_closing = pay
    closed = await cancel_native(mall.as_staff(7), int(made.top_up_id))

    assert closed.state == "booked"
    assert (await mall.account()).settled_fen == 50_000


async def test_a_late_payment_of_a_cancelled_code_is_booked(mall: SmallMall) -> None:
    made = await order(mall)
    await cancel_native(mall.as_staff(7), int(made.top_up_id))
    await scanned(mall, made)

    await mall.wait(600, shop=None)

    assert (await TopUp.get()).state is TopUpState.BOOKED
    assert (await mall.account()).settled_fen == 50_000


async def test_a_cancel_that_the_channel_does_not_answer_decides_nothing(mall: SmallMall) -> None:
    made = await order(mall)
    mall.channel.fails.append(ChannelUnsure())

    with pytest.raises(ChannelUnsure):
        await cancel_native(mall.as_staff(7), int(made.top_up_id))

    assert (await TopUp.get()).state is TopUpState.PREPARED


@pytest.mark.parametrize("amount_fen", [999, 2_000_001, 0, -1])
async def test_an_amount_out_of_range_is_refused_on_its_field(mall: SmallMall, amount_fen: int) -> None:
    with pytest.raises(AmountOutOfRange) as refused:
        await order(mall, amount_fen)

    assert refused.value.fields == {"amount_fen": "扫码每次 10.00 至 20,000.00 元"}


async def test_more_than_may_be_stored_gets_no_code(mall: SmallMall) -> None:
    await mall.pay(4_900_000)

    with pytest.raises(HoardLimit):
        await order(mall, 100_001)


async def test_a_shop_to_practise_on_gets_no_code(mall: SmallMall) -> None:
    await Shop.filter(code="A001").update(practice=True)

    with pytest.raises(PracticeHasNoCode):
        await order(mall)

    assert mall.channel.calls == []


async def test_another_malls_order_is_not_found(mall: SmallMall) -> None:
    made = await order(mall)
    await TopUp.all().update(site_id=mall.site_id + 1)

    for call in (follow(mall, made), cancel_native(mall.as_staff(7), int(made.top_up_id))):
        with pytest.raises(NotFound):
            await call


async def test_the_track_shows_every_step_until_the_power_is_back(mall: SmallMall) -> None:
    await mall.cut_off()
    made = await order(mall)
    await book_payment(mall.ctx, await scanned(mall, made), "callback")
    booked = await follow(mall, made)
    assert (booked.state, booked.restore_needed, booked.sentence) == ("booked", True, "已入账，正在送电")

    await mall.outcome(Stage.ACKNOWLEDGED)
    await mall.outcome(Stage.VERIFIED, relay=Relay.ON)

    track = await follow(mall, made)
    assert None not in (track.booked_at, track.ordered_at, track.acknowledged_at, track.verified_at)
    assert (track.sentence, track.is_done) == ("已入账，已送电", True)
