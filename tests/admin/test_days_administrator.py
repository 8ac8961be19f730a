"""An administrator's day: a new shaft is built from the menu, its meters answer and stand on the board."""

import pytest
from playwright.async_api import Page, expect

from tests.admin.conftest import Picture, RunningMall, SignIn
from tests.admin.day_steps import no_barriers, unwired_line
from tests.admin.test_files_growth import add_meter, choose

pytestmark = pytest.mark.asyncio(loop_scope="package")
READ_WITHIN_MS = 40_000


async def test_the_administrators_day(
    page: Page, mall: RunningMall, sign_in: SignIn, picture: Picture
) -> None:
    async with unwired_line(22) as box:
        await sign_in(page, "administrator")
        await page.locator(".el-sub-menu__title", has_text="档案").click()
        await page.locator("[data-menu='/files/wiring']").click()
        await build_the_wiring(page, box.lines[0].port)
        await page.get_by_role("button", name="在总线 L-E 新增电表").click()
        dialog = page.get_by_role("dialog", name="新增电表")
        for number, meter in enumerate(box.meters.values(), 1):
            await add_meter(dialog, f"E-{number:04}", meter.spec.unit)
            if number == 1:
                await choose(page, "型号", meter.spec.profile)
            last = number == len(box.meters)
            await dialog.get_by_role(
                "button", name="新增" if last else "新增并继续下一块", exact=True
            ).click()
        await expect(dialog).to_have_count(0)

        await page.get_by_role("button", name="试抄总线 L-E").click()
        told = f"应答 {len(box.meters)}，等待 0，未应答 0，共 {len(box.meters)} 块"
        await expect(page.get_by_text(told)).to_be_visible(timeout=READ_WITHIN_MS)
        await picture("day-administrator-read", 1366, 768)
        await no_barriers(page)
        await page.keyboard.press("Escape")
        await page.locator("[data-menu='/board']").click()
        await expect(page.get_by_text("E 座强电井").first).to_be_visible()
        await picture("day-administrator-board", 1366, 768)
        read = mall.rows(
            "SELECT m.serial FROM meter m JOIN meter_state s ON s.meter_id = m.id"
            " WHERE m.serial LIKE 'E-%' AND s.register_wh IS NOT NULL"
        )
        assert len(read) == len(box.meters)


async def build_the_wiring(page: Page, port: int) -> None:
    await page.get_by_role("button", name="新增强电井").click()
    await page.locator("input[name=code]").fill("S-E")
    await page.locator("input[name=name]").fill("E 座强电井")
    await page.get_by_role("button", name="新增", exact=True).dblclick()  # Once is meant.
    await page.get_by_role("button", name="在 S-E 新增通讯管理机").click()
    await page.locator("input[name=code]").fill("G-E")
    await page.locator("input[name=name]").fill("E 座通讯管理机")
    await page.locator("input[name=host]").fill("127.0.0.1")
    await page.get_by_role("button", name="新增", exact=True).click()
    await page.get_by_role("button", name="在 G-E 新增总线").click()
    await page.locator("input[name=code]").fill("L-E")
    await page.get_by_label("端口").fill(str(port))
    await page.get_by_role("button", name="新增", exact=True).click()
