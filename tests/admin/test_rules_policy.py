"""The manager tries a policy, saves it, and what was said happens; limits and the year."""

import re
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace
from playwright.async_api import Page, expect

from backend.models.accounts import Account
from backend.models.site import PolicyChange, Shop, Site
from backend.services.site_policy import policy_of
from common.clock import LOCAL_ZONE
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")
SIZES = ((1366, 768), (1920, 1080))


async def barriers(page: Page) -> list[str]:
    """Look for barriers once nothing fades any more: a colour on its way would be found too pale."""
    await page.wait_for_timeout(400)
    return await find_barriers(page)


async def fill_code(page: Page, stage: OnStage) -> None:
    """Type a one-time password that was not used yet."""
    answer = await page.evaluate("fetch('/api/v1/demo/totp').then((answer) => answer.json())")
    stage.clock.advance(answer["usable_in_s"])
    await page.fill("input[name=totp]", answer["code"])


async def in_arrears() -> set[str]:
    found = await Account.filter(in_arrears=True, closed_at=None)
    return {shop.code for shop in await Shop.filter(id__in=[one.shop_id for one in found])}


async def numbers(page: Page) -> list[int]:
    text = await page.get_by_role("status").filter(has_text="户被断电").inner_text()
    return [int(one) for one in re.findall(r"(\d+)\s*户(?:被断电|在)", text.replace("\n", ""))]


async def test_the_preview_names_the_shops_that_then_go_into_arrears(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await stage.contact()
    await sign_in(page, "manager", "/rules/policy")
    status = page.get_by_role("status").filter(has_text="户被断电")
    await expect(status).to_be_visible()
    await expect(page.get_by_text("按现行策略，现在")).to_be_visible()
    for width, height in SIZES:
        await picture(f"rules-policy-{width}", width, height)
    found = await barriers(page)
    assert found == [], "\n".join(found)

    # An overdraft that is given lets those within it be; taking it away again cuts them.
    await save(page, stage, {"overdraft_fen": "600.00", "restore_level_fen": "10.00"}, "试行透支")
    account = (
        await Account.filter(closed_at=None, in_arrears=False, settled_fen__gt=20_000).order_by("id").first()
    )
    assert account is not None
    await Account.filter(id=account.id).update(settled_fen=-1_000)
    await stage.read_shop((await Shop.get(id=account.shop_id)).code)
    before = await in_arrears()
    assert (await Shop.get(id=account.shop_id)).code not in before
    await page.fill("input[name=overdraft_fen]", "0")
    await expect(page.get_by_text("按改动后的策略，现在")).to_be_visible()
    await expect(page.locator("section.preview[aria-busy=false]")).to_be_visible()
    await page.wait_for_timeout(700)
    cut, *_ = await numbers(page)
    named = set(await page.locator("section.preview .el-table__row td:first-child").all_inner_texts())
    assert await in_arrears() == before  # Looking at it does nothing.
    await picture("rules-policy-changed-1366", 1366, 768)

    await save(page, stage, {"overdraft_fen": "0"}, "取消透支")
    await expect(page.get_by_text("取消透支").first).to_be_visible()
    await stage.runner.run_due()

    fallen = await in_arrears()
    assert (cut, named) == (len(fallen), fallen)
    shop = await Shop.get(id=account.shop_id)
    assert shop.code in named
    await Account.filter(id=account.id).update(settled_fen=account.settled_fen)
    await stage.read_shop(shop.code)


async def save(page: Page, stage: OnStage, fields: dict[str, str], reason: str) -> None:
    changes = await PolicyChange.all().count()
    for name, text in fields.items():
        await page.fill(f"input[name={name}]", text)
    await page.fill("input[name=reason]", reason)
    await fill_code(page, stage)
    await page.get_by_role("button", name="保存策略").click()
    await expect(page.get_by_text(f"第 {changes + 1} 次")).to_be_visible()
    await stage.runner.run_due()


async def test_a_level_above_the_other_is_refused_at_its_field(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "manager", "/rules/policy")
    changes = await PolicyChange.all().count()

    await page.fill("input[name=critical_fen]", "9999.00")
    await page.fill("input[name=reason]", "试试")
    await fill_code(page, stage)
    await page.get_by_role("button", name="保存策略").click()

    item = page.locator(".el-form-item", has=page.locator("input[name=critical_fen]"))
    await expect(item.locator(".el-form-item__error")).to_have_text("二级预警金额不能高于一级")
    assert await PolicyChange.all().count() == changes


async def test_who_may_only_look_changes_nothing(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "finance", "/rules/policy")

    await expect(page.locator("input[name=low_fen]")).to_be_disabled()
    assert await page.get_by_role("button", name="保存策略").count() == 0


async def test_limits_of_several_shops_are_set_and_who_is_over_is_said_before(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "electrician", "/rules/power-limits")
    await expect(page.locator(".el-table__row").first).to_be_visible()
    codes = await page.locator(".el-table__row td:nth-child(2)").all_inner_texts()
    await picture("rules-power-limits-1920", 1920, 1080)
    await picture("rules-power-limits-1366", 1366, 768)
    found = await barriers(page)
    assert found == [], "\n".join(found)

    for row in (0, 1):
        await page.locator(".el-table__row").nth(row).locator(".el-checkbox").click()
    await page.get_by_role("button", name=re.compile("设置所选")).click()
    await page.fill("input[name=power]", "0.5")
    await expect(page.get_by_role("status").filter(has_text="超限")).to_contain_text("现在有 2 只表超限")
    await page.fill("input[name=power]", "30")
    await expect(page.get_by_role("status").filter(has_text="超限")).to_contain_text("没有商铺超限")
    await page.fill("input[name=reason]", "合同约定")
    await picture("rules-limit-dialog-1366", 1366, 768)
    found = await barriers(page)
    assert found == [], "\n".join(found)
    await page.get_by_role("button", name="保存", exact=True).click()

    await expect(page.get_by_text("限值已保存").first).to_be_visible()
    for code in codes[:2]:
        shop = await Shop.get(code=code)
        assert (await Account.get(shop_id=shop.id, closed_at=None)).power_limit_w == 30_000
        await Account.filter(shop_id=shop.id).update(power_limit_w=None)


async def test_the_year_says_who_says_so_and_an_unknown_year_says_that(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await keep_on_holidays(True)
    await sign_in(page, "manager", "/rules/calendar")
    day = page.locator("[data-on='2026-10-01']")
    await expect(day).to_have_attribute(
        "aria-label", "2026-10-01 国庆节 节假日（含调休放假），来源：国务院办公厅通知，全天免断"
    )
    await expect(page.locator("[data-on='2026-10-10']")).to_contain_text("班")
    for width, height in SIZES:
        await picture(f"rules-calendar-{width}", width, height)
    found = await barriers(page)
    assert found == [], "\n".join(found)

    await page.get_by_role("button", name="下一年").click()
    await expect(page.get_by_text("2027 年的放假安排未知")).to_be_visible()
    await expect(page.locator("[data-on='2027-03-02']")).to_have_attribute(
        "aria-label", re.compile("尚未公布.*全天免断")
    )
    await picture("rules-calendar-unknown-1366", 1366, 768)
    found = await barriers(page)
    assert found == [], "\n".join(found)

    on = (stage.clock.now().astimezone(LOCAL_ZONE).date() + timedelta(days=400)).replace(year=2027)
    await page.locator(f"[data-on='{on}']").click()
    await page.fill("input[name=name]", "店庆")
    await page.get_by_text("只免断（店庆等）").click()
    await page.fill("input[name=reason]", "年度活动")
    await picture("rules-calendar-day-1366", 1366, 768)
    await page.get_by_role("button", name="保存", exact=True).click()

    await expect(page.locator(f"[data-on='{on}']")).to_have_attribute(
        "aria-label", re.compile("店庆.*本站点自定")
    )
    site = await Site.all().get()
    assert (await policy_of(site.id)).own_days[-1].on == on
    await keep_on_holidays(False)


async def keep_on_holidays(wanted: bool) -> None:
    """The demo's mall trips on any day; a real one does not on holidays."""
    site = await Site.all().get()
    policy = replace(await policy_of(site.id), no_trip_holidays=wanted)
    await Site.filter(id=site.id).update(policy=msgspec.json.encode(policy).decode())


async def test_a_shop_gets_terms_of_its_own(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    shop = (await Shop.all().order_by("-code"))[0]
    await sign_in(page, "manager", "/rules/policy")
    await page.get_by_role("button", name="增加", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("商铺").fill(shop.code)
    await page.get_by_role("option", name=re.compile(shop.code)).click()
    await expect(page.get_by_role("option").first).to_be_hidden()
    await dialog.locator(".el-form-item", has_text="一级预警金额").locator(".el-checkbox").click()
    await dialog.locator("input[name=low_fen]").fill("300.00")
    await dialog.locator("input[name=reason]").fill("补充协议")
    await expect(dialog.get_by_role("status")).to_contain_text("按此约定，该户现在")
    answer = await page.evaluate("fetch('/api/v1/demo/totp').then((answer) => answer.json())")
    stage.clock.advance(answer["usable_in_s"])
    await dialog.locator("input[name=totp]").fill(answer["code"])
    await picture("rules-shop-terms-1366", 1366, 768)
    found = await barriers(page)
    assert found == [], "\n".join(found)
    await dialog.get_by_role("button", name="保存").click()

    await expect(page.get_by_text("一级预警金额 ¥300.00")).to_be_visible()
    account = await Account.get(shop_id=shop.id, closed_at=None)
    assert (account.low_fen, account.own_terms) == (30_000, '["low_fen"]')


@pytest.mark.parametrize("path", ["tariffs", "policy", "power-limits", "calendar"])
async def test_a_screen_whose_data_does_not_come_says_so_and_tries_again(
    page: Page, stage: OnStage, sign_in: SignIn, path: str
) -> None:
    await sign_in(page, "manager")
    await page.route(f"**/api/v1/staff/{path}*", lambda route: route.abort())
    await page.goto(f"http://manager.localhost:{stage.private_port}/rules/{path}")
    await expect(page.get_by_role("alert").first).to_contain_text("没有得到答复")

    await page.unroute(f"**/api/v1/staff/{path}*")
    await page.get_by_role("button", name="重试").click()

    await expect(page.get_by_text("没有得到答复")).to_have_count(0)
    await expect(page.locator("main .card").first).to_be_visible()
