"""Users, roles and the audit log: taken on, re-cut, reset by two people, read by right."""

import time

import pytest
from playwright.async_api import BrowserContext, Page, expect

from backend.models.people import Role, Staff
from tests.admin.conftest import Picture, SignIn, find_barriers, watch
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")
WITHIN_S = 5.0


async def at_rest(page: Page) -> None:
    await expect(page.locator(".el-message")).to_have_count(0, timeout=8_000)


async def test_somebody_is_taken_on_and_their_code_shown_once(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "administrator", "/system/users")
    await expect(page.locator("main").get_by_role("cell", name="演示cash")).to_be_visible()
    await picture("users", 1366, 768)
    await picture("users", 1920, 1080)
    await page.get_by_role("button", name="新增用户").click()
    await page.fill("input[name=name]", "小李")
    await page.fill(".el-dialog input[name=username]", "xiaoli")
    await page.fill(".el-dialog input[name=password]", "short")
    await page.get_by_text("电工", exact=True).last.click()
    await page.get_by_role("button", name="新增", exact=True).click()
    await expect(page.locator(".el-dialog")).to_contain_text("密码强度不足")
    await page.fill(".el-dialog input[name=password]", "correct horse battery")
    await page.keyboard.press("Control+Enter")

    await expect(page.get_by_role("img", name="xiaoli 的动态口令二维码")).to_be_visible()
    await picture("user-secret", 1366, 768)
    await page.get_by_role("button", name="本人已扫码").click()
    await expect(page.get_by_role("cell", name="小李")).to_be_visible()
    await at_rest(page)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_a_lost_phone_takes_two_people(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    before = (await Staff.get(username="finance")).totp_secret
    await sign_in(page, "administrator", "/system/users")
    row = page.locator("main .el-table__row", has_text="演示fina")
    await row.get_by_role("button", name="重置口令").click()
    await page.fill(".el-dialog input[name=reason]", "手机丢失")
    await page.get_by_role("button", name="提交申请").click()
    await expect(row).to_contain_text("口令重置待另一人审批")

    await sign_in(page, "manager", "/system/users")
    row = page.locator("main .el-table__row", has_text="演示fina")
    await row.get_by_role("button", name="审批口令重置").click()
    await expect(page.locator(".el-dialog")).to_contain_text("手机丢失")
    await page.get_by_role("button", name="同意并生成新口令").click()

    await expect(page.get_by_role("img", name="finance 的动态口令二维码")).to_be_visible()
    assert (await Staff.get(username="finance")).totp_secret != before


async def test_a_role_that_is_recut_changes_an_open_page_of_another_person(
    page: Page, browser: BrowserContext, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    """Within 5 s, and a list of what changes stands before it is saved."""
    await sign_in(page, "electrician", "/board")
    await expect(page.locator("[data-menu='/control/commands']")).to_have_count(1)
    other = await browser.new_page()
    problems = watch(other)
    await sign_in(other, "administrator", "/system/roles")
    await other.get_by_label("电工：查看指令记录").uncheck()
    await other.get_by_role("button", name="保存（1 个角色有改动）").click()
    await expect(other.locator(".changes")).to_contain_text("－ 查看指令记录")
    await other.fill(".el-dialog input[name=reason]", "试点")

    began = time.monotonic()
    await other.get_by_role("button", name="保存改动").click()
    await expect(page.locator("[data-menu='/control/commands']")).to_have_count(0, timeout=WITHIN_S * 1000)

    assert time.monotonic() - began < WITHIN_S
    await other.get_by_label("电工：查看指令记录").check()
    await other.get_by_role("button", name="保存（1 个角色有改动）").click()
    await other.fill(".el-dialog input[name=reason]", "恢复")
    await other.get_by_role("button", name="保存改动").click()
    await expect(page.locator("[data-menu='/control/commands']")).to_have_count(1, timeout=WITHIN_S * 1000)
    await other.close()
    assert problems == []


async def test_duties_that_do_not_go_together_are_told_and_not_saved(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "administrator", "/system/roles")
    await expect(page.get_by_label("系统管理员：管理用户与角色")).to_be_visible()
    await picture("roles", 1366, 768)
    await picture("roles", 1920, 1080)
    found = await find_barriers(page)
    await page.get_by_label("系统管理员：人工断电").check()

    await expect(page.get_by_role("alert")).to_contain_text("管理用户的人不能同时拥有 人工断电")
    await page.get_by_role("button", name="保存（1 个角色有改动）").click()
    await page.fill(".el-dialog input[name=reason]", "试试")
    await expect(page.get_by_role("button", name="保存改动")).to_be_disabled()
    assert "staff.trip" not in (await Role.get(code="administrator")).permissions
    assert found == [], "\n".join(found)


async def test_a_role_is_previewed_as_it_would_see_the_menu(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "administrator", "/system/roles")
    await page.locator("thead th", has_text="收银员").get_by_role("button", name="以此角色预览").click()

    await expect(page.locator(".preview", has_text="柜台")).to_contain_text("售电收款")
    await expect(page.locator(".preview", has_text="用户")).to_have_count(0)


async def test_a_manager_may_look_at_roles_and_change_none(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "manager", "/system/roles")

    await expect(page.get_by_label("电工：人工断电")).to_be_disabled()
    await expect(page.get_by_role("button", name="新增角色")).to_have_count(0)


async def test_the_log_is_found_checked_and_shown_with_before_and_after(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "manager", "/system/audit")
    await expect(page.locator("main")).to_contain_text("您能看到：全部记录")
    await page.get_by_role("button", name="校验日志链").click()
    await expect(page.get_by_role("status").filter(has_text="链校验通过")).to_be_visible()
    await picture("audit", 1366, 768)
    await picture("audit", 1920, 1080)
    found = await find_barriers(page)
    await page.locator("main .el-table__row").first.get_by_role("button").click()
    await expect(page.locator(".el-drawer")).to_contain_text("请求编号")
    await page.keyboard.press("Escape")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="导出 Excel").click()

    assert (await download.value).suggested_filename.endswith(".xlsx")
    assert found == [], "\n".join(found)


async def test_a_cashier_sees_the_own_lines_alone(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "cashier", "/system/audit")

    await expect(page.locator("main")).to_contain_text("您能看到：本人的操作")
    for name in await page.locator("main .el-table__row td:nth-child(2)").all_inner_texts():
        assert name == "演示cash"
    await expect(page.get_by_role("button", name="导出 Excel")).to_have_count(0)
