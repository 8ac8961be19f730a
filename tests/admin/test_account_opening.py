"""The cashier opens an account: from an empty wizard to the printed sheet, once, with nothing lost."""

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from backend.models.accounts import Account, Contact
from backend.models.meters import Meter
from backend.models.openings import AccountOpening
from backend.models.people import Session
from backend.models.site import Shop
from backend.models.supply import ReadRequest
from tests.admin.account_stage import (
    choose,
    choose_tariff,
    complaint,
    fill_shop,
    next_step,
    to_summary,
    vacate,
)
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")
OPEN = "/account/open"


async def fresh(page: Page, sign_in: SignIn, role: str = "cashier") -> None:
    """An empty wizard, whatever the test before left."""
    await sign_in(page, role, OPEN)
    await expect(page.get_by_role("heading", name="开户", exact=True)).to_be_visible()
    again = page.get_by_role("button", name="重新填写")
    await page.wait_for_timeout(300)
    if await again.is_enabled():
        await again.click()
        confirm = page.get_by_role("button", name="清除并重新填写")
        if await confirm.is_visible():
            await confirm.click()


async def no_barriers(page: Page) -> None:
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def asked(meter: Meter) -> ReadRequest:
    for _ in range(100):
        request = await ReadRequest.get_or_none(standing_key=f"staff:{meter.id}")
        if request is not None:
            return request
        await asyncio.sleep(0.05)
    raise AssertionError("nobody asked for a reading")


async def test_from_empty_to_the_printed_sheet_with_two_meters(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    (_, first), (_, second) = await vacate(stage, 2)
    await fresh(page, sign_in)
    await picture("account-step1-empty", 1366, 768)
    await fill_shop(page, "NEW-101")
    await page.get_by_role("button", name="发送验证码").click()
    await expect(page.locator("input[name=contact_code_0]")).to_be_visible()
    await page.fill("input[name=contact_code_0]", stage.world.sms.sent[-1].values[0])
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("短信已核实")).to_be_visible()
    for width, height in ((1920, 1080), (1366, 768)):
        await picture("account-step1", width, height)
    await no_barriers(page)

    await next_step(page)
    await choose(page, "添加电表", first.serial)
    await choose(page, "添加电表", second.serial)
    card = page.get_by_role("region", name=f"电表 {second.serial}")
    await card.get_by_role("button", name="立即抄表").click()
    await asked(second)
    await stage.read([second], used_wh=10)
    await expect(card.locator("[data-register]")).to_contain_text("1,000.01")
    for width, height in ((1920, 1080), (1366, 768)):
        await picture("account-step2", width, height)
    await no_barriers(page)

    await next_step(page)
    await choose_tariff(page)
    await page.fill("input[name=low_yuan]", "200")
    await page.fill("input[name=power_limit_kw]", "8.5")
    await picture("account-step3", 1920, 1080)
    await picture("account-step3", 1366, 768)
    await no_barriers(page)

    await next_step(page)
    await expect(page.get_by_text("启用：余额用完")).to_be_visible()
    for width, height in ((1920, 1080), (1366, 768)):
        await picture("account-step4", width, height)
    await no_barriers(page)
    await page.get_by_role("button", name="确认开户").click()

    await expect(page.get_by_role("heading", name="电费开户单")).to_be_visible()
    account = await Account.get(shop__code="NEW-101", closed_at=None)
    assert (account.armed, account.low_fen, account.power_limit_w) == (True, 20_000, 8_500)
    assert await Meter.filter(account_id=account.id).count() == 2
    await expect(page.get_by_text(first.serial)).to_be_visible()
    await expect(page.locator("[data-binding-code]")).to_be_visible()
    await expect(page.get_by_role("img", name="门铺码")).to_be_visible()
    await picture("account-sheet", 1366, 768)
    await picture("account-sheet", 1920, 1080)
    await no_barriers(page)
    pdf = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1

    await page.reload()
    await expect(page.get_by_text("绑定码只在发放时显示一次")).to_be_visible()
    await page.get_by_role("button", name="发放绑定码").click()
    await expect(page.locator("[data-binding-code]")).to_be_visible()


async def test_what_is_missing_is_said_on_its_field_before_the_next_step(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await fresh(page, sign_in)
    await page.get_by_text("新建商铺", exact=True).click()

    await next_step(page)

    for text in ("请填写商铺编号", "请填写商铺名称", "请填写商户名称", "请填写姓名", "请填写 11 位手机号"):
        await expect(complaint(page, text)).to_be_visible()
    await expect(page.locator("input[name=code]")).to_be_focused()


async def test_a_refusal_of_the_server_leads_back_to_its_field(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    """The register has grown old, and the code was taken, while the person was at it."""
    ((_, meter),) = await vacate(stage)
    await fresh(page, sign_in)
    await fill_shop(page, "NEW-201")
    await to_summary(page, meter)
    await expect(page.get_by_text("不启用：没有核实的联系人")).to_be_visible()
    await Shop.create(id=stage.ctx.ids.new(), site_id=meter.site_id, code="NEW-201", name="抢先")

    await page.get_by_role("button", name="确认开户").click()

    await expect(complaint(page, "商铺编号 NEW-201 已存在")).to_be_visible()
    await expect(page.locator("input[name=code]")).to_be_focused()
    await picture("account-refused", 1366, 768)
    assert not await AccountOpening.exists(meters__contains=meter.serial)


async def test_a_wrong_code_is_counted_and_a_word_is_enough(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await fresh(page, sign_in)
    await fill_shop(page, "NEW-301")
    await page.fill("input[name=contact_phone_0]", "13900004321")
    await page.get_by_role("button", name="发送验证码").click()
    await page.fill("input[name=contact_code_0]", "000000")
    await page.get_by_role("button", name="核实", exact=True).click()
    await expect(page.get_by_text("验证码不正确，还可再试 4 次")).to_be_visible()
    await picture("account-wrong-code", 1366, 768)
    await no_barriers(page)

    await page.get_by_role("button", name="人工核实").click()
    await page.fill("input[name=contact_word_0]", "本人持证件到场")
    await next_step(page)

    await expect(page.get_by_text("还没有选择电表")).to_be_visible()


async def test_a_draft_survives_reload_and_an_expired_login(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    ((_, meter),) = await vacate(stage)
    await fresh(page, sign_in)
    await fill_shop(page, "NEW-401", "草稿店")
    await next_step(page)
    await choose(page, "添加电表", meter.serial)
    await expect(page.locator("[data-saved]")).to_be_visible()
    await page.wait_for_timeout(2_000)

    await page.reload()
    await expect(page.get_by_text("已恢复上次未完成的开户")).to_be_visible()
    await expect(page.get_by_text(meter.serial).first).to_be_visible()
    await picture("account-restored", 1366, 768)

    await Session.filter(kind="staff").update(revoked_at=stage.clock.now())
    await next_step(page)
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await dialog.locator("input[name=password]").fill("correct horse battery")
    if not await dialog.locator("input[name=username]").input_value():
        await dialog.locator("input[name=username]").fill("cashier")
    await dialog.locator("input[name=password]").press("Enter")
    await expect(dialog).to_be_hidden()

    await choose_tariff(page)
    await next_step(page)
    await expect(page.get_by_text("草稿店")).to_be_visible()


async def test_a_double_click_opens_once(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    ((_, meter),) = await vacate(stage)
    await fresh(page, sign_in)
    await fill_shop(page, "NEW-501")
    await to_summary(page, meter)

    await page.get_by_role("button", name="确认开户").dblclick()

    await expect(page.get_by_role("heading", name="电费开户单")).to_be_visible()
    assert await Account.filter(shop__code="NEW-501").count() == 1
    await page.go_back()
    await expect(page.get_by_role("heading", name="开户", exact=True)).to_be_visible()
    await expect(page.get_by_text("已恢复上次未完成")).to_have_count(0)


async def test_a_lost_answer_is_asked_again_and_opens_once(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    ((_, meter),) = await vacate(stage)
    await fresh(page, sign_in)
    await fill_shop(page, "NEW-601")
    await to_summary(page, meter)
    is_lost = True

    async def lose(route: Route) -> None:
        nonlocal is_lost
        if is_lost:
            is_lost = False
            await route.fetch(url=route.request.url.replace("cashier.localhost", "127.0.0.1"))
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/api/v1/staff/accounts", lose)
    await page.get_by_role("button", name="确认开户").click()
    await expect(page.get_by_text("没有得到答复")).to_be_visible()

    await page.get_by_role("button", name="确认开户").click()

    await expect(page.get_by_role("heading", name="电费开户单")).to_be_visible()
    assert await Account.filter(shop__code="NEW-601").count() == 1
    assert await Contact.filter(account__shop__code="NEW-601").count() == 1


async def test_the_wizard_goes_by_keyboard(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await fresh(page, sign_in)
    await page.get_by_text("新建商铺", exact=True).click()
    await page.locator("input[name=code]").focus()
    for text in ("NEW-701", "键盘店", "1F", "餐饮", "都匀某餐饮店"):
        await page.keyboard.type(text)
        await page.keyboard.press("Enter")
    await page.fill("input[name=contact_name_0]", "王五")
    await page.fill("input[name=contact_phone_0]", "13900007777")

    await page.keyboard.press("Control+Enter")

    await expect(page.get_by_text("还没有选择电表")).to_be_visible()


async def test_the_manager_makes_the_practice_shop(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await fresh(page, sign_in, "manager")
    await page.get_by_role("button", name="设立练习商铺").click()
    await expect(page.get_by_text("练习 · 余额")).to_be_visible()
    await picture("account-practice", 1366, 768)
    await page.get_by_role("button", name="重新开始").click()
    await page.get_by_role("dialog").get_by_role("button", name="重新开始").click()
    await expect(page.get_by_text("练习商铺已重新开始")).to_be_visible()

    await fresh(page, sign_in)
    await expect(page.get_by_text("练习 · 余额")).to_be_visible()
    await expect(page.get_by_role("button", name="重新开始")).to_have_count(0)


async def test_finance_may_not_open_accounts(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "finance", OPEN)

    await expect(page.get_by_text("无权限")).to_be_visible()


async def test_what_cannot_be_loaded_says_so_and_is_tried_again(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await page.route("**/api/v1/staff/opening-choices", lambda route: route.abort())
    await sign_in(page, "cashier", OPEN)
    await expect(page.get_by_text("没有得到答复")).to_be_visible()

    await page.unroute("**/api/v1/staff/opening-choices")
    await page.get_by_role("button", name="重试").click()

    await expect(page.get_by_text("商铺来源")).to_be_visible()


async def test_a_mall_without_free_meters_says_so(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await fresh(page, sign_in)
    for meter in await Meter.filter(kind="prepaid", retired_at=None):
        owner = await Account.get_or_none(id=meter.account_id) if meter.account_id else None
        if owner is None or owner.closed_at is not None:
            await Meter.filter(id=meter.id).update(retired_at=stage.clock.now())
    await page.reload()
    await fill_shop(page, "NEW-801")
    await next_step(page)

    await expect(page.get_by_text("空闲表 0 块")).to_be_visible()
    await expect(page.get_by_text("还没有选择电表")).to_be_visible()


async def test_a_sheet_that_is_not_there_says_so(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "manager", "/print/opening/1")

    await expect(page.get_by_text("没有找到，或您无权查看")).to_be_visible()
