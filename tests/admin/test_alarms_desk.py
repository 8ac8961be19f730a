"""The alarm centre: folded, acknowledged by key and in bulk, assigned, snoozed, ended; on a phone, too."""

from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from backend.models.operations import Alarm, StaffTask
from backend.models.site import Gateway, Line
from backend.services.alarm_book import end_alarm, raise_alarm
from backend.services.tasks import open_task
from backend.store import unit_of_work
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def raised(stage: OnStage, kind: str, key: str, text: str, **more: object) -> Alarm:
    site_id = stage.collector.site_id
    return await unit_of_work(lambda: raise_alarm(stage.ctx, site_id, kind, key, text, **more))  # type: ignore[arg-type]


async def fault(stage: OnStage) -> Alarm:
    """A gateway that is down, with a meter's alarm below it."""
    gateway = await Gateway.get(code="G2")
    lines = await Line.filter(gateway_id=gateway.id)
    meter = await stage.meter("A203")
    root = await raised(
        stage,
        "gateway_down",
        str(gateway.id),
        f"{gateway.name}断线，3 条总线、21 块表暂不能抄表和断送电",
        severity="urgent",
        shaft_id=gateway.shaft_id,  # type: ignore[attr-defined]
        facts={
            "gateways": [gateway.code],
            "lines": [one.code for one in lines],
            "meters": [1, 2],
            "shops": 18,
        },
    )
    await raised(
        stage,
        "meter_silent",
        str(meter.id),
        "A203 的电表不应答",
        meter_id=meter.id,
        account_id=meter.account_id,
        root_id=root.id,
    )
    return root


@pytest_asyncio.fixture(loop_scope="package", autouse=True)
async def clean(stage: OnStage) -> None:
    """No alarm of another test stands."""
    for alarm in await Alarm.filter(standing_key__isnull=False):
        await unit_of_work(lambda one=alarm: end_alarm(stage.ctx, one))  # type: ignore[misc]


async def test_a_dead_gateway_is_one_alarm_with_its_children_below(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    root = await fault(stage)
    await raised(stage, "meter_clock", "7", "A104 的电表时钟慢 9 分钟", severity="minor")
    await sign_in(page, "electrician", "/alarms")
    row = page.locator(f'tr[data-alarm="{root.id}"]')
    await expect(row).to_contain_text("■ 紧急")
    await expect(row).to_contain_text("3 条总线、2 块表、18 户")
    await expect(page.get_by_text("A203 的电表不应答")).to_have_count(0)

    await row.get_by_role("button", name="并入 1 条").click()

    await expect(page.get_by_text("A203 的电表不应答")).to_be_visible()
    await picture("alarms-standing", 1920, 1080)
    await picture("alarms-standing", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_it_is_acknowledged_assigned_and_snoozed_and_ends_by_itself(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    root = await fault(stage)
    await sign_in(page, "electrician", "/alarms")
    row = page.locator(f'tr[data-alarm="{root.id}"]')
    await row.get_by_role("button", name="处理").click()
    await expect(page.get_by_text("故障消除后自动结束", exact=True)).to_be_visible()
    await page.get_by_label("确认备注").fill("已派人到 2 号井")
    await page.get_by_role("button", name="确认", exact=True).last.click()
    await expect(page.get_by_text("已派人到 2 号井")).to_be_visible()

    await page.get_by_role("button", name="指派", exact=True).click()
    await page.get_by_text("（我）").click()
    await page.get_by_role("dialog", name="指派处理人").get_by_role("button", name="指派").click()
    await expect(page.get_by_text("已指派")).to_be_visible()

    await page.get_by_role("button", name="暂停提醒", exact=True).click()
    dialog = page.get_by_role("dialog", name="暂停提醒")
    await dialog.get_by_text("2 小时").click()
    await dialog.locator("input[name=reason]").fill("等备件")
    await dialog.get_by_role("button", name="暂停提醒").click()
    await expect(page.get_by_text("等备件").first).to_be_visible()
    await picture("alarms-drawer", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)

    alarm = await Alarm.get(id=root.id)
    assert alarm.acknowledged_by == alarm.assigned_to
    assert alarm.snoozed_until_at is not None
    assert alarm.snoozed_until_at - stage.clock.now() > timedelta(minutes=118)
    await unit_of_work(lambda: end_alarm(stage.ctx, alarm))
    await expect(page.locator(f'tr[data-alarm="{root.id}"]')).to_have_count(0)


async def test_a_key_acknowledges_and_several_at_once(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    for number in range(3):
        await raised(stage, "meter_clock", f"k{number}", f"第 {number} 块表时钟慢")
    await sign_in(page, "electrician", "/alarms")
    await expect(page.locator("tr[data-alarm]")).to_have_count(3)
    await page.keyboard.press("j")
    await page.keyboard.press("a")
    await expect(page.get_by_text("已确认 1 条")).to_be_visible()

    await page.get_by_label("全选").check()
    await expect(page.get_by_text("已选 3 条")).to_be_visible()
    await page.get_by_role("button", name="确认（a）").click()

    await expect(page.get_by_text("已确认 2 条")).to_be_visible()
    assert await Alarm.filter(standing_key__isnull=False, acknowledged_at=None).count() == 0


async def test_what_is_new_comes_by_itself_and_filters_hold(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await sign_in(page, "electrician", "/alarms")
    await expect(page.get_by_text("当前没有告警")).to_be_visible()

    await raised(stage, "meter_clock", "n1", "新来的一条", severity="minor")
    await expect(page.get_by_text("新来的一条")).to_be_visible()
    await page.get_by_role("button", name="紧急").click()
    await expect(page.get_by_text("没有符合条件的告警，共有 1 条未恢复")).to_be_visible()


async def test_a_person_ends_only_what_no_fact_ends(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await raised(stage, "meter_clock", "c1", "电表时钟慢 9 分钟")
    await sign_in(page, "electrician", "/alarms")
    await page.get_by_role("button", name="电表时钟慢 9 分钟").click()
    await page.get_by_role("button", name="关闭告警").click()
    dialog = page.get_by_role("dialog", name="关闭告警")
    await dialog.locator("input[name=reason]").fill("已现场校时")
    await dialog.get_by_role("button", name="关闭告警").click()

    await expect(page.get_by_text("当前没有告警")).to_be_visible()


async def test_mute_is_remembered(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "electrician", "/alarms")
    await page.get_by_role("button", name="有声音").click()
    await expect(page.get_by_role("button", name="声音已关")).to_be_visible()
    await page.reload()

    await expect(page.get_by_role("button", name="声音已关")).to_be_visible()
    await page.get_by_role("button", name="声音已关").click()


async def test_who_may_only_look_has_no_buttons(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await raised(stage, "meter_clock", "v1", "只看的一条")
    await sign_in(page, "cashier", "/alarms")
    await page.get_by_role("button", name="只看的一条").click()

    await expect(page.get_by_role("heading", name="处理记录")).to_be_visible()
    await expect(page.locator('[data-permission="staff.alarm.handle"]')).to_have_count(0)


async def test_an_alarm_leads_to_what_it_is_about(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await fault(stage)
    await sign_in(page, "electrician", "/alarms")
    await page.get_by_role("button", name="暂不能抄表").click()
    await page.get_by_role("link", name="去通讯管理机").click()

    await expect(page.locator(".gateway.wanted")).to_contain_text("通讯管理机断线")


async def test_history_keeps_what_was(page: Page, stage: OnStage, sign_in: SignIn, picture: Picture) -> None:
    alarm = await raised(stage, "meter_clock", "h1", "已经过去的一条")
    await unit_of_work(lambda: end_alarm(stage.ctx, alarm))
    await sign_in(page, "manager", "/alarms/history")
    await page.get_by_role("button", name="已经过去的一条").click()

    await expect(page.get_by_text("平台 结束")).to_be_visible()
    await picture("alarms-past", 1366, 768)


async def test_a_task_is_finished_with_a_note(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    account_id = (await stage.meter("A204")).account_id
    site_id = stage.collector.site_id
    text = "A204 的最后提醒没有送达，请电话通知"
    await unit_of_work(
        lambda: open_task(stage.ctx, site_id, "no_proof", cause="t1", text=text, account_id=account_id)
    )
    await sign_in(page, "electrician", "/alarms?tab=tasks")
    await picture("alarms-tasks", 1366, 768)
    await page.get_by_role("button", name=f"办结 {text}").click()
    await page.locator("input[name=note]").fill("已电话通知店长")
    await page.get_by_role("dialog", name="办结待办").get_by_role("button", name="办结").click()

    await expect(page.get_by_text("已办结")).to_be_visible()
    assert (await StaffTask.get(cause="t1")).note == "已电话通知店长"


async def test_on_a_phone_alarms_are_cards_and_nothing_is_cut_off(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await fault(stage)
    await raised(stage, "meter_clock", "p1", "A104 的电表时钟慢 9 分钟", severity="minor")
    await page.set_viewport_size({"width": 360, "height": 740})
    await sign_in(page, "electrician", "/alarms")
    await expect(page.locator("tr[data-alarm]")).to_have_count(2)
    await picture("alarms-phone", 360, 740)

    assert await page.evaluate("document.querySelector('main').scrollWidth <= 360")
    found = await find_barriers(page)
    assert found == [], "\n".join(found)
    await page.get_by_role("button", name="处理").first.click()
    await expect(page.get_by_role("heading", name="处理记录")).to_be_visible()
    await picture("alarms-phone-drawer", 360, 740)
