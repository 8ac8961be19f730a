"""A code on the customer screen: shown, paid by a phone, booked by the channel's word, powered; or closed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backend.models.ledger import Entry
from backend.models.payments import TopUp, TopUpState
from backend.models.site import Shop
from simulator.pay_faults import PayFault
from simulator.pay_orders import PayError
from tests.admin.conftest import Picture, SignIn, find_barriers, watch
from tests.admin.counter_steps import Till, choose, cut_off, till_for
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

NO_PRINTER = "window.print = () => { window.printed = (window.printed ?? 0) + 1 }"


@pytest_asyncio.fixture(loop_scope="package")
async def customer(page: Page, stage: OnStage, sign_in: SignIn) -> AsyncIterator[Page]:
    """The second window, turned to the customer; `page` is signed in as the cashier."""
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    async with page.expect_popup() as opened:
        await page.get_by_role("button", name="打开顾客屏").click()
    screen = await opened.value
    problems = watch(screen)
    await expect(screen.get_by_text("电费充值")).to_be_visible()
    await Picture(screen)("customer-idle", 1024, 768)
    await page.bring_to_front()
    await page.locator("[data-counter-search]").focus()
    yield screen
    await screen.close()
    assert not problems, problems


async def show_code(page: Page, till: Till, amount: str, key: str = "F9") -> TopUp:
    await choose(page, till)
    await page.keyboard.type(amount)
    await page.keyboard.press("Enter")
    await page.keyboard.press("4")
    await page.keyboard.press(key)
    await expect(page.get_by_text("等待顾客扫码付款")).to_be_visible()
    return await TopUp.filter(account_id=till.account_id, scene="native").order_by("-id").first()  # type: ignore[return-value]


def someone(stage: OnStage) -> str:
    """The openid of a person with a phone who is no tenant of the shop."""
    return stage.world.people.meet("路人").openid


async def test_a_code_is_shown_paid_by_a_phone_booked_and_powered(
    page: Page, stage: OnStage, customer: Page, picture: Picture
) -> None:
    till = await till_for(stage, 12)
    await cut_off(stage, till)
    before_fen = await till.settled_fen()
    order = await show_code(page, till, "350")
    await expect(customer.get_by_role("img", name="微信收款码")).to_be_visible()
    await expect(customer.get_by_text("350.00")).to_be_visible()
    await picture("counter-code", 1366, 768)
    await Picture(customer)("customer-code", 1024, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)
    found = await find_barriers(customer)
    assert found == [], "\n".join(found)
    assert await till.settled_fen() == before_fen

    stage.world.pay.pay(order.code_url or "", someone(stage))

    await expect(customer.get_by_text("已收款")).to_be_visible(timeout=15_000)
    await Picture(customer)("customer-paid", 1024, 768)
    strip = page.locator(".strip")
    await expect(strip).to_contain_text("已入账，正在送电")
    await stage.converge(till.shop.code)
    await expect(strip).to_contain_text("已入账，已送电")
    assert await till.settled_fen() == before_fen + 35_000
    assert (await TopUp.get(id=order.id)).booked_by == "callback"
    assert (await Entry.get(id=(await TopUp.get(id=order.id)).entry_id)).cause.startswith("wechat:")
    await expect(page.locator(".recent")).to_contain_text("微信扫码")
    assert await page.evaluate("window.printed") == 1


async def test_a_cancelled_code_cannot_be_paid_and_the_form_stays(
    page: Page, stage: OnStage, customer: Page
) -> None:
    till = await till_for(stage, 13)
    before_fen = await till.settled_fen()
    order = await show_code(page, till, "360", "F8")

    await page.keyboard.press("Escape")

    await expect(page.locator("input[name=amount]")).to_be_focused()
    await expect(page.locator("input[name=amount]")).to_have_value("360")
    assert (await TopUp.get(id=order.id)).state is TopUpState.CLOSED
    with pytest.raises(PayError):
        stage.world.pay.pay(order.code_url or "", someone(stage))
    await expect(customer.get_by_role("img", name="微信收款码")).to_have_count(0)
    assert await till.settled_fen() == before_fen


async def test_a_code_outlives_a_reload_and_is_one_order(page: Page, stage: OnStage, customer: Page) -> None:
    till = await till_for(stage, 14)
    order = await show_code(page, till, "370")

    await page.reload()

    await expect(page.get_by_text("等待顾客扫码付款")).to_be_visible()
    assert await TopUp.filter(account_id=till.account_id, scene="native").count() == 1
    stage.world.pay.pay(order.code_url or "", someone(stage))
    await expect(page.locator(".strip")).to_contain_text("¥370.00", timeout=15_000)


async def test_a_payment_is_found_by_asking_when_no_callback_comes(
    page: Page, stage: OnStage, customer: Page
) -> None:
    till = await till_for(stage, 15)
    order = await show_code(page, till, "380")
    stage.world.pay.switches.set(PayFault.CALLBACK_DROPPED, subject=order.order_no)

    stage.world.pay.pay(order.code_url or "", someone(stage))

    await expect(page.locator(".strip")).to_contain_text("¥380.00", timeout=15_000)
    assert (await TopUp.get(id=order.id)).booked_by == "query"
    stage.world.pay.switches.clear()


async def test_the_customer_sees_the_sum_and_the_change(page: Page, stage: OnStage, customer: Page) -> None:
    till = await till_for(stage, 16)
    await choose(page, till)
    await page.keyboard.type("88.50")
    await page.fill("input[name=received]", "100")

    await expect(customer.get_by_text("¥88.50")).to_be_visible()
    await expect(customer.get_by_text("找零 ¥11.50")).to_be_visible()
    await Picture(customer)("customer-sum", 1024, 768)
    await page.keyboard.press("F9")
    await expect(customer.get_by_text("已收款")).to_be_visible()


async def test_a_shop_to_practise_on_gets_no_code(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    till = await till_for(stage, 17)
    await Shop.filter(id=till.shop.id).update(practice=True)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", f"/counter?account={till.account_id}")

    await expect(page.locator("section.shop")).to_contain_text("练习商铺")
    await expect(page.get_by_role("radio", name="扫码")).to_be_disabled()
    await page.locator("input[name=amount]").fill("100")
    await page.keyboard.press("F9")
    await expect(page.locator(".strip")).to_contain_text("LX")
    await Shop.filter(id=till.shop.id).update(practice=False)
