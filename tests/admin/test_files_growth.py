"""The mall grows while it runs, and a gateway dies: with the real collector behind the pages."""

import pytest
from playwright.async_api import Locator, Page, expect

from common.clock import SystemClock
from simulator.mall import Mall
from tests.admin.conftest import Picture, RunningMall, SignIn, find_barriers

pytestmark = pytest.mark.asyncio(loop_scope="package")
TOLD_WITHIN_MS, OVER_WITHIN_MS, HEALTH_WITHIN_MS = 90_000, 90_000, 45_000


async def choose(page: Page, label: str, text: str) -> None:
    """Pick from a list by its label."""
    await page.get_by_role("combobox", name=label).click()
    await page.get_by_role("option", name=text).first.click()


async def add_meter(dialog: Locator, serial: str, unit: int) -> None:
    await dialog.locator("input[name=serial]").fill(serial)
    await dialog.get_by_label("地址", exact=True).fill(str(unit))


async def test_the_administrator_adds_a_shaft_and_the_collector_reads_its_meters(
    page: Page, mall: RunningMall, sign_in: SignIn, picture: Picture
) -> None:
    box = Mall.build(9, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=2, public=0, mixed=False)
    await box.serve()
    try:
        await sign_in(page, "administrator", "/files/wiring")
        await page.get_by_role("button", name="新增强电井").click()
        await page.locator("input[name=code]").fill("S1")
        await page.locator("input[name=name]").fill("C 座强电井")
        await page.get_by_role("button", name="新增", exact=True).click()
        await expect(page.get_by_text("编号 S1 已")).to_be_visible()
        await page.locator("input[name=code]").fill("S9")
        await page.get_by_role("button", name="新增", exact=True).click()
        await expect(page.get_by_role("button", name="S9 C 座强电井")).to_be_visible()

        await page.get_by_role("button", name="在 S9 新增通讯管理机").click()
        await page.locator("input[name=code]").fill("G9")
        await page.locator("input[name=name]").fill("C 座通讯管理机")
        await page.locator("input[name=host]").fill("127.0.0.1")
        await page.get_by_role("button", name="新增", exact=True).click()

        await page.get_by_role("button", name="在 G9 新增总线").click()
        await page.locator("input[name=code]").fill("L9")
        await page.get_by_label("端口").fill(str(box.lines[0].port))
        await expect(page.get_by_text("保存后采集服务几秒内开始连接")).to_be_visible()
        await picture("files-add-line", 1366, 768)
        await page.get_by_role("button", name="新增", exact=True).click()

        await page.get_by_role("button", name="在总线 L9 新增电表").click()
        dialog = page.get_by_role("dialog", name="新增电表")
        await dialog.get_by_text("公区（只计量）").click()
        await add_meter(dialog, "C-0001", 1)
        await choose(page, "型号", "acrel-ddsy1352")
        await expect(dialog.get_by_text("尚未在实表上确认")).to_be_visible()
        await picture("files-add-meter", 1366, 768)
        await expect(page.locator(".el-message")).to_have_count(0)  # Half gone it has half its contrast.
        found = await find_barriers(page)
        assert found == [], "\n".join(found)
        await dialog.get_by_role("button", name="新增并继续下一块").click()
        await expect(dialog.locator("input[name=serial]")).to_have_value("C-0002")
        await dialog.get_by_label("地址", exact=True).fill("1")
        await dialog.get_by_role("button", name="新增", exact=True).click()
        await expect(dialog.get_by_text("地址 1 重复")).to_be_visible()
        await dialog.get_by_label("地址", exact=True).fill("2")
        await dialog.get_by_role("button", name="新增", exact=True).click()

        await page.get_by_role("button", name="试抄总线 L9").click()
        await expect(page.get_by_text("应答 2，等待 0，未应答 0，共 2 块")).to_be_visible(timeout=40_000)
        await picture("files-line-read", 1366, 768)
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="总线 L9", exact=True).click()
        line = page.locator(".line", has=page.get_by_role("button", name="总线 L9", exact=True))
        await expect(line.get_by_text("轮询周期")).to_be_visible(timeout=HEALTH_WITHIN_MS)
        await expect(line.get_by_text("不应答 0 块")).to_be_visible()
        await picture("files-wiring-live", 1366, 768)
        await page.get_by_role("link", name="C-0001").click()
        await expect(page.get_by_role("heading", name="表 C-0001")).to_be_visible()
        await page.get_by_role("button", name="试抄").click()
        await expect(page.get_by_text("抄到，用时")).to_be_visible(timeout=40_000)
        await picture("files-meter-read", 1366, 768)
    finally:
        await box.close()


async def test_a_dead_gateway_is_one_alarm_that_is_seen_to_and_ends_by_itself(
    page: Page, mall: RunningMall, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "electrician", "/alarms")
    await mall.switch_mall(gateway="G1", fault="gone", on=True)
    try:
        row = page.locator("tr[data-alarm]", has_text="通讯管理机断线").filter(has_text="A区")
        await expect(row).to_be_visible(timeout=TOLD_WITHIN_MS)
        await expect(
            page.locator("tr[data-alarm]", has_text="电表不应答").filter(has_text="A区")
        ).to_have_count(0)
        await picture("alarms-dead-gateway", 1366, 768)
        await row.get_by_role("button", name="确认").click()
        await expect(row).to_contain_text("已确认")
        await row.get_by_role("button", name="处理").click()
        await page.get_by_role("button", name="指派", exact=True).click()
        await page.get_by_text("（我）").click()
        await page.get_by_role("dialog", name="指派处理人").get_by_role("button", name="指派").click()
        await page.get_by_role("button", name="暂停提醒", exact=True).click()
        dialog = page.get_by_role("dialog", name="暂停提醒")
        await dialog.locator("input[name=reason]").fill("已到现场")
        await dialog.get_by_role("button", name="暂停提醒").click()
        await expect(row).to_contain_text("暂停提醒")
        await page.keyboard.press("Escape")
    finally:
        await mall.switch_mall(gateway="G1", fault="gone", on=False)
    await expect(row).to_have_count(0, timeout=OVER_WITHIN_MS)
