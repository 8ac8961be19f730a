"""The board in a real browser: every state of a card, filters, order, what is live and what is not."""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from backend.models.meters import Meter
from backend.services.control_supply import trip
from common.wire import Relay, Stage
from tests.admin.conftest import PREPAID, PUBLIC, Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


def card_of(page: Page, meter: Meter) -> Locator:
    return page.locator(f'.meter[data-meter="{meter.id}"]')


async def card(page: Page, stage: OnStage, shop: str) -> Locator:
    return card_of(page, await stage.meter(shop))


async def test_the_board_shows_every_shop_by_shaft(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await stage.contact()
    await sign_in(page, "manager", "/board")

    await expect(page.locator(".meter")).to_have_count(PREPAID)
    await expect(page.locator("section.shaft")).to_have_count(5)
    await expect(page.locator(".light")).to_contain_text("实时")
    for width, height in ((1366, 768), (1920, 1080)):
        await picture("board", width, height)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
