"""Switching off and on by people, followed to the meter's own word; commands and keep-supply."""

import re

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from backend.models.accounts import KeepSupply
from backend.models.supply import OffReason
from common.wire import Relay, Stage
from tests.admin.conftest import Picture, RunningMall, SignIn, find_barriers
from tests.admin.test_board_cards import no_barriers, open_board, open_shop
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def totp(page: Page) -> str:
    """The signed-in person's next one-time password, as the demonstration tells it; each is used once."""
    found = await page.evaluate("async () => (await fetch('/api/v1/demo/totp')).json()")
    return str(found["code"])


def dialog_of(page: Page) -> Locator:
    return page.locator(".control-dialog")


async def fill_trip(page: Page, reason: str) -> Locator:
    """Fill the trip dialog as it stands open, with whatever it asks for."""
    dialog = dialog_of(page)
    await dialog.locator("textarea[name=reason]").fill(reason)
    tail = dialog.locator("input[name=tail]")
    if await tail.count():
        shop = (await dialog.locator(".el-dialog__title").inner_text()).split("· ")[1].split(" ")[0]
        await tail.fill(shop[-4:])
    await dialog.locator("input[name=totp]").fill(await totp(page))
    return dialog


async def test_a_trip_is_amber_until_it_was_read_back(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await open_board(page, stage, sign_in, "manager")
    drawer = await open_shop(page, stage, "A201")
    await drawer.locator('[data-do="trip"]').click()
    dialog = await fill_trip(page, "电表异响，先断电检查")
    await expect(dialog).to_contain_text("正在用电")
    await expect(dialog).to_contain_text("没有下发过指令")
    await picture("trip-dialog", 1366, 768)
    await no_barriers(page)
    await dialog.get_by_role("button", name=re.compile("断开 A201")).click()

    await expect(dialog.locator(".track")).to_contain_text("等待下发")
    await stage.outcome("A201", Stage.SENT)
    await stage.outcome("A201", Stage.ACKNOWLEDGED)
    await expect(dialog.locator(".track")).to_have_class(re.compile("amber"))
    await expect(dialog.locator(".track")).to_contain_text("已下发，未确认")
    await expect(drawer.locator(".state").first).to_contain_text("断电中，待回读")
    await picture("trip-pending", 1366, 768)
    await stage.outcome("A201", Stage.VERIFIED, Relay.OFF)

    await expect(dialog.locator(".track")).to_contain_text("已断电，回读确认")
    await dialog.get_by_role("button", name="关闭").last.click()
    await expect(drawer.locator(".state").first).to_contain_text("已断电")
    await picture("tripped", 1366, 768)
    await drawer.locator('[data-do="restore"]').click()
    await dialog.locator("textarea[name=reason]").fill("检查完毕")
    await dialog.get_by_role("button", name=re.compile("送电 A201")).click()
    await expect(drawer.locator(".state").first).to_contain_text("送电中，待回读")
    await stage.converge("A201")
    await expect(dialog.locator(".track")).to_contain_text("已送电，回读确认")


async def test_a_wrong_code_is_told_in_the_dialog_and_the_reason_stays(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    await open_board(page, stage, sign_in, "electrician")
    drawer = await open_shop(page, stage, "A202")
    await drawer.locator('[data-do="trip"]').click()
    dialog = await fill_trip(page, "检修")
    await dialog.locator("input[name=totp]").fill("000000")
    await dialog.get_by_role("button", name=re.compile("断开 A202")).click()

    await expect(dialog).to_contain_text("动态口令不正确")
    assert await dialog.locator("textarea[name=reason]").input_value() == "检修"
    assert (await stage.supply("A202")).generation == 0


async def test_a_big_load_takes_the_shops_number_as_well(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await open_board(page, stage, sign_in, "electrician")
    drawer = await open_shop(page, stage, "A502")
    await drawer.locator('[data-do="trip"]').click()
    dialog = dialog_of(page)
    tail = dialog.locator("input[name=tail]")
    await expect(tail).to_be_visible()
    await dialog.locator("textarea[name=reason]").fill("检修")
    await tail.fill("A999")
    await dialog.locator("input[name=totp]").fill("123456")
    await dialog.get_by_role("button", name=re.compile("断开 A502")).click()

    await expect(dialog).to_contain_text("请输入店铺号后四位 A502")
    assert (await stage.supply("A502")).generation == 0


async def test_an_emergency_trip_is_held_not_tapped_then_explained(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await open_board(page, stage, sign_in, "electrician")
    drawer = await open_shop(page, stage, "A203")
    await drawer.locator('[data-do="emergency"]').click()
    dialog = dialog_of(page)
    hold = dialog.locator(".hold")
    await hold.click()
    await picture("emergency-dialog", 1366, 768)
    assert not await OffReason.exists(reason="safety")

    await hold.hover()
    await page.mouse.down()
    await expect(dialog.locator(".track")).to_be_visible(timeout=5_000)
    await page.mouse.up()

    assert await OffReason.exists(reason="safety", lifted_at=None)
    await expect(dialog.get_by_role("button", name=re.compile("撤销（剩"))).to_be_visible()
    await dialog.get_by_role("button", name="现在补填原因").click()
    await dialog.locator("textarea[name=reason]").fill("配电箱冒烟")
    await dialog.get_by_role("button", name="保存原因").click()
    await expect(dialog).to_have_count(0)
    assert (await OffReason.get(reason="safety", lifted_at=None)).note == "配电箱冒烟"
    await stage.converge("A203")


async def test_an_emergency_is_lifted_by_two(
    page: Page, browser: BrowserContext, stage: OnStage, sign_in: SignIn
) -> None:
    await open_board(page, stage, sign_in, "electrician")
    drawer = await open_shop(page, stage, "A301")
    await drawer.locator('[data-do="emergency"]').click()
    dialog = dialog_of(page)
    await dialog.locator(".hold").hover()
    await page.mouse.down()
    await expect(dialog.locator(".track")).to_be_visible(timeout=5_000)
    await page.mouse.up()
    await dialog.get_by_role("button", name="关闭").last.click()
    await stage.converge("A301")
    stage.clock.advance(61)
    await stage.read_shop("A301", relay=Relay.OFF)
    await drawer.locator('[data-do="restore"]').click()
    await dialog.locator("textarea[name=reason]").fill("隐患已排除")
    await dialog.get_by_role("button", name="提交解除申请").click()
    await expect(dialog).to_contain_text("另一位有权限的同事")

    other = await browser.new_page()
    await open_board(other, stage, sign_in, "manager")
    second = await open_shop_as_it_is(other, stage, "A301")
    await second.locator('[data-do="restore"]').click()
    await expect(dialog_of(other)).to_contain_text("演示elec 于")
    await dialog_of(other).locator("textarea[name=reason]").fill("现场确认安全")
    await dialog_of(other).get_by_role("button", name=re.compile("同意解除并送电")).click()
    await expect(dialog_of(other).locator(".track")).to_be_visible()
    await other.close()

    assert (await stage.supply("A301")).desired is Relay.ON
    await stage.converge("A301")


async def open_shop_as_it_is(page: Page, stage: OnStage, shop: str) -> Locator:
    await page.locator(f'.meter[data-meter="{(await stage.meter(shop)).id}"]').click()
    return page.locator(".meter-drawer")


async def test_keep_supply_is_asked_by_one_and_approved_by_another(
    page: Page, browser: BrowserContext, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await open_board(page, stage, sign_in, "cashier")
    drawer = await open_shop(page, stage, "A204")
    await drawer.locator('[data-do="keep"]').click()
    dialog = dialog_of(page)
    await dialog.locator("textarea[name=reason]").fill("冷柜有货，老板明早交费")
    await picture("keep-dialog", 1366, 768)
    await dialog.get_by_role("button", name=re.compile("申请保电 A204")).click()
    await expect(dialog).to_have_count(0)
    other = await browser.new_page()
    await sign_in(other, "manager", "/control/keep-supply")
    item = other.locator(".keep", has_text="A204")
    await expect(item).to_contain_text("待审批")
    await item.get_by_role("button", name="批准").click()

    await expect(item).to_contain_text("保电中")
    assert await KeepSupply.exists(effective_at__isnull=False)
    await Picture(other)("keep-supply", 1366, 768)
    found = await find_barriers(other)
    assert found == [], "\n".join(found)
    await expect(drawer.locator(".state").first).to_contain_text("保电中", timeout=6_000)
    await item.get_by_role("button", name="结束保电").click()
    await other.locator(".el-message-box").get_by_role("button", name="结束保电").click()
    await expect(item).to_have_count(0)
    await other.get_by_text("已结束", exact=True).click()
    await expect(item).to_contain_text("已提前结束")
    await other.close()


async def test_commands_are_followed_taken_back_and_sent_again(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    await open_board(page, stage, sign_in, "manager")
    drawer = await open_shop(page, stage, "A303")
    await drawer.locator('[data-do="trip"]').click()
    stage.clock.advance(60)  # A one-time password is used once.
    dialog = await fill_trip(page, "走错铺")
    await dialog.get_by_role("button", name=re.compile("断开 A303")).click()
    await expect(dialog.locator(".track")).to_be_visible()
    await page.goto(page.url.partition("/board")[0] + "/control/commands")
    item = page.locator(".command", has_text="A303")
    await expect(item).to_contain_text("等待下发")
    await picture("commands", 1366, 768)
    await no_barriers(page)
    await item.get_by_role("button", name="取消断电").click()
    await page.locator(".el-message-box").get_by_role("button", name="取消断电").click()
    await expect(item.first).to_contain_text("送电", timeout=6_000)
    assert (await stage.supply("A303")).desired is Relay.ON

    await stage.outcome("A303", Stage.UNREACHABLE)
    again = item.get_by_role("button", name="重新下发")
    await again.click(timeout=10_000)
    await expect(item.first).to_contain_text("第 1 次重发", timeout=6_000)
    await picture("commands", 360, 740)
    await stage.converge("A303")
    await expect(page.get_by_text("没有进行中的指令")).to_be_visible(timeout=6_000)


async def test_an_electrician_trips_a_real_meter_and_brings_it_back(
    page: Page, mall: RunningMall, sign_in: SignIn
) -> None:
    """Real collector, real frames, simulated meter: the track ends verified both ways."""
    await sign_in(page, "electrician", "/board")
    await expect(page.locator(".meter.normal, .meter.low, .meter.urgent").first).to_be_visible(timeout=30_000)
    await page.locator(".meter.urgent, .meter.normal, .meter.low").first.click()
    drawer = page.locator(".meter-drawer")
    await drawer.locator('[data-do="trip"]').click()
    dialog = await fill_trip(page, "线路检修")
    await dialog.locator(".el-button--danger").click()
    await expect(dialog.locator(".track")).to_contain_text("已断电，回读确认", timeout=20_000)
    await dialog.get_by_role("button", name="关闭").last.click()
    await expect(drawer.locator(".state").first).to_contain_text("已断电")

    await drawer.locator('[data-do="restore"]').click()
    await dialog.locator("textarea[name=reason]").fill("检修完毕")
    await dialog.locator(".act .el-button--primary").click()

    await expect(dialog.locator(".track")).to_contain_text("已送电，回读确认", timeout=20_000)
