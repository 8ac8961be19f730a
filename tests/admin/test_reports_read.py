"""Reports on the screen and on paper: finance reads a month, and its sum is the ledger's."""

import re
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backend.store import rows, sql_time
from common.clock import local, local_midnight
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.admin.report_history import make_history
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")
KINDS = {
    "sales-by-day": "售电日报",
    "sales-by-month": "售电月报",
    "shops": "商铺购用电明细",
    "public-areas": "公区用电",
    "readings": "抄表记录",
    "switching": "断送电记录",
    "availability": "在线率",
}


@pytest_asyncio.fixture(scope="module", loop_scope="package", autouse=True)
async def history(stage: OnStage) -> None:
    if not await rows("SELECT id FROM entry WHERE cause = 'counter:history-1'"):
        await make_history(stage)


async def choose_days(page: Page, from_on: str, to_on: str) -> None:
    for label, day in (("开始日期", from_on), ("结束日期", to_on)):
        await page.get_by_role("combobox", name=label).fill(day)
        await page.keyboard.press("Enter")
    await expect(page.locator(".told")).to_contain_text(f"{from_on} 至 {to_on}")


def last_days(stage: OnStage, count: int) -> tuple[str, str]:
    """Days up to the day before yesterday."""
    last_on = local(stage.clock.now()).date() - timedelta(days=2)
    return (last_on - timedelta(days=count - 1)).isoformat(), last_on.isoformat()


async def ledger_fen(stage: OnStage, from_on: str, to_on: str) -> int:
    """What came in through all channels, by SQL of the test's own."""
    begin = local_midnight(local(stage.clock.now()).date().fromisoformat(from_on))
    end = local_midnight(local(stage.clock.now()).date().fromisoformat(to_on) + timedelta(days=1))
    (found,) = await rows(
        "SELECT -SUM(p.amount_fen) AS fen FROM posting p JOIN entry e ON e.id = p.entry_id"
        " WHERE p.ledger_account IN ('channel:cash','channel:transfer','channel:card','channel:wechat')"
        " AND e.booked_at >= ? AND e.booked_at < ?",
        [sql_time(begin), sql_time(end)],
    )
    return int(found["fen"])


def yuan(fen: int) -> str:
    return f"{fen / 100:,.2f}"


async def foot(page: Page) -> list[str]:
    return [text.strip() for text in await page.locator(".rows tfoot td").all_inner_texts()]


async def test_finance_reads_a_month_and_its_sum_is_the_ledgers(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "finance", "/reports/sales-by-day")
    from_on, to_on = last_days(stage, 30)
    await choose_days(page, from_on, to_on)

    await expect(page.locator(".rows tbody tr")).to_have_count(30)
    await expect(page.locator(".tie summary")).to_have_text("与账本一致 ✓")
    assert (await foot(page))[-2] == yuan(await ledger_fen(stage, from_on, to_on))
    net = [await row.locator("td").nth(-2).inner_text() for row in await page.locator(".rows tbody tr").all()]
    assert sum(round(float(one.replace(",", "")) * 100) for one in net) == await ledger_fen(
        stage, from_on, to_on
    )


async def test_the_days_are_kept_from_one_report_to_the_next(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "finance", "/reports/sales-by-day")
    from_on, to_on = last_days(stage, 10)
    await choose_days(page, from_on, to_on)

    await (
        page.get_by_role("link", name="商铺购用电明细")
        .or_(page.get_by_role("menuitem", name="商铺购用电明细"))
        .first.click()
    )

    await expect(page.locator(".told:visible")).to_contain_text(f"{from_on} 至 {to_on}")
    checks = page.locator(".rows tbody td.number:visible", has_text="✓")
    await expect(checks.first).to_be_visible()


@pytest.mark.parametrize("kind", KINDS)
async def test_each_report_keeps_nobody_out(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, kind: str
) -> None:
    await sign_in(page, "manager", f"/reports/{kind}")
    from_on, to_on = last_days(stage, 3 if kind in ("readings", "availability") else 30)
    await choose_days(page, from_on, to_on)
    await expect(page.get_by_role("heading", name=KINDS[kind])).to_be_visible()
    await expect(page.locator(".report .rows tfoot td, .report p.none").first).to_be_visible()
    await page.wait_for_timeout(600)  # The chart is drawn.
    await picture(f"report-{kind}", 1366, 768)
    await picture(f"report-{kind}", 1920, 1080)

    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_a_report_is_printed_on_a4_landscape_with_the_same_sums(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    from_on, to_on = last_days(stage, 30)
    for kind in KINDS:
        await sign_in(page, "manager", f"/reports/{kind}")
        if kind not in ("readings", "availability"):
            await choose_days(page, from_on, to_on)
        shown = await foot(page)
        href = await page.get_by_role("link", name="打印 A4").get_attribute("href")
        assert href is not None
        await page.goto(page.url.split("/reports")[0] + href)
        await expect(page.locator(".rows tfoot td").first).to_be_visible()
        printed = await foot(page)
        if shown:
            assert printed == shown
        paper = await page.pdf(prefer_css_page_size=True)
        boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
        assert boxes and all((round(float(w)), round(float(h))) == (842, 595) for w, h in boxes)
        if kind == "shops":
            assert len(boxes) > 2  # All 90 rows, not the first sheet alone.
            await picture("report-print", 1366, 768)


async def test_what_one_look_does_not_show_is_said(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "electrician", "/reports/readings")
    from_on, to_on = last_days(stage, 30)
    for label, day in (("开始日期", from_on), ("结束日期", to_on)):
        await page.get_by_role("combobox", name=label).fill(day)
        await page.keyboard.press("Enter")

    await expect(page.locator(".notice")).to_contain_text("最近 3 天")


async def test_a_time_without_anything_says_so(page: Page, sign_in: SignIn) -> None:
    await sign_in(page, "electrician", "/reports/switching")
    await choose_days(page, "2025-01-01", "2025-01-05")

    await expect(page.get_by_text("这段时间没有记录")).to_be_visible()
    await expect(page.get_by_text("这段时间没有可画的数据").or_(page.locator("canvas"))).to_be_visible()


async def test_a_report_that_fails_can_be_tried_again(page: Page, sign_in: SignIn) -> None:
    await page.route("**/api/v1/staff/reports/shops*", lambda route: route.abort())
    await sign_in(page, "finance", "/reports/shops")
    await expect(page.get_by_role("button", name="重试")).to_be_visible()

    await page.unroute("**/api/v1/staff/reports/shops*")
    await page.get_by_role("button", name="重试").click()

    await expect(page.locator(".rows tfoot td").first).to_be_visible()


async def test_a_range_that_is_too_long_is_refused_in_words(page: Page, sign_in: SignIn) -> None:
    await sign_in(page, "finance", "/reports/sales-by-day")
    await page.get_by_role("combobox", name="开始日期").fill("2015-01-01")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("alert")).to_contain_text("最多查询")


async def test_a_cashier_sees_their_own_takings_alone(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await sign_in(page, "cashier", "/reports/sales-by-day")
    from_on, to_on = last_days(stage, 30)
    await choose_days(page, from_on, to_on)

    await expect(page.get_by_role("heading", name="我的收款")).to_be_visible()
    await expect(page.get_by_role("button", name="导出 Excel")).to_have_count(0)
    await expect(page.get_by_role("button", name="我的导出")).to_have_count(0)
    wechat = (await foot(page))[4]
    assert wechat == "0.00"
    await picture("report-own", 1366, 768)
    await page.goto(page.url.replace("sales-by-day", "shops"))
    await expect(page.get_by_text("查看售电报表").first).to_be_visible()
    await expect(page.locator(".rows tfoot")).to_have_count(0)


async def test_an_administrator_has_no_reports(page: Page, sign_in: SignIn) -> None:
    await sign_in(page, "administrator", "/reports/public-areas")

    await expect(page.get_by_text("查看用电与运行报表").first).to_be_visible()
    await expect(page.get_by_text("商铺购用电明细")).to_have_count(0)
