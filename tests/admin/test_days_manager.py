"""A manager's day: what others asked for is decided from the workbench, an own wish is not."""

import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.admin.conftest import Picture, RunningMall, SignIn
from tests.admin.day_steps import no_barriers, powered_shop
from tests.admin.test_rules_tariffs import draft_single

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_managers_day(
    page: Page, browser: BrowserContext, mall: RunningMall, sign_in: SignIn, picture: Picture
) -> None:
    shop, own = await powered_shop(mall, 4), await powered_shop(mall, 5)
    staff = await browser.new_page()
    await sign_in(staff, "cashier", f"/shops/{shop['account_id']}")
    await ask_to_keep(staff, "冷柜有货，老板明早交费")
    await sign_in(staff, "finance", "/rules/tariffs")
    await draft_a_version(staff)
    await staff.close()

    await sign_in(page, "manager", f"/shops/{own['account_id']}")
    await ask_to_keep(page, "自己想保的店")
    await page.locator("[data-menu='/']").click()
    await page.locator("[data-tile=approvals]").click()
    await expect(page.locator("[data-approval=keep_supply]")).to_have_count(1)
    await expect(page.get_by_role("dialog")).not_to_contain_text(own["shop_code"])
    await picture("day-manager-inbox", 1366, 768)
    await no_barriers(page)
    await page.locator("[data-approval=keep_supply]").get_by_role("button", name="去审批").click()
    await decide_on_keeping(page, mall, shop, own)

    await page.locator("[data-menu='/']").click()
    await page.locator("[data-tile=approvals]").click()
    await page.locator("[data-approval=tariff_version]").get_by_role("button", name="去审批").click()
    await expect(page.get_by_text("发改委调价通知")).to_be_visible()
    await picture("day-manager-tariff", 1366, 768)
    await no_barriers(page)
    await page.get_by_role("button", name=re.compile("^通过，")).click()
    await expect(page.get_by_text("未生效").first).to_be_visible()
    drafts = mall.rows("SELECT state FROM tariff_draft ORDER BY id DESC LIMIT 1")
    assert drafts == [{"state": "approved"}]


async def ask_to_keep(page: Page, reason: str) -> None:
    await page.locator("[data-do=keep]").click()
    dialog = page.locator(".control-dialog")
    await dialog.locator("textarea[name=reason]").fill(reason)
    await dialog.get_by_role("button", name=re.compile("^申请保电")).click()
    await expect(dialog).to_have_count(0)


async def draft_a_version(page: Page) -> None:
    await page.get_by_role("link", name=re.compile("商铺电价")).first.click()
    await draft_single(page, "0.420000")
    await page.get_by_role("button", name="保存草稿").click()
    await expect(page.get_by_text("草稿已保存").first).to_be_visible()
    await page.fill("input[name=reason]", "省发改委调价通知")
    await page.get_by_role("button", name="提交审批").click()
    await expect(page.get_by_text("待审批").first).to_be_visible()


async def decide_on_keeping(page: Page, mall: RunningMall, shop: dict[str, str], own: dict[str, str]) -> None:
    item = page.locator(".keep", has_text=shop["shop_code"])
    await expect(item).to_contain_text("冷柜有货")
    mine = page.locator(".keep", has_text=own["shop_code"])
    await expect(mine).to_contain_text("本人申请，须由另一人审批")
    await expect(mine.get_by_role("button", name="批准")).to_have_count(0)
    await item.get_by_role("button", name="批准").click()
    await expect(item).to_contain_text("保电中")
    refused = await page.evaluate(
        """async (id) => {
          const me = await (await fetch('/api/v1/staff/me')).json()
          const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf_token }
          const to = `/api/v1/staff/keep-supplies/${id}/decisions`
          const body = JSON.stringify({ granted: true })
          return (await fetch(to, { method: 'POST', headers, body })).status
        }""",
        await mine.get_attribute("data-keep"),
    )
    assert refused in (403, 409)
    kept = mall.rows("SELECT account_id FROM keep_supply WHERE approved_by IS NOT NULL")
    assert int(shop["account_id"]) in [row["account_id"] for row in kept]
    assert int(own["account_id"]) not in [row["account_id"] for row in kept]
