"""A finance clerk's day: the month's sales tie to the ledger, on the screen, in Excel and on a statement."""

import re
from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import Page, expect

from tests.admin.conftest import Picture, RunningMall, SignIn
from tests.admin.day_steps import no_barriers, sell, shop_rows, yuan
from tests.admin.test_reports_export import download, export
from tests.admin.test_reports_read import foot

pytestmark = pytest.mark.asyncio(loop_scope="package")
CHANNELS = "('channel:cash', 'channel:transfer', 'channel:card', 'channel:wechat')"


async def a_months_money(mall: RunningMall) -> str:
    """Money of every kind, one sale undone by two people; return the account that has most of it."""
    first, second, third = (row["account_id"] for row in (await shop_rows(mall))[6:9])
    await sell(mall, first, 20_001)
    await sell(mall, second, 30_000, "transfer", "20261125-0001")
    await sell(mall, third, 40_000, "card", "000123")
    wrong = await sell(mall, first, 12_300)
    await sell(mall, first, 45_650)
    asked = f"/api/v1/staff/receipts/{wrong}/reversals"
    await mall.api("cashier", "POST", asked, {"reason": "收错商铺"})
    (waiting,) = mall.rows("SELECT id FROM approval WHERE kind = 'reversal' AND object_id = ?", int(wrong))
    await mall.api("finance", "POST", f"/api/v1/staff/reversals/{waiting['id']}/decisions", {"granted": True})
    return str(first)


def ledger_fen(mall: RunningMall) -> int:
    """What came in through all channels since the mall began, which was today."""
    (found,) = mall.rows(f"SELECT -SUM(amount_fen) AS fen FROM posting WHERE ledger_account IN {CHANNELS}")
    return int(found["fen"])


async def test_the_finance_clerks_day(
    page: Page, mall: RunningMall, sign_in: SignIn, picture: Picture, tmp_path: Path
) -> None:
    account_id = await a_months_money(mall)
    await sign_in(page, "finance")
    await page.locator(".el-sub-menu__title", has_text="报表").click()
    await page.locator("[data-menu='/reports/sales-by-month']").click()
    await expect(page.get_by_role("heading", name="售电月报")).to_be_visible()
    await expect(page.locator(".tie summary")).to_have_text("与账本一致 ✓")
    await picture("day-finance-month", 1366, 768)
    await no_barriers(page)
    shown = await foot(page)
    assert shown[-2] == yuan(ledger_fen(mall))
    await the_file_says_the_same(page, mall, shown, tmp_path)

    await page.keyboard.press("/")  # To the search, from wherever one is.
    await the_statement_closes_as_the_ledger(page, mall, picture, account_id)


async def the_file_says_the_same(page: Page, mall: RunningMall, shown: list[str], folder: Path) -> None:
    await export(page, "全部明细")
    book = openpyxl.load_workbook(await download(page, folder))
    sums = next(row for row in book["售电月报"].iter_rows(values_only=True) if row[0] == "合计")
    numbers = [
        f"{value:,.2f}" if "." in text else f"{value:,}"
        for value, text in zip(sums[1:], shown[1:], strict=True)
    ]
    assert numbers == shown[1:]
    rows = list(book["明细"].iter_rows(values_only=True))
    place = next(number for number, row in enumerate(rows) if row[0] == "入账时间")
    assert sum(round(float(str(row[5])) * 100) for row in rows[place + 1 :]) == ledger_fen(mall)
    await page.keyboard.press("Escape")


async def the_statement_closes_as_the_ledger(
    page: Page, mall: RunningMall, picture: Picture, account_id: str
) -> None:
    (shop,) = mall.rows(
        "SELECT s.code FROM account a JOIN shop s ON s.id = a.shop_id WHERE a.id = ?", int(account_id)
    )
    await page.keyboard.type(shop["code"])
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="导出对账单").click()
    await expect(page.locator("[data-ties]")).to_contain_text("与账本一致")
    (ledger,) = mall.rows(
        "SELECT SUM(amount_fen) AS fen FROM posting WHERE ledger_account = ?", f"balance:{account_id}"
    )
    await expect(page.locator("[data-closing]")).to_have_text(
        re.compile(f"^¥?{re.escape(yuan(ledger['fen']))}$")
    )
    await expect(page.get_by_text("收错商铺")).to_be_visible()
    await picture("day-finance-statement", 1366, 768)
    await no_barriers(page)
    paper = await page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert boxes and all((round(float(w)), round(float(h))) == (595, 842) for w, h in boxes)
