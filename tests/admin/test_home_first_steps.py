"""The first steps on the workbench: one list a role, ticked by facts, put away and taken out again."""

import pytest
from playwright.async_api import Page, expect

from backend.models.accounts import Account
from backend.services.practice_shop import make_practice_shop
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.admin.lived import as_role
from tests.pages.stage import ROLES, OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

STEPS = {
    "cashier": ["practice_top_up", "own_print", "customer_screen", "opening_page"],
    "finance": ["month_page", "own_export", "tariff_page", "own_draft", "receipts_page"],
    "electrician": ["wiring_page", "own_read", "own_alarm", "commands_page", "board_page"],
    "manager": ["policy_set", "practice_shop", "two_approvers", "year_set", "own_decision"],
    "administrator": ["every_role", "two_administrators", "shafts_built", "meters_built", "lines_answer"],
}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_has_its_steps_and_each_link_opens(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, role: str
) -> None:
    await sign_in(page, role)

    block = page.locator("[data-first-steps]")
    await expect(block).to_be_visible()
    shown = await block.locator("[data-step]").evaluate_all("all => all.map(one => one.dataset.step)")
    links = await block.locator("ol a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert shown == STEPS[role]
    await picture(f"first-steps-{role}", 1366, 768)
    await picture(f"first-steps-{role}", 360, 740)
    assert (await find_barriers(page)) == []
    for link in links:
        await page.goto(f"http://{role}.localhost:{stage.private_port}{link}")
        await expect(page.locator("main")).to_be_visible()
        await expect(page.get_by_role("heading", name="无权限")).to_have_count(0)
        await expect(page.get_by_role("heading", name="没有这个页面")).to_have_count(0)


async def test_practising_at_the_counter_ticks_the_step(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    practice = await make_practice_shop(await as_role(stage, "manager"))
    await page.add_init_script("window.print = () => {}")
    await sign_in(page, "cashier")
    step = page.locator("[data-step=practice_top_up]")
    await expect(step).to_have_attribute("data-done", "false")

    await step.get_by_role("link").click()
    await expect(page.locator("section.shop")).to_contain_text("练习")
    await page.locator("input[name=amount]").focus()
    await page.keyboard.type("100")
    await page.keyboard.press("Enter")
    await page.keyboard.press("1")
    await page.keyboard.press("Enter")
    await page.keyboard.type("100")
    await page.keyboard.press("F9")
    await expect(page.locator(".strip")).to_contain_text("已入账")
    await page.locator("[data-menu='/']").click()

    await expect(step).to_have_attribute("data-done", "true")
    await expect(page.locator("[data-step=own_print]")).to_have_attribute("data-done", "true")
    assert (await Account.get(id=int(practice.account_id or 0))).settled_fen > 0


async def test_what_no_fact_tells_is_ticked_once_seen_and_stays(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "finance")
    step = page.locator("[data-step=tariff_page]")
    await expect(step).to_have_attribute("data-done", "false")

    await step.get_by_role("link").click()
    await page.locator("[data-menu='/']").click()
    await expect(step).to_have_attribute("data-done", "true")
    await page.reload()

    await expect(step).to_have_attribute("data-done", "true")


async def test_the_list_is_put_away_and_taken_out_again(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "manager")
    steps = page.locator("[data-step]")
    await expect(steps).to_have_count(5)

    await page.locator("[data-first-steps]").get_by_role("button", name="收起").click()
    await expect(steps).to_have_count(0)
    await page.reload()
    await expect(page.locator("[data-first-steps]")).to_be_visible()
    await expect(steps).to_have_count(0)
    await page.locator("[data-first-steps]").get_by_role("button", name="展开").click()

    await expect(steps).to_have_count(5)
