"""The admin in a real browser on the real API: one browser for all tests of a run, a stage for each file.

`stage` is quick and plays the collector itself; `mall` runs every real process, for the roles' main days.
"""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.admin.mall import RunningMall, running_mall
from tests.pages.conftest import CHROMIUM, FLAGS, Picture, find_barriers
from tests.pages.stage import ROLES, OnStage, on_stage

__all__ = ["ROLES", "Picture", "RunningMall", "SignIn", "find_barriers"]

ROOT = Path(__file__).parents[2]
PREPAID, PUBLIC = 90, 15
SignIn = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session", autouse=True)
def pages() -> None:
    """The built pages; made again when their inputs changed."""
    done = subprocess.run(
        [sys.executable, "admin/build_pages.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"管理页面没有生成：\n{done.stderr[-3_000:]}", pytrace=False)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, pages: None
) -> AsyncIterator[OnStage]:
    """A mall of 90 shops and 15 public areas, anew for each file; the test plays the collector."""
    folder = tmp_path_factory.mktemp("stage")
    database = folder / "prewatt.db"
    shutil.copy(sqlite_template, database)
    async with on_stage(folder, f"sqlite://{database}", prepaid=PREPAID, public=PUBLIC) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def mall(tmp_path_factory: pytest.TempPathFactory, pages: None) -> AsyncIterator[RunningMall]:
    """A small mall with every real process: backend, worker, collector, simulated meters and WeChat."""
    async with running_mall(tmp_path_factory.mktemp("mall")) as running:
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


def watch(tab: Page) -> list[str]:
    """Collect what breaks in a tab: faults of scripts, and what the policy stopped."""
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            problems.append(message.text)

    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", note)
    return problems


@pytest_asyncio.fixture(loop_scope="package")
async def page(browser: BrowserContext) -> AsyncIterator[Page]:
    """A tab without sessions. Fails its test when a script breaks or the policy stops something."""
    await browser.clear_cookies()
    tab = await browser.new_page()
    problems = watch(tab)
    yield tab
    await tab.close()
    assert not problems, problems


@pytest.fixture
def picture(page: Page) -> Picture:
    return Picture(page)


@pytest.fixture
def sign_in(request: pytest.FixtureRequest) -> SignIn:
    """`await sign_in(page, "cashier", "/board")` opens a screen by one tap; without a path the workbench.

    On the `mall` when the test asks for it, else on the `stage`.
    """
    place = request.getfixturevalue("mall" if "mall" in request.fixturenames else "stage")

    async def go(page: Page, role: str, path: str = "/") -> None:
        mark = "&" if "?" in path else "?"
        await page.goto(f"http://{role}.localhost:{place.private_port}{path}{mark}role={role}")
        await expect(page.locator(".user .name, [data-signed-in]").first).to_be_attached()

    return go
