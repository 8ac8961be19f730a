"""Finance writes a version, tries it and sends it; the manager puts it in force; charges follow its date."""

import re
from datetime import date, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from backend.models.meters import Meter
from backend.models.site import Shop
from backend.models.tariffs import Tariff, TariffDraft, TariffVersion
from backend.store import rows
from common.clock import LOCAL_ZONE, local_midnight
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")
SIZES = ((1366, 768), (1920, 1080))


async def barriers(page: Page) -> list[str]:
    """Look for barriers once nothing fades any more: a colour on its way would be found too pale."""
    await page.wait_for_timeout(400)
    return await find_barriers(page)


async def tariff_path() -> str:
    tariff = await Tariff.all().order_by("code").first()
    assert tariff is not None
    return f"/rules/tariffs/{tariff.id}"


def tomorrow(stage: OnStage) -> date:
    return stage.clock.now().astimezone(LOCAL_ZONE).date() + timedelta(days=1)


async def use(stage: OnStage, shop: str, used_wh: int) -> None:
    """Let a shop use energy within ten minutes."""
    await stage.read_shop(shop)
    stage.clock.advance(600)
    await stage.read_shop(shop, used_wh)


async def draft_single(page: Page, price: str) -> None:
    """Write a version of one price all day long: only the energy part differs from what is in force."""
    await page.get_by_role("button", name="起草新版本").click()
    await expect(page.get_by_label("上网电价单价")).to_be_visible()
    single = page.get_by_role("button", name="改为单一电价（全天平段）")
    if await single.count():
        await single.click()
    await page.get_by_label("上网电价单价").fill(price)


async def newest_draft() -> TariffDraft:
    draft = await TariffDraft.all().order_by("-id").first()
    assert draft is not None
    return draft


async def test_the_list_names_what_is_in_force(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "cashier", "/rules/tariffs")

    await expect(page.get_by_text("分时电价").first).to_be_visible()
    await expect(page.get_by_role("list", name="各时段电价").first).to_contain_text("0.952000")
    assert await page.get_by_role("button", name="起草新版本").count() == 0
    for width, height in SIZES:
        await picture(f"rules-tariffs-{width}", width, height)
    found = await barriers(page)
    assert found == [], "\n".join(found)


async def test_a_version_is_drawn_on_the_bar_and_a_gap_is_refused_where_it_is(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "finance", await tariff_path())
    await page.get_by_role("button", name="起草新版本").click()
    bar = page.get_by_role("group", name=re.compile("^每日时段："))
    handle = bar.get_by_role("slider").first
    first_end = page.get_by_label("每日时段第 1 段结束")
    before = await first_end.input_value()

    await handle.focus()
    await page.keyboard.press("ArrowRight")
    moved = await first_end.input_value()
    box = await handle.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] / 2 - 60, box["y"] + 10, steps=4)
    await page.mouse.up()
    dragged = await first_end.input_value()
    assert before < moved
    assert dragged < moved
    assert await page.get_by_label("每日时段第 2 段开始").input_value() == dragged

    await page.get_by_label("每日时段第 2 段开始").fill("12:00")
    await expect(page.get_by_role("alert").filter(has_text="没有时段")).to_contain_text(f"{dragged} 至 12:00")
    drafts = await TariffDraft.all().count()
    await page.get_by_role("button", name="保存草稿").click()
    await expect(page.get_by_role("alert").filter(has_text="没有时段")).to_be_visible()
    assert await TariffDraft.all().count() == drafts
    await page.get_by_role("button", name="＋ 增加季节").click()
    await page.get_by_role("button", name="＋ 法定节假日").click()
    await page.get_by_text("按月累计").click()
    for width, height in SIZES:
        await picture(f"rules-tariff-editor-{width}", width, height)
    found = await barriers(page)
    assert found == [], "\n".join(found)


async def test_finance_drafts_tries_and_sends_the_manager_approves_and_charges_follow_the_date(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    first, second = [shop.code for shop in await Shop.all().order_by("code").limit(2)]
    await use(stage, first, 700)
    await use(stage, second, 1_100)
    path = await tariff_path()
    await sign_in(page, "finance", path)
    await draft_single(page, "0.500000")
    await expect(page.get_by_role("list", name="各时段电价").first).to_contain_text("平")
    shown = await page.get_by_role("list", name="各时段电价").first.inner_text()
    price = round(float(re.search(r"\d\.\d{6}", shown).group()) * 1_000_000)  # type: ignore[union-attr]
    await page.get_by_role("button", name="保存草稿").click()
    await expect(page.get_by_text("草稿已保存").first).to_be_visible()

    await page.get_by_text("最近 30 天").click()
    await page.get_by_role("button", name="按此版本试算").click()
    status = page.get_by_role("status").filter(has_text="合计变化")
    await expect(status).to_be_visible()
    used = await rows(
        "SELECT account_id, SUM(energy_wh) AS energy_wh, SUM(cost_nano) AS cost_nano FROM usage_day"
        " WHERE account_id IS NOT NULL GROUP BY account_id"
    )
    before = sum(int(row["cost_nano"]) // 10_000_000 for row in used)
    after = sum(int(row["energy_wh"]) * price // 10_000_000 for row in used)
    assert after > 0
    text = (await status.inner_text()).replace(",", "")
    assert f"实收 ¥{before / 100:.2f}，按此版本 ¥{after / 100:.2f}" in text
    sign = "+" if after > before else "-"
    assert f"合计变化 {sign}¥{abs(after - before) / 100:.2f}" in text
    for width, height in SIZES:
        await picture(f"rules-tariff-dry-run-{width}", width, height)
    found = await barriers(page)
    assert found == [], "\n".join(found)

    await page.fill("input[name=reason]", "省发改委调价通知")
    await page.get_by_role("button", name="提交审批").click()
    await expect(page.get_by_text("待审批").first).to_be_visible()

    await sign_in(page, "manager", path)
    await expect(page.get_by_text("省发改委调价通知")).to_be_visible()
    await picture("rules-tariff-approve-1366", 1366, 768)
    await page.get_by_role("button", name=re.compile("^通过，")).click()
    await expect(page.get_by_text("未生效").first).to_be_visible()
    on = tomorrow(stage)
    version = await TariffVersion.all().order_by("-id").first()
    assert version is not None
    assert version.valid_from == local_midnight(on)

    old = await accrued(stage, first)
    stage.clock.advance(
        (datetime.combine(on, datetime.min.time(), LOCAL_ZONE) - stage.clock.now()).total_seconds()
    )
    await use(stage, first, 1_000)
    new = await accrued(stage, first)
    assert new[: len(old)] == old
    assert new[-1] == (1_000, 1_000 * price, str(version.id))
    await stage.read(await Meter.filter(retired_at=None).order_by("id"))


async def accrued(stage: OnStage, shop: str) -> list[tuple[int, int, str]]:
    """Every bucket of a shop's charges that holds energy: how much, what it costs, by which version."""
    meter = await stage.meter(shop)
    found = await rows(
        "SELECT energy_wh, total_nano, versions FROM accrual WHERE meter_id = ? AND energy_wh > 0"
        " ORDER BY charge_on, revision",
        [meter.id],
    )
    return [(int(row["energy_wh"]), int(row["total_nano"]), row["versions"]) for row in found]


async def test_the_manager_cannot_approve_a_version_of_their_own(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "manager", await tariff_path())
    await draft_single(page, "0.610000")
    await page.get_by_role("button", name="保存草稿").click()
    await expect(page.get_by_text("草稿已保存").first).to_be_visible()
    await page.fill("input[name=reason]", "自己的草稿")
    await page.get_by_role("button", name="提交审批").click()

    await page.get_by_role("button", name=re.compile("^通过，")).click()

    await expect(page.get_by_role("alert").filter(has_text="不能审批自己的申请")).to_be_visible()
    assert (await newest_draft()).state == "asked"
    await page.get_by_role("button", name="撤回").click()
    await expect(page.get_by_role("button", name="修改", exact=True)).to_be_visible()
    assert (await newest_draft()).state == "draft"


async def test_who_may_not_see_prices_is_told_so(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "electrician", "/rules/tariffs")

    await expect(page.get_by_role("heading", name="电价方案")).to_have_count(0)
    await expect(page.locator("main")).to_contain_text("权限")
