"""A cashier's day: opens an account for an empty shop, sells to it by keyboard, finds the receipt again."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.admin.account_stage import choose, choose_tariff, next_step
from tests.admin.conftest import Picture, RunningMall, SignIn
from tests.admin.counter_steps import boxes
from tests.admin.day_steps import NO_PRINTER, no_barriers, unwired_line, wire
from tests.admin.mall import VACANT_SHOP

pytestmark = pytest.mark.asyncio(loop_scope="package")
PAPER_WIDTH_PT = 227  # 80 mm.


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def free_meter(mall: RunningMall) -> AsyncIterator[str]:
    """The number of a meter that is wired, read and nobody's."""
    async with unwired_line(21) as box:
        yield (await wire(mall, box, "D"))[0]


async def test_the_cashiers_day(
    page: Page, mall: RunningMall, sign_in: SignIn, picture: Picture, free_meter: str
) -> None:
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier")
    await open_the_account(page, free_meter)
    account_id = page.url.rpartition("/")[2].partition("?")[0]
    await picture("day-cashier-opened", 1366, 768)

    await sign_in(page, "cashier")
    tile = page.locator("[data-tile=own_top_ups]")
    before = await tile.locator(".note").inner_text()
    number = await sell_by_keyboard(page)
    await the_receipt_is_as_wide_as_the_roll(page, number)

    row = page.locator(".list tbody tr", has_text=number)
    await expect(row).to_contain_text("¥300.00")
    await expect(row).to_contain_text(VACANT_SHOP)
    await picture("day-cashier-receipts", 1366, 768)
    await no_barriers(page)

    await page.locator("[data-menu='/']").click()
    await expect(tile.locator(".note")).not_to_have_text(before)
    taken = mall.rows(
        "SELECT COUNT(*) AS n, SUM(p.amount_fen) AS fen FROM entry e JOIN posting p ON p.entry_id = e.id"
        " WHERE e.cause LIKE 'counter:%' AND p.ledger_account = ?",
        f"balance:{account_id}",
    )
    assert taken == [{"n": 1, "fen": 30_000}]


async def open_the_account(page: Page, serial: str) -> None:
    """The wizard from the menu to the printed sheet, for the shop that stands empty."""
    await page.locator(".el-sub-menu__title", has_text="柜台").click()
    await page.locator("[data-menu='/account/open']").click()
    await expect(page.get_by_role("heading", name="开户", exact=True)).to_be_visible()
    await choose(page, "商铺", VACANT_SHOP)
    await page.fill("input[name=shop_name]", "老街牛肉粉")
    await page.fill("input[name=tenant_name]", "都匀某餐饮店")
    await page.fill("input[name=contact_name_0]", "赵六")
    await page.fill("input[name=contact_phone_0]", "13900006611")
    await page.get_by_role("button", name="人工核实").click()
    await page.fill("input[name=contact_word_0]", "本人持证件到场")
    await next_step(page)

    await choose(page, "添加电表", serial)
    card = page.get_by_role("region", name=f"电表 {serial}")
    await card.get_by_role("button", name="立即抄表").click()
    await expect(card.get_by_text("正在等电表应答")).to_have_count(0, timeout=30_000)
    await expect(card.get_by_role("alert")).to_have_count(0)
    await next_step(page)
    await choose_tariff(page)
    await next_step(page)
    await page.get_by_role("button", name="确认开户").click()
    await expect(page.get_by_role("heading", name="电费开户单")).to_be_visible()
    await expect(page.get_by_text(serial)).to_be_visible()


async def sell_by_keyboard(page: Page) -> str:
    """From the menu's key to the receipt without the mouse; return the receipt's number."""
    await page.keyboard.press("F2")
    await expect(page.locator("[data-counter-search]")).to_be_focused()
    await page.keyboard.type(VACANT_SHOP)
    await page.keyboard.press("Enter")
    await expect(page.locator("section.shop")).to_contain_text("老街牛肉粉")
    await expect(page.locator("input[name=amount]")).to_be_focused()
    await page.keyboard.type("300")
    await page.keyboard.press("Enter")
    await page.keyboard.press("1")
    await page.keyboard.press("F9")
    await expect(page.locator(".strip").first).to_contain_text("¥300.00")
    await expect(page.locator(".recent")).to_contain_text("1 次")
    assert await page.evaluate("window.printed") == 1
    return await page.locator(".recent tbody tr").first.locator("td").nth(1).inner_text()


async def the_receipt_is_as_wide_as_the_roll(page: Page, number: str) -> None:
    await page.locator("[data-menu='/counter/receipts']").click()
    await page.locator(".list tbody tr", has_text=number).get_by_role("button", name="查看").click()
    drawer = page.locator(".el-drawer")
    await expect(drawer).to_contain_text("人民币叁佰元整")
    async with page.context.expect_page() as opening:
        await drawer.get_by_role("button", name="补打收据").click()
    paper = await opening.value
    await expect(paper.locator(".receipt")).to_contain_text(number)
    (box,) = boxes(await paper.pdf(prefer_css_page_size=True, print_background=True))
    assert abs(box[0] - PAPER_WIDTH_PT) <= 1
    await paper.close()
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
