"""A report as an Excel file: the same sums, told by the bell, also when it takes long."""

import zipfile
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backend.models.exports import ExportJob
from common.clock import local
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.admin.report_history import make_history
from tests.admin.test_reports_read import choose_days, foot, last_days, ledger_fen
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package", autouse=True)
async def history(stage: OnStage) -> None:
    from backend.store import rows

    if not await rows("SELECT id FROM entry WHERE cause = 'counter:history-1'"):
        await make_history(stage)


async def export(page: Page, what: str) -> None:
    await page.get_by_role("button", name="导出 Excel").click()
    await page.get_by_role("menuitem", name=what).click()


async def download(page: Page, folder: Path) -> Path:
    await page.get_by_role("button", name="我的导出").click()
    link = page.locator(".list li").first.get_by_role("link", name="下载")
    await expect(link).to_be_visible(timeout=20_000)
    async with page.expect_download() as waiting:
        await link.click()
    path = folder / (await waiting.value).suggested_filename
    await (await waiting.value).save_as(path)
    return path


async def test_the_file_has_the_sums_and_the_chart_of_the_screen(
    page: Page, stage: OnStage, sign_in: SignIn, tmp_path: Path
) -> None:
    await sign_in(page, "finance", "/reports/sales-by-day")
    from_on, to_on = last_days(stage, 30)
    await choose_days(page, from_on, to_on)
    await expect(page.locator(".rows tbody tr")).to_have_count(30)
    shown = await foot(page)

    await export(page, "全部明细")
    path = await download(page, tmp_path)

    assert path.name.startswith("售电日报_")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["售电日报", "明细", "图表"]
    head = book["售电日报"]
    sums = next(row for row in head.iter_rows(values_only=True) if row[0] == "合计")
    numbers = [
        f"{value:,.2f}" if "." in text else f"{value:,}"
        for value, text in zip(sums[1:], shown[1:], strict=True)
    ]
    assert numbers == shown[1:]
    detail = book["明细"]
    rows = list(detail.iter_rows(values_only=True))
    place = next(number for number, row in enumerate(rows) if row[0] == "入账时间")
    listed = rows[place + 1 :]
    assert sum(round(float(str(row[5])) * 100) for row in listed) == await ledger_fen(stage, from_on, to_on)
    assert rows[place - 1][5] == sums[-2]
    payers = {
        cell.data_type for row in detail.iter_rows(min_row=place + 2) for cell in row if cell.column == 9
    }
    assert payers == {"s"}  # "=HYPERLINK(…)" is a text.
    assert "xl/charts/chart1.xml" in zipfile.ZipFile(path).namelist()


async def test_a_long_export_tells_how_far_it_is_and_can_be_stopped(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, tmp_path: Path
) -> None:
    await sign_in(page, "manager", "/reports/readings")
    last_on = local(stage.clock.now()).date() - timedelta(days=2)
    await choose_days(page, (last_on - timedelta(days=1)).isoformat(), last_on.isoformat())

    await export(page, "全部明细")
    await page.get_by_role("button", name="我的导出").click()
    first = page.locator(".list li").first
    await expect(first.locator(".state")).to_have_text("生成中")
    await expect(first.get_by_role("progressbar")).to_be_visible()
    await picture("report-export", 1366, 768)
    await first.get_by_role("button", name="取消").click()
    await expect(first.locator(".state")).to_have_text("已取消")
    found = await find_barriers(page)
    assert found == [], "\n".join(found)
    await first.get_by_role("button", name="重新生成").click()
    await expect(first.locator(".state")).to_have_text("已生成", timeout=40_000)
    await page.keyboard.press("Escape")
    path = await download(page, tmp_path)

    job = await ExportJob.filter(kind="readings").order_by("-id").first()
    assert job is not None and job.row_count is not None and job.row_count > 50_000
    book = openpyxl.load_workbook(path, read_only=True)
    sheet = book["抄表记录"]
    count = sum(1 for row in sheet.iter_rows(values_only=True) if row[4] is not None) - 1
    assert count == job.row_count
