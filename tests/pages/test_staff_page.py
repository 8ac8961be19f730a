"""The staff's page of the demonstration, in a real browser on the real API."""

import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from backend.models.accounts import KeepSupply
from backend.models.operations import Alarm, Collector, StaffTask
from backend.models.site import Line
from backend.models.supply import OffReason, ReadRequest
from backend.services.line_faults import note_faults
from backend.services.tasks import open_task
from backend.store import unit_of_work
from common.wire import LineHealth, Relay, Stage
from tests.pages.conftest import PREPAID, PUBLIC, Picture, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def sign_in(page: Page, stage: OnStage, role: str) -> None:
    await page.goto(stage.staff_page(role))
    await expect(page.locator(".card")).to_have_count(PREPAID + PUBLIC)


async def open_shop(page: Page, stage: OnStage, shop: str) -> None:
    """Open a shop's drawer, its meter read just now."""
    meter = await stage.meter(shop)
    await stage.read([meter])
    await page.locator(f'.card[data-meter="{meter.id}"]').click()
    await expect(page.locator("#drawer h2")).to_contain_text(shop)


async def test_the_board_shows_every_meter_by_shaft(page: Page, stage: OnStage, picture: Picture) -> None:
    await sign_in(page, stage, "manager")

    await expect(page.locator(".shaft")).to_have_count(5)
    await expect(page.locator("#banner")).to_contain_text("任何时段都会断电")
    await expect(page.locator("#link")).to_have_text("● 实时")
    await expect(page.locator(".tile.all .count")).to_have_text(str(PREPAID + PUBLIC))
    for width, height in ((1366, 768), (1920, 1080), (375, 812), (430, 932)):
        await picture("board", width, height)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_nothing_on_the_staff_page_keeps_people_out(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "manager")
    on_board = await find_barriers(page)
    await open_shop(page, stage, "A102")

    assert on_board + await find_barriers(page) == []


async def test_a_new_reading_reaches_the_open_board(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "finance")
    meter = await stage.meter("A103")
    await stage.read([meter])
    money = page.locator(f'.card[data-meter="{meter.id}"] .money')
    before = await money.inner_text()
    stage.clock.advance(600)

    await stage.read([meter], used_wh=2_000)

    await expect(money).not_to_have_text(before, timeout=4_000)


async def test_search_and_states_narrow_the_board(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "manager")
    shown = page.locator(".cards li:not([hidden])")

    await page.fill("#search", "A102")
    await expect(shown).to_have_count(1)
    await page.fill("#search", "没有这家店")

    await expect(page.locator("#nothing")).to_be_visible()


async def test_the_drawer_reads_a_meter_now(page: Page, stage: OnStage, picture: Picture) -> None:
    await sign_in(page, stage, "cashier")
    await open_shop(page, stage, "A102")
    await page.get_by_role("button", name="立即抄表").click()
    meter = await stage.meter("A102")
    await expect(page.get_by_role("button", name="抄表中")).to_be_visible()
    while not await ReadRequest.exists(meter_id=meter.id, answered_at=None):
        await stage.clock.sleep(0.05)

    await stage.read([meter], used_wh=10)

    await expect(page.locator("#toast")).to_have_text("抄表完成")
    await expect(page.locator("#drawer")).to_contain_text("229.8 V · 5.40 A")
    await picture("drawer", 1366, 768)
    await picture("drawer", 375, 812)


async def test_a_cashier_has_no_button_that_switches_off(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "cashier")
    await open_shop(page, stage, "A102")

    await expect(page.locator(".doing button")).to_have_text(["立即抄表", "申请保电", "发绑定码"])


async def test_finance_may_only_look(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "finance")
    await open_shop(page, stage, "A102")

    await expect(page.locator(".doing")).to_have_text("您的角色只能查看")


async def test_a_trip_is_amber_until_it_was_read_back(page: Page, stage: OnStage, picture: Picture) -> None:
    await sign_in(page, stage, "manager")
    await open_shop(page, stage, "A201")
    await page.get_by_role("button", name="人工断电").click()
    await page.fill("#field-reason", "电表异响，先断电检查")
    await expect(page.locator("#field-totp")).to_have_value(re.compile(r"^\d{6}$"))
    await picture("trip-dialog", 1366, 768)
    await page.locator("dialog button.danger").click()

    await expect(page.locator(".big-state")).to_have_text("◐ 断电中，待回读")
    await stage.outcome("A201", Stage.SENT)
    await stage.outcome("A201", Stage.ACKNOWLEDGED)
    await expect(page.locator(".track").first.locator(".reached")).to_have_count(3)
    await picture("pending", 1366, 768)
    meter = await stage.meter("A201")
    await expect(page.locator(f'.card[data-meter="{meter.id}"] .relay')).to_have_text("继电器 合 → 目标 分")
    await stage.outcome("A201", Stage.VERIFIED, Relay.OFF)

    await expect(page.locator(".big-state")).to_have_text("■ 已断电")
    await picture("tripped", 1366, 768)
    await page.get_by_role("button", name="送电").click()
    await page.fill("#field-reason", "检查完毕")
    await page.locator("dialog button.primary").click()
    await expect(page.locator(".big-state")).to_have_text("◐ 送电中，待回读")
    await stage.converge("A201")
    await expect(page.locator(".big-state")).not_to_contain_text("待回读")


async def test_a_wrong_code_is_told_in_the_dialog_and_the_reason_stays(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "electrician")
    await open_shop(page, stage, "A202")
    await page.get_by_role("button", name="人工断电").click()
    await page.fill("#field-reason", "检修")
    await expect(page.locator("#field-totp")).to_have_value(re.compile(r"^\d{6}$"))
    await page.fill("#field-totp", "000000")
    await page.locator("dialog button.danger").click()

    await expect(page.locator("dialog .complaint")).to_contain_text("动态口令不正确")
    assert await page.locator("#field-reason").input_value() == "检修"


async def test_an_emergency_trip_is_held_not_tapped(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "electrician")
    await open_shop(page, stage, "A203")
    hold = page.locator(".hold")
    await hold.click()
    assert not await OffReason.exists(reason="safety")

    await hold.hover()
    await page.mouse.down()
    await expect(page.locator(".big-state")).to_contain_text("断电中", timeout=5_000)
    await page.mouse.up()

    assert await OffReason.exists(reason="safety")
    await stage.converge("A203")


async def test_keep_supply_is_asked_by_one_and_approved_by_another(
    page: Page, browser: BrowserContext, stage: OnStage, picture: Picture
) -> None:
    await sign_in(page, stage, "cashier")
    await open_shop(page, stage, "A204")
    await page.get_by_role("button", name="申请保电").click()
    await page.fill("#field-reason", "冷柜有货，老板明早交费")
    await page.locator("dialog button.primary").click()
    await expect(page.locator("#drawer .keep")).to_contain_text("待审批", timeout=6_000)
    other = await browser.new_page()
    await sign_in(other, stage, "manager")
    await other.get_by_role("tab", name="保电").click()
    await other.get_by_role("button", name="批准").click()

    await expect(other.locator("#keeps")).to_contain_text("保电中")
    assert await KeepSupply.exists(effective_at__isnull=False)
    await expect(page.locator("#drawer .big-state")).to_have_text("◆ 保电中", timeout=6_000)
    await other.close()
    await picture("kept", 1366, 768)


async def test_a_binding_code_is_shown_once(page: Page, stage: OnStage) -> None:
    await sign_in(page, stage, "cashier")
    await open_shop(page, stage, "A102")
    await page.get_by_role("button", name="发绑定码").click()

    await expect(page.locator("dialog .code")).to_have_text(re.compile(r"^[A-Z0-9-]{8,}$"))


async def test_a_task_is_finished_with_a_note(page: Page, stage: OnStage, picture: Picture) -> None:
    site_id = stage.collector.site_id
    await unit_of_work(
        lambda: open_task(stage.ctx, site_id, "no_proof", cause="test", text="请电话联系 A101 的店主")
    )
    await sign_in(page, stage, "manager")
    await page.get_by_role("tab", name="待办").click()
    await picture("tasks", 1366, 768)
    line = page.locator("#tasks li", has_text="请电话联系 A101")
    await line.get_by_role("button", name="办结").click()
    await page.fill("#field-note", "已电话告知")
    await page.locator("dialog button.primary").click()

    await expect(line).to_have_count(0, timeout=6_000)
    assert await StaffTask.exists(cause="test", done_at__isnull=False)


async def test_an_alarm_shows_what_it_explains_within_seconds_and_is_acknowledged(
    page: Page, stage: OnStage, picture: Picture
) -> None:
    await sign_in(page, stage, "electrician")
    await page.get_by_role("tab", name="告警").click()
    line = await Line.all().order_by("id").first()
    assert line is not None
    await report_lines(stage, line, is_down=True)
    stage.clock.advance(21)
    await stage.runner.run_due()

    alarm = page.locator("#alarms li", has_text="断线")
    await expect(alarm).to_contain_text("块表", timeout=4_000)
    await picture("alarms", 1366, 768)
    await alarm.get_by_role("button", name="确认").click()
    await expect(alarm).to_contain_text("已确认")
    assert (await Alarm.get(cleared_at=None)).acknowledged_at is not None
    await report_lines(stage, line, is_down=False)
    await expect(alarm).to_have_count(0, timeout=4_000)


async def report_lines(stage: OnStage, line: Line, *, is_down: bool) -> None:
    """Let the collector report that the gateway of a line is gone, or back."""
    await stage.contact()
    lines = [
        LineHealth(line_id=str(one.id), connected=not is_down)
        for one in await Line.filter(gateway_id=line.gateway_id)
    ]
    await note_faults(stage.ctx, await Collector.get(id=stage.collector.id), lines)


async def test_a_lost_stream_greys_the_data_and_stops_all_control(
    page: Page, stage: OnStage, picture: Picture
) -> None:
    await sign_in(page, stage, "manager")
    await open_shop(page, stage, "A103")
    await page.context.set_offline(True)
    for stream in list(stage.servers.private._streams):
        stream.cancel()

    await expect(page.locator("#lost")).to_contain_text("实时连接中断")
    await expect(page.locator(".doing")).to_have_attribute("inert", "")
    await picture("lost", 1366, 768)
    await page.context.set_offline(False)
    await expect(page.locator("#lost")).to_be_hidden(timeout=8_000)
    assert await page.locator(".doing").get_attribute("inert") is None
