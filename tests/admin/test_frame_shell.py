"""The frame around every screen: signing in, menu, keys, what is missing and what is not allowed."""

import pytest
from playwright.async_api import Page, expect

from backend.models.site import Shop
from tests.admin.conftest import Picture, RunningMall, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_somebody_unknown_is_asked_to_sign_in(page: Page, stage: OnStage, picture: Picture) -> None:
    await page.goto(f"http://localhost:{stage.private_port}/")

    await expect(page.get_by_role("button", name="登录", exact=True)).to_be_visible()
    await expect(page.locator("input[name=username]")).to_be_focused()
    await picture("sign-in", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_a_password_opens_the_workbench(page: Page, stage: OnStage) -> None:
    await page.goto(f"http://localhost:{stage.private_port}/sign-in")
    await page.fill("input[name=username]", "electrician")
    await page.fill("input[name=password]", "correct horse battery")
    await page.keyboard.press("Enter")

    await expect(page.locator(".user .name")).to_have_text("演示elec")


async def test_an_unknown_address_says_so(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "cashier", "/no/such/screen")

    await expect(page.get_by_role("heading", name="没有这个页面")).to_be_visible()


async def test_the_frame_keeps_nobody_out(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "manager")
    await picture("frame", 1366, 768)

    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_every_real_process_stands_behind_the_pages(
    page: Page, mall: RunningMall, sign_in: SignIn
) -> None:
    await sign_in(page, "electrician")

    board = await mall.api("electrician", "GET", "/api/v1/staff/board")

    # Others may have let the mall grow by lines of their own meanwhile.
    assert len([row for row in board["rows"] if row["line"] in ("L1-1", "L2-1")]) == 20


async def test_a_scanner_that_ends_with_enter_opens_what_it_scanned(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    """Enter comes before any answer, and what an earlier number found still stands there."""
    before, wanted = [shop.code for shop in await Shop.filter(code__in=["A101", "A102"]).order_by("code")]
    await sign_in(page, "manager")
    await page.keyboard.press("/")
    await page.keyboard.type(before)
    await expect(page.get_by_role("option").first).to_contain_text(before)

    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(wanted)
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_contain_text(wanted)
