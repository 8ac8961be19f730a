"""One shop in the browser: figures equal the ledger, a charge's formula, a day in dispute, the statement."""

import re
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from backend.models.accounts import Account
from tests.admin.conftest import ROLES, Picture, SignIn, find_barriers
from tests.admin.lived import live_a_little, posted_fen, yuan
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

TABS = ("实时", "用电曲线", "充值与扣费流水", "指令记录", "告警", "联系人与消息")
BUTTONS = {
    "cashier": {"充值", "保电", "发提醒", "导出对账单"},
    "finance": {"导出对账单"},
    "electrician": {"断电", "紧急断电", "保电", "导出对账单"},
    "manager": {"断电", "紧急断电", "保电", "发提醒", "导出对账单"},
    "administrator": {"导出对账单"},
}
OF_OTHER_SCREENS = {"改限值"}  # There with the screen that it leads to.


@pytest_asyncio.fixture(loop_scope="package")
async def account_id(stage: OnStage) -> str:
    return await live_a_little(stage)


async def test_both_balances_on_the_page_are_the_ledgers(
    page: Page, stage: OnStage, sign_in: SignIn, account_id: str
) -> None:
    account = await Account.get(id=int(account_id))
    assert account.settled_fen == await posted_fen(account_id)

    await sign_in(page, "finance", f"/shops/{account_id}")

    await expect(page.locator("[data-number=settled] strong")).to_have_text(yuan(account.settled_fen))
    await expect(page.locator("[data-number=days]")).to_contain_text("用电数据不足 3 天")


@pytest.mark.parametrize("number", range(len(TABS)))
async def test_every_tab_shows_what_it_has_and_keeps_nobody_out(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, account_id: str, number: int
) -> None:
    await sign_in(page, "manager", f"/shops/{account_id}")
    await page.get_by_role("tab", name=TABS[number]).click()
    await page.wait_for_timeout(600)  # What a tab loads has come by then.

    for width, height in ((1366, 768), (1920, 1080), (360, 740)):
        await picture(f"shop-tab{number}", width, height)
    await page.set_viewport_size({"width": 1366, "height": 768})
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_the_flow_ends_in_the_ledgers_balance_and_opens_the_formula(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, account_id: str
) -> None:
    await sign_in(page, "finance", f"/shops/{account_id}")
    await page.get_by_role("tab", name="充值与扣费流水").click()
    first = page.locator("[data-entry]").first
    await expect(first).to_contain_text(yuan(await posted_fen(account_id)))
    await page.get_by_text("电费", exact=True).first.click()
    charge = page.locator("[data-entry]").first
    await expect(charge).to_contain_text("用电")

    await charge.get_by_role("button").click()

    drawer = page.get_by_role("dialog")
    await expect(drawer).to_contain_text("各项相加与合计一致")
    await expect(drawer).to_contain_text("电费收入·上网电价")
    await picture("shop-entry", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_a_day_in_dispute_opens_from_the_use(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, account_id: str
) -> None:
    await sign_in(page, "finance", f"/shops/{account_id}")
    await page.get_by_role("tab", name="用电曲线").click()
    await page.locator("tbody .link").first.click()

    drawer = page.get_by_role("dialog")
    await expect(drawer).to_contain_text("各项相加与合计一致")
    await expect(drawer).to_contain_text("两端示数")
    await picture("shop-day", 1366, 768)
    await picture("shop-day", 360, 740)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_has_its_buttons(
    page: Page, stage: OnStage, sign_in: SignIn, account_id: str, role: str
) -> None:
    await sign_in(page, role, f"/shops/{account_id}")
    group = page.get_by_role("group", name="操作")
    await expect(group.get_by_role("button", name="导出对账单")).to_be_visible()

    shown = {text.strip() for text in await group.get_by_role("button").all_inner_texts()}

    assert shown - OF_OTHER_SCREENS == BUTTONS[role]


async def test_contacts_are_for_those_who_may_see_them(
    page: Page, stage: OnStage, sign_in: SignIn, account_id: str
) -> None:
    await sign_in(page, "electrician", f"/shops/{account_id}")
    await page.get_by_role("tab", name="联系人与消息").click()

    await expect(page.get_by_text("您的角色不能查看联系人")).to_be_visible()


async def test_relays_are_ordered_through_the_control_dialogs(
    page: Page, stage: OnStage, sign_in: SignIn, account_id: str
) -> None:
    await sign_in(page, "electrician", f"/shops/{account_id}")
    await page.locator("[data-do=trip]").click()

    await expect(page.get_by_role("dialog")).to_contain_text("断")


@pytest.mark.parametrize("tab", ["实时", "指令记录"])
async def test_the_electricians_phone_is_wide_enough(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, account_id: str, tab: str
) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await sign_in(page, "electrician", f"/shops/{account_id}")
    await page.get_by_role("tab", name=tab).click()
    await expect(page.locator("[data-number=estimated]")).to_be_visible()

    await picture(f"shop-phone-{tab}", 360, 740)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_an_account_that_is_not_there_is_said(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "cashier", "/shops/123")

    await expect(page.get_by_text("没有这个户")).to_be_visible()


async def test_what_does_not_come_can_be_tried_again(
    page: Page, stage: OnStage, sign_in: SignIn, account_id: str
) -> None:
    async def fail(route: Route) -> None:
        await route.fulfill(status=503, json={"code": "busy", "message": "系统繁忙", "request_id": "r-2"})

    address = re.compile(rf"/api/v1/staff/accounts/{account_id}$")
    await page.route(address, fail)
    await sign_in(page, "cashier", f"/shops/{account_id}")
    await expect(page.get_by_role("alert")).to_contain_text("系统繁忙")

    await page.unroute(address)
    await page.get_by_role("button", name="重试").click()

    await expect(page.locator("[data-number=settled]")).to_be_visible()


async def test_the_statement_is_a4_and_closes_with_the_ledgers_balance(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, account_id: str, tmp_path: Path
) -> None:
    await sign_in(page, "finance", f"/shops/{account_id}")
    await page.goto(f"http://finance.localhost:{stage.private_port}/print/statement/{account_id}")
    closing = yuan(await posted_fen(account_id)).replace("¥", "")
    await expect(page.locator("[data-closing]")).to_have_text(closing)
    await expect(page.locator("[data-ties]")).to_contain_text("与账本一致")
    await expect(page.get_by_text("（盖章处）")).to_be_visible()
    await picture("statement", 1366, 768)
    found = await find_barriers(page)
    await page.get_by_role("button", name="打印").click(trial=True)  # Nothing lies over it.

    paper = await page.pdf(path=tmp_path / "statement.pdf", prefer_css_page_size=True)

    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)", paper)
    assert {(round(float(width)), round(float(height))) for width, height in boxes} == {(595, 842)}
    assert found == [], "\n".join(found)
