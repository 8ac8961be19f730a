"""The workbench in the browser: tiles by role, the ledger's numbers, reminders, approvals, states."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, Route, expect

from backend.models.accounts import Account
from backend.models.messages import Notice
from backend.services.keep_supply import ask_keep_supply
from backend.store import rows, sql_time
from common.clock import local_midnight
from tests.admin.conftest import ROLES, Picture, SignIn, find_barriers
from tests.admin.lived import account_of, as_role, live_a_little, shop_code, today, yuan
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

BOARD = ["energy", "soon", "off", "offline", "alarms"]
TILES = {
    "cashier": ["own_top_ups", *BOARD, "orders", "approvals"],
    "finance": ["top_ups", *BOARD, "orders", "approvals"],
    "electrician": [*BOARD, "orders", "approvals"],
    "manager": ["top_ups", *BOARD, "orders", "approvals"],
    "administrator": [*BOARD, "orders", "approvals"],
}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_has_its_tiles_and_nobody_is_kept_out(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, role: str
) -> None:
    await sign_in(page, role)

    await expect(page.locator("[data-tile=approvals]")).to_be_visible()
    shown = await page.locator("[data-tile]").evaluate_all("all => all.map(one => one.dataset.tile)")
    assert shown == TILES[role]
    for width, height in ((1366, 768), (1920, 1080), (360, 740)):
        await picture(f"home-{role}", width, height)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_todays_money_on_the_tile_is_the_ledgers(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await live_a_little(stage, 21)
    (row,) = await rows(
        "SELECT COUNT(*) AS n, SUM(p.amount_fen) AS fen FROM posting p JOIN entry e ON e.id = p.entry_id"
        " WHERE e.kind = 'TOP_UP' AND p.ledger_account LIKE 'balance:%' AND e.booked_at >= ?",
        [sql_time(local_midnight(today(stage)))],
    )

    await sign_in(page, "manager")

    tile = page.locator("[data-tile=top_ups]")
    await expect(tile.locator("strong")).to_have_text(yuan(int(row["fen"])))
    await expect(tile).to_contain_text(f"{row['n']} 笔")


async def test_shops_running_out_are_reminded_after_a_preview(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await live_a_little(stage, 22)
    account = await account_of(await shop_code(stage, 22))
    await Account.filter(id=account.id).update(mean_daily_nano=1_000_000 * 10_000_000)
    before = await Notice.filter(cause__startswith="reminder:").count()

    await sign_in(page, "cashier")
    await expect(page.locator(f"[data-account='{account.id}']")).to_contain_text("不足 1 天")
    await picture("home-running-out", 1366, 768)
    await page.get_by_role("button", name="一键提醒").click()
    await expect(page.get_by_role("dialog")).to_contain_text("将提醒")
    assert await Notice.filter(cause__startswith="reminder:").count() == before
    await picture("home-remind", 1366, 768)
    await page.get_by_role("button", name="发送给").click()
    await expect(page.locator(".el-message")).to_contain_text("发送提醒")

    assert await Notice.filter(cause__startswith="reminder:", account_id=account.id).exists()


async def test_what_waits_for_the_manager_leads_to_where_it_is_decided(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    account = await account_of(await shop_code(stage, 23))
    until_at = stage.clock.now() + timedelta(hours=3)
    await ask_keep_supply(await as_role(stage, "electrician"), account.id, until_at, "冷库有货，明早交费")

    await sign_in(page, "manager")
    await page.locator("[data-tile=approvals]").click()
    item = page.locator("[data-approval=keep_supply]").last
    await expect(item).to_contain_text("冷库有货，明早交费")
    await picture("home-approvals", 1366, 768)
    found = await find_barriers(page)
    await item.get_by_role("button", name="去审批").click()

    await expect(page).to_have_url(f"http://manager.localhost:{stage.private_port}/control/keep-supply")
    assert found == [], "\n".join(found)


async def test_what_does_not_come_is_said_and_can_be_tried_again(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    async def fail(route: Route) -> None:
        await route.fulfill(status=503, json={"code": "busy", "message": "系统繁忙", "request_id": "r-1"})

    await page.route("**/api/v1/staff/home", fail)
    await sign_in(page, "finance")
    await expect(page.get_by_role("alert")).to_contain_text("系统繁忙")
    await expect(page.get_by_role("alert")).to_contain_text("r-1")

    await page.unroute("**/api/v1/staff/home")
    await page.get_by_role("button", name="重试").click()

    await expect(page.locator("[data-tile=approvals]")).to_be_visible()


async def test_what_is_not_allowed_is_said(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=403, json={"code": "forbidden", "message": "没有权限"})

    await page.route("**/api/v1/staff/home", refuse)
    await sign_in(page, "finance")

    await expect(page.get_by_role("alert")).to_contain_text("无权限")
