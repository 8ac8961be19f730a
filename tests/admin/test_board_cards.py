"""The board in a real browser: cards, filters, drawer, what is live and what is not."""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from backend.models.meters import Meter
from backend.models.operations import Collector
from backend.models.people import Role
from backend.models.site import Line
from backend.models.supply import ReadRequest
from backend.services.line_faults import note_faults
from common.wire import LineHealth, Relay
from tests.admin.conftest import PREPAID, PUBLIC, Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def open_board(page: Page, stage: OnStage, sign_in: SignIn, role: str, path: str = "/board") -> None:
    await stage.contact()
    await sign_in(page, role, path)
    await expect(page.locator(".meter").first).to_be_visible()


async def card(page: Page, stage: OnStage, shop: str) -> Locator:
    return page.locator(f'.meter[data-meter="{(await stage.meter(shop)).id}"]')


async def open_shop(page: Page, stage: OnStage, shop: str) -> Locator:
    """Open a shop's drawer, its meter read just now."""
    await stage.read_shop(shop)
    await (await card(page, stage, shop)).click()
    drawer = page.locator(".meter-drawer")
    await expect(drawer.get_by_role("heading", level=2)).to_contain_text(shop)
    return drawer


# What fades in has no colours of its own yet.
STILL = """async () => {
  const ends = document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity)
  await Promise.allSettled(ends.map((one) => one.finished))
}"""


async def no_barriers(page: Page) -> None:
    await page.evaluate(STILL)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_the_board_shows_every_shop_by_shaft(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await stage.read(await Meter.all())
    await open_board(page, stage, sign_in, "manager")

    await expect(page.locator(".meter")).to_have_count(PREPAID)
    await expect(page.locator("section.shaft")).to_have_count(5)
    await expect(page.locator("section.shaft").first).to_contain_text("在线 18/18")
    await expect(page.locator(".light")).to_contain_text("实时")
    for width, height in ((1366, 768), (1920, 1080)):
        await picture("board", width, height)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_nothing_on_the_board_keeps_people_out(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await open_board(page, stage, sign_in, "manager")
    await no_barriers(page)
    await open_shop(page, stage, "A102")

    await no_barriers(page)


async def test_a_new_reading_reaches_the_open_board(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await open_board(page, stage, sign_in, "finance")
    await stage.read_shop("A103")
    money = (await card(page, stage, "A103")).locator(".yuan")
    before = await money.inner_text()
    stage.clock.advance(600)

    await stage.read_shop("A103", used_wh=2_000)

    await expect(money).not_to_have_text(before, timeout=4_000)
    await expect(await card(page, stage, "A103")).to_contain_text("今日")


async def test_a_card_says_its_state_in_words_and_its_age(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await open_board(page, stage, sign_in, "manager")
    await stage.read(await Meter.all())
    shop = await card(page, stage, "A104")
    await expect(shop.locator(".state")).to_contain_text("余额低")
    stage.clock.advance(190)
    await stage.read_shop("A103")

    await expect(shop).to_contain_text("3 分钟前", timeout=10_000)
    await expect(shop).to_have_class(re.compile(r"\bstale\b"))
    stage.clock.advance(200)
    await stage.read_shop("A103")
    await expect(shop.locator(".state")).to_contain_text("离线", timeout=10_000)
    await stage.read(await Meter.all())
    await expect(shop.locator(".state")).to_contain_text("余额低", timeout=10_000)


async def test_counts_search_kind_and_floor_narrow_the_board(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await stage.read(await Meter.all())
    await open_board(page, stage, sign_in, "manager")
    shown = page.locator(".meter:visible")
    low = page.locator('.tile[data-state="low"]')
    count = int(await low.locator("strong").inner_text())
    await low.click()
    await expect(shown).to_have_count(count)
    await low.click()

    find = page.get_by_label("在看板中查找")
    await find.fill("A102")
    await expect(shown).to_have_count(1)
    await find.fill("没有这家店")
    await expect(page.get_by_text("没有符合条件的表")).to_be_visible()
    await page.get_by_role("button", name="清除筛选").click()
    await expect(shown).to_have_count(PREPAID + PUBLIC)
    await page.get_by_text("公区", exact=True).first.click()
    await expect(shown).to_have_count(PUBLIC)
    await page.get_by_text("按楼层").click()
    await expect(page.locator("section.shaft")).to_have_count(1)


async def test_the_drawer_reads_a_meter_now(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await open_board(page, stage, sign_in, "cashier")
    drawer = await open_shop(page, stage, "A102")
    await drawer.get_by_role("button", name="立即抄表").click()
    meter = await stage.meter("A102")
    await expect(drawer.get_by_role("button", name="抄表中")).to_be_visible()
    while not await ReadRequest.exists(meter_id=meter.id, answered_at=None):
        await stage.clock.sleep(0.05)

    await stage.read([meter], used_wh=10)

    await expect(page.get_by_text("抄表完成")).to_be_visible()
    await expect(drawer).to_contain_text("229.8 V · 5.40 A")
    await picture("drawer", 1366, 768)
    await picture("drawer", 375, 812)


async def test_a_cashier_has_no_button_that_switches_off(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await open_board(page, stage, sign_in, "cashier")
    drawer = await open_shop(page, stage, "A102")

    for what in ("trip", "emergency", "restore"):
        await expect(drawer.locator(f'[data-do="{what}"]')).to_have_count(0)
    await expect(drawer.locator('[data-do="keep"]')).to_be_visible()


async def test_finance_may_only_look(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await open_board(page, stage, sign_in, "finance")
    drawer = await open_shop(page, stage, "A102")

    await expect(drawer).to_contain_text("您的角色只能查看")
    await expect(drawer.locator('[data-do="trip"]')).to_have_count(0)


async def test_a_role_that_is_cut_is_obeyed_by_the_open_page(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await open_board(page, stage, sign_in, "electrician")
    drawer = await open_shop(page, stage, "A102")
    await expect(drawer.locator('[data-do="trip"]')).to_be_visible()
    role = await Role.get(code="electrician")
    before = role.permissions
    await Role.filter(id=role.id).update(permissions=before.replace('"staff.trip",', ""))
    try:
        await expect(drawer.locator('[data-do="trip"]')).to_have_count(0, timeout=5_000)
        await expect(drawer.locator('[data-do="emergency"]')).to_be_visible()
    finally:
        await Role.filter(id=role.id).update(permissions=before)


async def test_a_gateway_that_is_down_is_one_banner(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await open_board(page, stage, sign_in, "electrician")
    line = await Line.all().order_by("id").first()
    assert line is not None
    await report_lines(stage, line, is_down=True)
    stage.clock.advance(21)
    await stage.runner.run_due()

    banner = page.locator(".dark:visible")
    await expect(banner).to_contain_text("断线", timeout=6_000)
    await expect(page.locator(".bell")).to_have_attribute("aria-label", re.compile(r"告警 [1-9]"))
    await picture("gateway-down", 1366, 768)
    hidden = await page.locator(".meter:visible").count()
    await banner.get_by_role("button", name="仍要查看").click()
    assert await page.locator(".meter:visible").count() > hidden
    await no_barriers(page)
    await report_lines(stage, line, is_down=False)
    await expect(banner).to_have_count(0, timeout=6_000)


async def report_lines(stage: OnStage, line: Line, *, is_down: bool) -> None:
    """Let the collector report that the gateway of a line is gone, or back."""
    await stage.contact()
    lines = [
        LineHealth(line_id=str(one.id), connected=not is_down)
        for one in await Line.filter(gateway_id=(await line.gateway).id)
    ]
    await note_faults(stage.ctx, await Collector.get(id=stage.collector.id), lines)


async def test_a_lost_stream_greys_the_data_and_stops_all_control(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await open_board(page, stage, sign_in, "manager")
    drawer = await open_shop(page, stage, "A103")
    await expect(drawer.locator('[data-do="trip"]')).to_be_enabled()
    await page.context.set_offline(True)
    for stream in list(stage.servers.private._streams):
        stream.cancel()

    await expect(page.locator("#link-lost")).to_contain_text("实时连接中断，正在重连，数据截至")
    await expect(page.locator(".board")).to_have_class(re.compile(r"\bgrey\b"))
    for what in ("trip", "emergency", "read"):
        await expect(drawer.locator(f'[data-do="{what}"]')).to_be_disabled()
    await picture("lost", 1366, 768)
    await page.context.set_offline(False)
    await expect(page.locator("#link-lost")).to_be_hidden(timeout=15_000)
    await expect(drawer.locator('[data-do="trip"]')).to_be_enabled()


async def test_the_board_is_used_with_a_thumb(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await open_board(page, stage, sign_in, "electrician")
    await picture("board", 360, 740)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    drawer = await open_shop(page, stage, "A102")

    box = await drawer.locator('[data-do="emergency"]').bounding_box()

    assert box is not None and box["height"] >= 44
    await picture("drawer", 360, 740)
    await no_barriers(page)


async def test_the_wall_shows_a_floor_after_another_without_a_menu(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await stage.read(await Meter.all())
    await stage.contact()
    await page.goto(f"http://manager.localhost:{stage.private_port}/board/wall?role=manager")
    floor = page.locator(".wall h2")
    await expect(floor).to_be_visible()
    first = await floor.inner_text()
    await expect(page.locator(".bar .user")).to_have_count(0)
    await picture("wall", 1920, 1080)
    await no_barriers(page)

    await page.get_by_role("button", name="下一层").click()

    await expect(floor).not_to_have_text(first)
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile(r"/board$"))


async def test_the_board_says_that_a_role_may_not_see_it(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    role = await Role.get(code="finance")
    before = role.permissions
    await Role.filter(id=role.id).update(permissions=before.replace('"staff.board",', ""))
    try:
        await sign_in(page, "finance", "/board")
        await expect(page.locator("#content")).to_contain_text("看板")
        await expect(page.locator(".meter")).to_have_count(0)
    finally:
        await Role.filter(id=role.id).update(permissions=before)


async def test_a_tripped_card_is_told_apart_from_a_dark_one(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await open_board(page, stage, sign_in, "manager")
    await stage.read_shop("A302", relay=Relay.OFF)
    state = (await card(page, stage, "A302")).locator(".state")

    await expect(state).to_contain_text("已断电", timeout=5_000)
    await stage.read_shop("A302")
    await expect(state).not_to_contain_text("已断电", timeout=5_000)
