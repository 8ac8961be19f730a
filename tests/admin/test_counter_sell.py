"""The counter by keyboard: from the search to the receipt, and never twice."""

import re
import time

import pytest
from playwright.async_api import Page, Route, expect

from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.models.receipts import Receipt
from common.units import NANOYUAN_PER_FEN
from common.wire import Relay
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.admin.counter_steps import boxes, choose, cut_off, till_for
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

TOP_UPS = "**/counter-top-ups"
NO_PRINTER = "window.print = () => { window.printed = (window.printed ?? 0) + 1 }"

# Keeps what the printer would get, since a test cannot print while the page waits for its printer.
KEEP_PAPER = """
window.print = () => {
  const paper = document.querySelector('.only-on-paper').cloneNode(true)
  const sheets = [...document.adoptedStyleSheets]
  document.body.dataset.printed = 'yes'
  window.layPaper = () => {
    document.body.append(paper)
    document.body.classList.add('prints-receipt')
    document.adoptedStyleSheets = sheets
  }
}"""


async def test_a_sale_by_keyboard_alone_from_the_search_to_the_receipt(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    till = await till_for(stage, 0)
    before_fen = await till.settled_fen()
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    await expect(page.locator("[data-counter-search]")).to_be_focused()

    began = time.perf_counter()
    await choose(page, till)
    await page.keyboard.type("500")
    await page.keyboard.press("Enter")  # To the methods,
    await page.keyboard.press("1")  # cash,
    await page.keyboard.press("Enter")  # to what was handed over.
    await page.keyboard.type("600")
    await expect(page.locator(".change")).to_contain_text("¥100.00")
    await page.keyboard.press("F9")
    await expect(page.locator(".strip")).to_contain_text("已入账")
    seconds = time.perf_counter() - began

    print(f"\nfrom the search to the printed receipt by keyboard: {seconds:.2f} s")
    assert seconds < 15
    (entry,) = await till.entries()
    receipt = await Receipt.get(entry_id=entry.id)
    assert await till.settled_fen() == before_fen + 50_000
    await expect(page.locator("[data-counter-search]")).to_be_focused()
    await expect(page.locator(".recent")).to_contain_text(receipt.number)
    await expect(page.locator(".recent")).to_contain_text("1 次")
    assert await page.evaluate("window.printed") == 1
    await picture("counter-done", 1366, 768)


async def test_the_screen_keeps_nobody_out_and_fits_both_sizes(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    till = await till_for(stage, 1)
    await Account.filter(id=till.account_id).update(mean_daily_nano=4_000 * NANOYUAN_PER_FEN)
    await sign_in(page, "cashier", "/counter")
    await picture("counter-empty", 1366, 768)
    await choose(page, till)
    await page.keyboard.type("500")
    await page.fill("input[name=received]", "600")

    await picture("counter", 1920, 1080)
    await picture("counter", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)
    confirm = page.get_by_role("button", name="确认收款并打印")
    await expect(confirm).to_be_in_viewport()


async def test_f4_fills_up_thirty_days_and_the_sum_says_so(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    till = await till_for(stage, 28)
    daily_fen = 4_000
    await Account.filter(id=till.account_id).update(mean_daily_nano=daily_fen * NANOYUAN_PER_FEN)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await page.keyboard.press("F4")

    wanted_fen = max(0, 30 * daily_fen - await till.settled_fen())
    whole_yuan = -(-wanted_fen // 100)
    await expect(page.locator("input[name=amount]")).to_have_value(f"{whole_yuan:,}.00")
    await expect(page.locator(".after")).to_contain_text(re.compile("约 (29|30) 天"))


async def test_two_enters_on_the_button_book_once(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    till = await till_for(stage, 18)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await page.keyboard.type("140")
    await page.get_by_role("button", name="确认收款并打印").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator(".strip")).to_contain_text("¥140.00")

    await page.wait_for_timeout(300)
    assert len(await till.entries()) == 1


async def test_a_printer_that_fails_stops_no_sale(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    till = await till_for(stage, 19)
    await sign_in(page, "cashier", "/counter")
    await page.route("**/prints", lambda route: route.abort())
    await choose(page, till)
    await page.keyboard.type("150")
    await page.keyboard.press("F9")

    await expect(page.locator(".strip")).to_contain_text("¥150.00")
    await expect(page.get_by_text("已收款，收据没有打印")).to_be_visible()
    await expect(page.locator("[data-counter-search]")).to_be_focused()
    assert len(await till.entries()) == 1


async def test_what_f9_prints_is_the_receipt_alone_as_wide_as_the_roll(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    till = await till_for(stage, 26)
    await page.add_init_script(KEEP_PAPER)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await page.keyboard.type("160")
    await page.keyboard.press("F9")
    await expect(page.locator(".strip")).to_contain_text("¥160.00")
    await expect(page.locator("body[data-printed]")).to_be_attached()

    await page.evaluate("window.layPaper()")
    pdf = await page.pdf(prefer_css_page_size=True)

    (box,) = boxes(pdf)
    assert abs(box[0] - 227) <= 1
    assert box[1] < 450


async def test_a_session_that_ends_before_the_sale_is_asked_for_and_the_sale_goes_on(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    till = await till_for(stage, 27)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await page.keyboard.type("170")
    await page.context.clear_cookies()
    await page.keyboard.press("F9")
    await expect(page.locator("input[name=username]")).to_have_value("cashier")
    await page.fill("input[name=password]", "correct horse battery")
    await page.keyboard.press("Enter")

    await expect(page.locator(".strip")).to_contain_text("¥170.00")
    assert len(await till.entries()) == 1


async def test_a_double_f9_and_a_double_click_book_once(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    till = await till_for(stage, 2)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    for amount in ("120", "130"):
        await choose(page, till)
        await page.keyboard.type(amount)
        if amount == "120":
            await page.keyboard.press("F9")
            await page.keyboard.press("F9")
        else:
            await page.get_by_role("button", name="只收款").dblclick()
        await expect(page.locator(".strip").first).to_contain_text(f"¥{amount}.00")

    await page.wait_for_timeout(300)
    assert len(await till.entries()) == 2


async def test_an_answer_that_is_lost_is_asked_for_again_and_booked_once(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    till = await till_for(stage, 3)
    before_fen = await till.settled_fen()
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await page.keyboard.type("210")
    lost = []

    async def lose(route: Route) -> None:
        there = route.request.url.replace("cashier.localhost", "127.0.0.1")
        lost.append((await route.fetch(url=there)).status)  # The server has booked it;
        await route.abort()  # the line is cut before we hear of it.

    await page.route(TOP_UPS, lose)
    await page.keyboard.press("F9")
    await expect(page.get_by_text("这笔是否入账还不确定")).to_be_visible()
    await picture("counter-unsure", 1366, 768)
    await page.unroute(TOP_UPS)
    await page.reload()  # Even a new page knows what it sent.
    await expect(page.get_by_text("同一笔只会入账一次")).to_be_visible()
    await page.keyboard.press("F9")

    await expect(page.locator(".strip")).to_contain_text("¥210.00")
    assert lost == [201]
    assert len(await till.entries()) == 1
    assert await till.settled_fen() == before_fen + 21_000


async def test_a_request_that_never_arrived_is_booked_by_its_retry(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    till = await till_for(stage, 4)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await page.keyboard.type("220")
    await page.route(TOP_UPS, lambda route: route.abort())
    await page.keyboard.press("F8")
    await expect(page.get_by_role("button", name="重试（不会重复收款）")).to_be_visible()
    await page.unroute(TOP_UPS)

    await page.keyboard.press("F9")

    await expect(page.locator(".strip")).to_contain_text("¥220.00")
    assert len(await till.entries()) == 1


async def test_the_same_form_in_two_tabs_is_warned_of_in_the_second(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    till = await till_for(stage, 5)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    other = await page.context.new_page()
    await other.add_init_script(NO_PRINTER)
    await sign_in(other, "cashier", f"/counter?account={till.account_id}")
    await other.locator("input[name=amount]").fill("230")
    await page.bring_to_front()
    await choose(page, till)
    await page.keyboard.type("230")
    await page.keyboard.press("F9")
    await expect(page.locator(".strip")).to_contain_text("¥230.00")

    await other.bring_to_front()
    await other.keyboard.press("F9")
    await expect(other.get_by_text("刚充过 ¥230.00，是否重复")).to_be_visible()
    await other.keyboard.press("F9")  # A bouncing key is no answer.
    await expect(other.get_by_text("不是重复的话，请再按一次确认")).to_be_visible()
    await other.screenshot()
    assert len(await till.entries()) == 1
    await other.wait_for_timeout(800)
    await other.keyboard.press("F9")
    await expect(other.locator(".strip")).to_contain_text("¥230.00")
    await other.close()
    assert len(await till.entries()) == 2


async def test_the_back_button_sends_nothing_again(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    till = await till_for(stage, 6)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", f"/counter?account={till.account_id}")
    await page.locator("input[name=amount]").fill("240")
    await page.keyboard.press("F9")
    await expect(page.locator(".strip")).to_contain_text("¥240.00")
    await page.goto(page.url.replace("/counter", "/counter/receipts"))
    await page.go_back()
    await expect(page.locator("[data-counter-search]")).to_be_visible()
    await page.keyboard.press("F9")

    await page.wait_for_timeout(300)
    assert len(await till.entries()) == 1


async def test_money_switches_the_power_on_and_the_strip_shows_each_step(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    till = await till_for(stage, 7)
    await cut_off(stage, till)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await expect(page.locator("section.shop")).to_contain_text("欠费断电")
    await page.keyboard.type("500")
    await expect(page.get_by_text("充值后将自动送电")).to_be_visible()
    await picture("counter-off", 1366, 768)
    await page.keyboard.press("F9")
    strip = page.locator(".strip")
    await expect(strip).to_contain_text("已入账，正在送电")
    await choose(page, await till_for(stage, 8))  # The next customer need not wait.

    await stage.converge(till.shop.code)

    await expect(strip).to_contain_text("已入账，已送电")
    await expect(strip.locator("ol .done")).to_have_count(5)
    assert (await stage.supply(till.shop.code)).desired is Relay.ON
    await picture("counter-powered", 1366, 768)


async def test_a_silent_meter_is_said_and_the_money_is_safe(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    till = await till_for(stage, 29)
    await cut_off(stage, till)
    meter = await stage.meter(till.shop.code)
    await MeterState.filter(meter_id=meter.id).update(silent_since_at=stage.clock.now())
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", f"/counter?account={till.account_id}")
    await expect(page.locator("section.shop")).to_contain_text("离线")
    await page.locator("input[name=amount]").fill("500")
    await expect(page.get_by_text("电表离线：恢复通讯后自动送电")).to_be_visible()
    await page.keyboard.press("F9")

    await expect(page.locator(".strip")).to_contain_text("已入账，电表恢复通讯后自动送电")
    await stage.converge(till.shop.code)
    await expect(page.locator(".strip")).to_contain_text("已入账，已送电")


async def test_keys_do_not_fight_with_what_is_typed(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    till = await till_for(stage, 9)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)

    await page.keyboard.type("1234")  # Digits in the amount are the amount.
    await expect(page.locator("input[name=amount]")).to_have_value("1234")
    await expect(page.get_by_role("radio", name="现金")).to_be_checked()
    await page.keyboard.press("Enter")
    await page.keyboard.press("3")
    await expect(page.get_by_role("radio", name="刷卡")).to_be_checked()
    await page.keyboard.press("Enter")
    await expect(page.locator("input[name=reference]")).to_be_focused()
    await page.keyboard.type("12")
    await expect(page.locator("input[name=reference]")).to_have_value("12")
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-counter-search]")).to_be_focused()
    await expect(page.locator("section.shop")).to_have_count(0)


async def test_what_is_refused_stands_at_its_field(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    till = await till_for(stage, 10)
    await sign_in(page, "cashier", "/counter")
    await choose(page, till)
    await page.keyboard.type("50001")
    await page.keyboard.press("F9")
    await expect(page.locator(".el-form-item.is-error")).to_contain_text("每次充值 1.00 至 50,000.00 元")
    await expect(page.locator("input[name=amount]")).to_be_focused()

    await page.fill("input[name=amount]", "500")
    await page.fill("input[name=received]", "400")
    await page.keyboard.press("F9")

    await expect(page.locator(".el-form-item.is-error")).to_contain_text("实收不足")
    assert await till.entries() == []


@pytest.mark.parametrize("role", ["finance", "electrician", "manager", "administrator"])
async def test_other_roles_see_no_till_and_are_refused(
    page: Page, stage: OnStage, sign_in: SignIn, role: str
) -> None:
    till = await till_for(stage, 11)
    await sign_in(page, role, "/counter")

    await expect(page.get_by_role("heading", name="售电收款")).to_have_count(0)
    await expect(page.get_by_label("主菜单").get_by_text("售电收款")).to_have_count(0)
    await expect(page.locator("[data-counter-search]")).to_have_count(0)
    status = await page.evaluate(
        """async (id) => {
          const me = await (await fetch('/api/v1/staff/me')).json()
          const body = JSON.stringify({ amount_fen: 100, method: 'cash', received_fen: 100,
            request_id: '6f4d0a34-5c0e-4d0e-9d6b-1f6f5f0f0009' })
          const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf_token }
          const to = `/api/v1/staff/accounts/${id}/counter-top-ups`
          return (await fetch(to, { method: 'POST', headers, body })).status
        }""",
        str(till.account_id),
    )
    assert status == 403
