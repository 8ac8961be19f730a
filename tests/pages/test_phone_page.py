"""A tenant's phone page of the demonstration, with the real pay sheet and callback."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from backend.models.supply import ArrearsEpisode
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.services.show_usage import day_number
from backend.store import run, unit_of_work
from common.clock import local
from common.wire import Relay
from tests.pages.conftest import Picture, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def cut_off(stage: OnStage, shop: str) -> None:
    """Let a shop use its money up, be warned, wait and be tripped."""
    await stage.read_shop(shop)
    stage.clock.advance(600)
    await stage.read_shop(shop, used_wh=2_000)
    assert "no_proof" in (await stage.supply(shop)).holds
    account_id = (await stage.meter(shop)).account_id
    assert account_id is not None

    async def prove() -> None:
        await ArrearsEpisode.filter(account_id=account_id).update(proof_at=stage.clock.now(), proof="sms:1")
        await decide_account(stage.ctx, await lock_account(account_id), "proof")

    await unit_of_work(prove)
    stage.clock.advance(70)
    for _ in range(3):
        await stage.read_shop(shop, used_wh=10)
        stage.clock.advance(6)
    supply = await stage.supply(shop)
    assert supply.desired is Relay.OFF, supply.holds
    await stage.converge(shop)
    await stage.read_shop(shop, relay=Relay.OFF)


async def test_home_says_balance_days_power_and_age(page: Page, stage: OnStage, picture: Picture) -> None:
    await stage.read_shop("A102")
    account_id = (await stage.meter("A102")).account_id
    await _usage(stage, account_id)
    await page.set_viewport_size({"width": 375, "height": 812})

    await page.goto(stage.phone_page("A102"))

    await expect(page.locator("#balance .sum")).to_contain_text("¥")
    await expect(page.locator("#balance")).to_contain_text("的示数")
    await expect(page.locator("#power")).to_contain_text("供电中")
    await expect(page.locator("figure svg .bar")).to_have_count(10)
    assert await find_barriers(page) == []
    for width, height in ((375, 812), (430, 932), (1366, 768)):
        await picture("phone", width, height)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_dark_shop_pays_and_follows_the_way_to_power(
    page: Page, stage: OnStage, picture: Picture
) -> None:
    await cut_off(stage, "A101")
    await page.goto(stage.phone_page("A101"))
    await expect(page.locator(".supply")).to_contain_text("电费已用完，交费后自动恢复供电")
    await picture("phone-dark", 375, 812)
    await page.locator("#pay .go").click()
    await page.get_by_role("button", name="确认支付").click()

    await expect(page.locator(".steps li.reached")).to_have_count(3, timeout=8_000)
    await expect(page.locator(".steps li.next")).to_contain_text("采集服务")
    await picture("track-waiting", 375, 812)
    await run(
        "UPDATE supply_order SET fetched_at = ordered_at WHERE meter_id = ? AND ended_at IS NULL",
        [(await stage.meter("A101")).id],
    )
    await stage.converge("A101")

    await expect(page.locator(".result")).to_have_text("✓ 已入账，已恢复供电")
    await expect(page.locator(".steps li.reached")).to_have_count(6)
    await picture("track-done", 375, 812)
    await page.get_by_role("button", name="返回首页").click()
    await expect(page.locator("#power")).to_contain_text("供电中")


async def test_a_cancelled_payment_takes_no_money_and_says_so(page: Page, stage: OnStage) -> None:
    await page.goto(stage.phone_page("A103"))
    await page.get_by_role("button", name="¥50", exact=True).click()
    await page.locator("#pay .go").click()
    await page.get_by_role("button", name="取消").click()

    await expect(page.locator("#notice")).to_have_text("已取消支付，没有扣款")


async def test_an_amount_that_cannot_be_is_told_in_words(page: Page, stage: OnStage) -> None:
    await page.goto(stage.phone_page("A103"))
    await page.fill("#amount", "1.234")
    await expect(page.locator("#pay-trouble")).to_contain_text("请填写金额")
    await page.fill("#amount", "5")
    await page.locator("#pay .go").click()

    await expect(page.locator("#pay-trouble")).to_be_visible()


async def test_nobody_of_this_name_is_told(page: Page, stage: OnStage) -> None:
    await page.goto(f"http://localhost:{stage.public_port}/demo/phone?name=无此人")

    await expect(page.locator("#screen")).to_contain_text("没有“无此人”这位商户")


async def _usage(stage: OnStage, account_id: int | None) -> None:
    """Ten days of usage, the newest yesterday."""
    meter = await stage.meter("A102")
    today = local(stage.clock.now()).date()
    for back in range(1, 11):
        await run(
            "INSERT INTO usage_day (meter_id, account_id, day, energy_wh, sharp_wh, peak_wh, flat_wh,"
            " valley_wh, deep_valley_wh, cost_nano, estimated) VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0)",
            [
                meter.id,
                account_id,
                day_number(today - timedelta(days=back)),
                9_000 + back * 700,
            ],
        )
