"""Paid means powered, with every real process: cash at the till switches a real relay back on."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.admin.conftest import Picture, RunningMall, SignIn

pytestmark = pytest.mark.asyncio(loop_scope="package")

NO_PRINTER = "window.print = () => undefined"
OFF_WITHIN_S = 90.0


async def shop_that_is_off(mall: RunningMall) -> dict[str, Any]:
    """Wait for a shop without money to be warned and switched off, read back from its meter."""
    async with asyncio.timeout(OFF_WITHIN_S):
        while True:
            board = await mall.api("cashier", "GET", "/api/v1/staff/board")
            for row in reversed(board["rows"]):
                if row["in_arrears"] and row["verified"] and row["relay"] == "OFF":
                    return dict(row)
            await asyncio.sleep(1)


async def test_cash_at_the_till_switches_the_shop_on_and_the_meter_says_so(
    page: Page, mall: RunningMall, sign_in: SignIn, picture: Picture
) -> None:
    row = await shop_that_is_off(mall)
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", f"/counter?account={row['account_id']}")
    await expect(page.locator("section.shop")).to_contain_text("欠费断电")
    await page.locator("input[name=amount]").fill("300")
    await expect(page.get_by_text("充值后将自动送电")).to_be_visible()
    await page.keyboard.press("F9")

    await expect(page.locator(".strip")).to_contain_text("已入账，已送电", timeout=30_000)
    await expect(page.locator(".strip ol .done")).to_have_count(5)
    await picture("counter-really-powered", 1366, 768)
    board = await mall.api("cashier", "GET", "/api/v1/staff/board")
    (after,) = [one for one in board["rows"] if one["meter_id"] == row["meter_id"]]
    assert (after["desired"], after["relay"], after["verified"]) == ("ON", "ON", True)
