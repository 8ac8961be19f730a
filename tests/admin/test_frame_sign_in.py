"""Signing in: one answer for all that is wrong, pictures, one-time passwords, and drafts that stay."""

from collections.abc import Iterator

import pyotp
import pytest
from playwright.async_api import Page, expect

from backend.domain import captcha_drawing
from backend.models.people import Session, Staff
from backend.services import captcha as captchas
from backend.services.credentials import open_secret
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")
PASSWORD = "correct horse battery"
REFUSED = "账号、密码或动态口令不正确，或账号已暂时锁定（连续输错 8 次锁定 15 分钟起）"


@pytest.fixture(autouse=True)
def later(stage: OnStage) -> None:
    """Failures of earlier tests are forgotten."""
    stage.clock.advance(16 * 60)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    texts: list[str] = []

    def draw(text: str, uniform: captcha_drawing.Uniform) -> bytes:
        texts.append(text)
        return captcha_drawing.draw(text, uniform)

    monkeypatch.setattr(captchas, "draw", draw)
    yield texts


async def open_form(page: Page, stage: OnStage, to: str = "") -> None:
    await page.goto(f"http://localhost:{stage.private_port}{to or '/sign-in'}")
    await expect(page.locator("input[name=username]")).to_be_focused()


async def enter(page: Page, username: str, password: str) -> None:
    await page.fill("input[name=username]", username)
    await page.fill("input[name=password]", password)
    await page.get_by_role("button", name="登录", exact=True).click()


async def totp_of(stage: OnStage, username: str) -> str:
    staff = await Staff.get(username=username)
    secret = open_secret(stage.ctx.settings.secret_key, staff.id, staff.totp_secret)
    return str(pyotp.TOTP(secret).at(stage.clock.now()))


async def test_a_wrong_password_and_an_unknown_name_get_the_same_words(page: Page, stage: OnStage) -> None:
    await open_form(page, stage)
    for name in ("cashier", "nobody"):
        await enter(page, name, "wrong password")
        await expect(page.get_by_role("alert").filter(has_text=REFUSED)).to_be_visible()
        assert await page.locator("input[name=username]").input_value() == name


async def test_the_third_failure_asks_for_digits_and_these_open_the_way(
    page: Page, stage: OnStage, picture: Picture, shown: list[str]
) -> None:
    await open_form(page, stage)
    for _ in range(3):
        await enter(page, "cashier", "wrong password")
        await expect(page.get_by_text(REFUSED)).to_be_visible()
    await expect(page.get_by_alt_text("五位数字的图片")).to_be_visible()
    await picture("sign-in-captcha", 1366, 768)
    await picture("sign-in-captcha", 1920, 1080)
    found = await find_barriers(page)

    await page.fill("input[name=captcha]", "00000")
    await enter(page, "cashier", PASSWORD)
    await expect(page.get_by_text("图形验证码不正确")).to_be_visible()
    await expect(page.locator("input[name=captcha]")).to_be_focused()
    await page.fill("input[name=captcha]", shown[-1])
    await page.keyboard.press("Enter")

    await expect(page.locator(".user .name")).to_have_text("演示cash")
    assert found == []


async def test_a_manager_needs_the_one_time_password_and_reads_of_the_sign_in_before(
    page: Page, stage: OnStage, picture: Picture, sign_in: SignIn
) -> None:
    await sign_in(page, "manager")
    await page.context.clear_cookies()
    await open_form(page, stage, "/board")
    await enter(page, "manager", PASSWORD)
    await expect(page.locator("input[name=totp]")).to_be_focused()
    await picture("sign-in-totp", 1366, 768)

    await page.fill("input[name=totp]", await totp_of(stage, "manager"))
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(f"http://localhost:{stage.private_port}/board")
    await expect(page.locator(".el-message")).to_contain_text("上次登录：")
    await expect(page.locator(".el-message")).to_contain_text("来自 127.0.0.1")


async def test_one_tap_is_offered_in_a_demo(page: Page, stage: OnStage) -> None:
    await open_form(page, stage)
    await page.get_by_role("button", name="电工").click()

    await expect(page.locator(".user .role")).to_have_text("电工")


async def test_an_expired_session_is_asked_for_over_the_page_and_no_draft_is_lost(
    page: Page, stage: OnStage, picture: Picture, sign_in: SignIn
) -> None:
    await sign_in(page, "cashier", "/account/open")
    draft = page.locator("main input[type=text]:visible:not([readonly], [role=combobox])").first
    await draft.fill("A1")
    await Session.all().update(revoked_at=stage.clock.now())
    # The next call of any kind meets the end of the session.
    await page.evaluate("document.querySelector('[data-menu=\"/alarms\"]')?.click()")
    dialog = page.get_by_role("dialog", name="登录已过期")
    await expect(dialog).to_be_visible()
    assert await dialog.locator("input[name=username]").input_value() == "cashier"
    await expect(dialog.locator("input[name=password]")).to_be_focused()
    await picture("sign-in-again", 1366, 768)

    await dialog.locator("input[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")

    await expect(dialog).to_be_hidden()
    await page.locator(".tabs a", has_text="开户").click()
    await expect(draft).to_have_value("A1")


async def test_signing_out_ends_the_session(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "cashier")
    await page.locator(".user").click()
    await expect(page.get_by_text("上次登录")).to_be_visible()
    await page.get_by_role("menuitem", name="退出登录").click()
    await expect(page.locator("input[name=username]")).to_be_visible()

    await page.goto(page.url.replace("/sign-in", "/board"))

    await expect(page.locator("input[name=username]")).to_be_visible()
