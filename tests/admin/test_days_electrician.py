"""An electrician's day on a phone: an alarm leads to its shop, which is switched off and on, verified."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.admin.conftest import Picture, RunningMall, SignIn
from tests.admin.day_steps import fill_totp, no_barriers, powered_shop

pytestmark = pytest.mark.asyncio(loop_scope="package")
PHONE = {"width": 360, "height": 740}
TOLD_WITHIN_MS, VERIFIED_WITHIN_MS, OVER_WITHIN_MS = 45_000, 20_000, 60_000


async def fits(page: Page, picture: Picture, name: str) -> None:
    """Nothing is wider than the phone, and nobody is kept out."""
    await picture(name, PHONE["width"], PHONE["height"])
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], f"{name} is {width} wide"
    await no_barriers(page)


async def test_the_electricians_day_on_a_phone(
    page: Page, mall: RunningMall, sign_in: SignIn, picture: Picture
) -> None:
    shop = await powered_shop(mall, 3)
    limits = {
        "power_limit_w": shop["power_w"] + 2_000,
        "night_limit_w": None,
        "tell_s": 5,
        "trip_s": 7_200,  # The person is quicker than the rule.
        "restore_s": 600,
        "retries": 3,
    }
    path = f"/api/v1/staff/accounts/{shop['account_id']}/power-limit"
    await mall.api("manager", "PUT", path, {**limits, "reason": "线路容量有限"})
    await mall.switch_mall(meter=shop["serial"], fault="extra_w", value=6_000)
    try:
        await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await sign_in(page, "electrician")
        await from_the_alarm_to_the_shop(page, picture, shop["shop_code"])
        await trip(page, picture, shop["shop_code"])
        await mall.switch_mall(meter=shop["serial"], fault="extra_w", value=0)  # The cooker is unplugged.
        await restore(page, picture)
    finally:
        await mall.switch_mall(meter=shop["serial"], fault="extra_w", value=0)
        none = dict.fromkeys(limits, None)
        await mall.api("manager", "PUT", path, {**none, "reason": "恢复原样"})

    await page.goto(page.url.partition("/shops")[0] + "/alarms")
    over = page.locator("tr[data-alarm]", has_text=shop["shop_code"]).filter(has_text="超功率")
    await expect(page.get_by_role("heading", name="告警中心")).to_be_visible()
    await expect(over).to_have_count(0, timeout=OVER_WITHIN_MS)
    await page.goto(page.url + "/history")
    past = page.locator("tr", has_text=shop["shop_code"]).filter(has_text="超功率").first
    await expect(past).to_contain_text("演示电工")
    await expect(past).not_to_contain_text("未确认")
    (alarm,) = mall.rows(
        "SELECT acknowledged_by, cleared_at FROM alarm WHERE kind = 'over_power' AND meter_id = ?",
        int(shop["meter_id"]),
    )
    assert alarm["acknowledged_by"] and alarm["cleared_at"]
    orders = mall.rows(
        "SELECT relay, verified_at FROM supply_order WHERE meter_id = ? ORDER BY id DESC LIMIT 2",
        int(shop["meter_id"]),
    )
    assert [order["relay"] for order in orders] == ["ON", "OFF"]
    assert all(order["verified_at"] for order in orders)


async def from_the_alarm_to_the_shop(page: Page, picture: Picture, shop: str) -> None:
    await page.locator("[data-tile=alarms]").click()
    row = page.locator("tr[data-alarm]", has_text=shop).filter(has_text="超功率")
    await expect(row).to_be_visible(timeout=TOLD_WITHIN_MS)
    await fits(page, picture, "day-electrician-alarm")
    await row.get_by_role("button", name="确认").click()
    await expect(row).to_contain_text("已确认")
    await row.get_by_role("button", name="处理").click()
    await expect(page.locator(".el-drawer")).to_contain_text("演示")
    await fits(page, picture, "day-electrician-alarm-open")
    await page.get_by_role("link", name="去商铺").click()
    await expect(page.get_by_role("group", name="操作")).to_be_visible()
    await fits(page, picture, "day-electrician-shop")


async def trip(page: Page, picture: Picture, shop: str) -> None:
    await page.locator("[data-do=trip]").click()
    dialog = page.locator(".control-dialog")
    await dialog.locator("textarea[name=reason]").fill("超功率，先断电检查")
    tail = dialog.locator("input[name=tail]")
    if await tail.count():
        await tail.fill(shop[-4:])
    await fill_totp(dialog)
    await fits(page, picture, "day-electrician-trip")
    await dialog.get_by_role("button", name=re.compile(f"断开 {shop}")).click()
    await expect(dialog.locator(".track")).to_contain_text("已断电，回读确认", timeout=VERIFIED_WITHIN_MS)
    await fits(page, picture, "day-electrician-tripped")
    await dialog.get_by_role("button", name="关闭").last.click()


async def restore(page: Page, picture: Picture) -> None:
    await page.locator("[data-do=restore]").click()
    dialog = page.locator(".control-dialog")
    await dialog.locator("textarea[name=reason]").fill("已拆除违规电器")
    await dialog.get_by_role("button", name=re.compile("^送电 ")).click()
    await expect(dialog.locator(".track")).to_contain_text("已送电，回读确认", timeout=VERIFIED_WITHIN_MS)
    await fits(page, picture, "day-electrician-restored")
    await dialog.get_by_role("button", name="关闭").last.click()
