"""Every screen of files and alarms: found by who may, barred by nothing, refused to who may not."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from backend.models.meters import Meter
from backend.models.site import Shop
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

SCREENS = (
    ("manager", "/files/shops", "商铺档案"),
    ("manager", "/files/tenants", "商户档案"),
    ("manager", "/files/meters", "电表档案"),
    ("manager", "/files/wiring", "强电井与总线"),
    ("manager", "/files/registers-in-doubt", "待核示数"),
    ("manager", "/files/meter-changes", "换表"),
    ("manager", "/files/ratio-changes", "倍率更改"),
    ("electrician", "/alarms", "告警中心"),
    ("electrician", "/alarms/history", "历史告警"),
)


@pytest.mark.parametrize(("role", "path", "title"), SCREENS)
async def test_a_screen_keeps_nobody_out(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, role: str, path: str, title: str
) -> None:
    await sign_in(page, role, path)
    await expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    await expect(page.locator(".el-skeleton")).to_have_count(0)
    name = path.strip("/").replace("/", "-")
    await picture(name, 1920, 1080)
    await picture(name, 1366, 768)

    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_a_meters_page_keeps_nobody_out(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    meter = await stage.meter("A102")
    await sign_in(page, "manager", f"/files/meters/{meter.id}")
    await expect(page.get_by_role("heading", name=f"表 {meter.serial}")).to_be_visible()
    await picture("files-meter", 1920, 1080)
    await picture("files-meter", 1366, 768)

    found = await find_barriers(page)
    assert found == [], "\n".join(found)
    for tab in ("近 15 天", "抄表记录", "换表与变更"):
        await page.get_by_role("tab", name=tab).click()
    await page.get_by_role("tab", name="近 15 天").click()
    await picture("files-meter-days", 1366, 768)


@pytest.mark.parametrize(
    ("role", "path", "entry"),
    [("electrician", "/files/tenants", "商户"), ("cashier", "/files/wiring", "强电井与总线")],
)
async def test_who_may_not_is_told_whom_to_ask(
    page: Page, stage: OnStage, sign_in: SignIn, role: str, path: str, entry: str
) -> None:
    await sign_in(page, role, path)

    await expect(page.get_by_role("heading", name="无权限")).to_be_visible()
    menu = page.get_by_role("navigation", name="主菜单")
    await expect(menu.get_by_text(entry, exact=True)).to_have_count(0)


async def test_a_list_is_searched_sorted_and_opened_by_keyboard(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "manager", "/files/meters")
    await expect(page.get_by_text("共 105 条")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(50)

    await page.get_by_role("button", name="表号").click()
    await expect(page.get_by_role("columnheader", name="表号")).to_have_attribute("aria-sort", "ascending")
    await page.get_by_label("表号、地址、商铺、位置").fill("A102")
    await expect(page.get_by_text("共 1 条")).to_be_visible()
    await page.get_by_role("region", name="电表").focus()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")

    serial = (await stage.meter("A102")).serial
    await expect(page.get_by_role("heading", name=f"表 {serial}")).to_be_visible()


async def test_columns_and_density_are_remembered(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "manager", "/files/shops")
    await page.get_by_role("button", name="选择列与行距").click()
    await page.locator(".el-checkbox", has_text="业态").click()
    await page.locator(".el-checkbox", has_text="紧凑行距").click()
    await expect(page.get_by_role("columnheader", name="业态")).to_have_count(0)

    await page.reload()

    await expect(page.get_by_role("columnheader", name="商铺编号")).to_be_visible()
    await expect(page.get_by_role("columnheader", name="业态")).to_have_count(0)
    await expect(page.locator("table.dense")).to_be_visible()


async def test_excel_is_what_was_searched_for(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "manager", "/files/shops")
    await page.get_by_label("编号、名称、商户、电话、备注").fill("A10")
    await expect(page.get_by_text("共 4 条")).to_be_visible()

    async with page.expect_download() as taken:
        await page.get_by_role("button", name="导出 Excel").click()
    download = await taken.value

    assert download.suggested_filename.startswith("商铺档案-")
    assert (await download.path()).read_bytes()[:2] == b"PK"


async def test_a_remark_is_written_where_it_stands(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "cashier", "/files/shops?q=A103")
    await page.get_by_role("button", name="修改A103 的备注").click()
    await page.keyboard.type("靠近电梯")
    await page.keyboard.press("Enter")

    await expect(page.get_by_text("靠近电梯")).to_be_visible()
    assert (await Shop.get(code="A103")).remark == "靠近电梯"


async def test_a_list_that_does_not_come_says_so_and_can_be_asked_again(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await page.route("**/api/v1/staff/files/shops?*", lambda route: route.abort())
    await sign_in(page, "manager", "/files/shops")
    await expect(page.get_by_role("alert")).to_contain_text("没有得到答复")

    await page.unroute("**/api/v1/staff/files/shops?*")
    await page.get_by_role("button", name="重试").click()

    await expect(page.get_by_text("共 90 条")).to_be_visible()


async def test_nothing_found_says_why(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "manager", "/files/meters?q=没有这块表")

    await expect(page.get_by_text("没有符合条件的电表")).to_be_visible()


async def test_a_test_read_says_what_came_and_how_long_it_took(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    meter = await stage.meter("A104")
    await sign_in(page, "electrician", f"/files/meters/{meter.id}")
    await page.get_by_role("button", name="试抄").click()
    await expect(page.get_by_text("等待采集服务抄表")).to_be_visible()

    await stage.read([await Meter.get(id=meter.id)], used_wh=10)

    await expect(page.get_by_text("抄到，用时")).to_be_visible()
    await expect(page.get_by_text("示数 1,000.01 度")).to_be_visible()


async def test_a_line_is_read_as_a_whole(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    meter = await stage.meter("A201")
    meters = await Meter.filter(line_id=meter.line_id).order_by("unit")
    await sign_in(page, "electrician", f"/files/wiring?line={meter.line_id}")
    await page.get_by_role("button", name="试抄总线").first.wait_for()
    line = page.locator(".line", has=page.get_by_role("link", name=meter.serial, exact=True))
    await line.get_by_role("button", name="试抄").click()
    await expect(page.get_by_text(f"等待 {len(meters)}")).to_be_visible()

    await stage.read(meters[:-1], used_wh=10)
    await expect(page.get_by_text(f"应答 {len(meters) - 1}，等待 1")).to_be_visible()
    stage.clock.advance(61)

    await expect(page.get_by_text(f"应答 {len(meters) - 1}，等待 0，未应答 1")).to_be_visible()
    assert stage.clock.now() - timedelta(seconds=61) < stage.clock.now()
