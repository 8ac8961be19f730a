"""Signing in by password: nothing says what was wrong, and after three misses a picture has to be read."""

import pytest
from playwright.async_api import Page, expect

from tests.admin.conftest import Picture, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_after_three_misses_a_picture_has_to_be_read(
    page: Page, stage: OnStage, picture: Picture
) -> None:
    await page.goto(f"http://localhost:{stage.private_port}/sign-in")
    await page.fill("input[name=username]", "nobody")
    for _ in range(4):
        await page.fill("input[name=password]", "wrong password")
        async with page.expect_response("**/api/v1/staff/sessions"):
            await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="登录", exact=True)).to_be_enabled()

    await expect(page.locator(".captcha img")).to_be_visible()
    await expect(page.get_by_text("请输入图形验证码")).to_be_visible()
    await expect(page.locator("input[name=captcha]")).to_be_focused()
    await picture("sign-in-captcha", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)
