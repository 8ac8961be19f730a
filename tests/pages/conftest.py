"""One mall and one browser for all tests of the pages: both take seconds to start."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.pages.stage import OnStage, on_stage

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
PREPAID, PUBLIC = 90, 15
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> AsyncIterator[OnStage]:
    folder = tmp_path_factory.mktemp("stage")
    database = folder / "prewatt.db"
    shutil.copy(sqlite_template, database)
    async with on_stage(folder, f"sqlite://{database}", prepaid=PREPAID, public=PUBLIC) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": 1366, "height": 768},
            locale="zh-CN",
            timezone_id="America/New_York",  # Not the mall's: times are the mall's wherever the browser is.
        )
        yield context
        await context.close()


@pytest_asyncio.fixture(loop_scope="package")
async def page(browser: BrowserContext) -> AsyncIterator[Page]:
    """A tab without sessions. Fails its test when a script breaks or the policy stops something."""
    await browser.clear_cookies()
    tab = await browser.new_page()
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            problems.append(message.text)

    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", note)
    yield tab
    await tab.close()
    assert not problems, problems


# What fades in or out has no contrast yet: a person sees its end. A wheel that turns never ends.
_AT_REST = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)
  .map((one) => one.finished.catch(() => undefined)))"""


async def find_barriers(page: Page) -> list[str]:
    """Return what keeps people with a screen reader or keyboard out (axe), a line a rule.

    Looks at a page at rest: nothing under the mouse, no message that comes and goes, no movement.
    """
    await page.mouse.move(0, 0)
    await expect(page.locator(".el-message")).to_have_count(0, timeout=10_000)
    await page.evaluate(_AT_REST)
    found = (await Axe().run(page)).response["violations"]
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:120]}" for one in found]


@pytest.fixture
def picture(page: Page) -> "Picture":
    return Picture(page)


class Picture:
    """Sets the size of the window; takes a screenshot where PREWATT_PICTURES names a folder for them."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def __call__(self, name: str, width: int, height: int) -> None:
        await self._page.set_viewport_size({"width": width, "height": height})
        folder = os.environ.get("PREWATT_PICTURES")
        if folder:
            await self._page.wait_for_timeout(250)
            await self._page.screenshot(path=Path(folder) / f"{name}-{width}.png")
