"""What the tests of opening and importing say about the stage: free meters, the clerk's hands."""

from functools import partial

from playwright.async_api import Locator, Page, expect

from backend.domain.charging import charge_day_of
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.site import Shop
from backend.services.cut_day import charge_accounts
from backend.services.locks import lock_accounts
from backend.store import unit_of_work
from tests.pages.stage import OnStage


async def vacate(stage: OnStage, count: int = 1) -> list[tuple[Shop, Meter]]:
    """Close the accounts of the last `count` shops with one meter, all charged; read their meters."""
    freed: list[tuple[Shop, Meter]] = []
    for account in await Account.filter(closed_at=None, shop__practice=False).order_by("-id"):
        meters = await Meter.filter(account_id=account.id)
        if len(freed) == count or len(meters) != 1:
            continue
        await unit_of_work(partial(_close, stage, account.id))
        freed.append((await Shop.get(id=account.shop_id), meters[0]))
    await stage.read([meter for _, meter in freed])
    return freed


async def _close(stage: OnStage, account_id: int) -> None:
    (locked,) = await lock_accounts([account_id])
    now = stage.clock.now()
    await charge_accounts(stage.ctx, {locked.id: locked}, charge_day_of(now))
    await Account.filter(id=account_id).update(closed_at=now)


async def choose(page: Page, label: str, text: str) -> None:
    """Pick from a list that is searched by typing, as a scanner or a person does."""
    await page.get_by_label(label, exact=True).first.click()
    await page.keyboard.type(text)
    await page.locator(".el-select-dropdown__item:visible", has_text=text).first.click()


async def next_step(page: Page) -> None:
    await page.get_by_role("button", name="下一步").click()


async def fill_shop(page: Page, code: str, name: str = "海澜之家") -> None:
    """The first step, with a shop that is new and a contact that nobody proved."""
    await page.get_by_text("新建商铺", exact=True).click()
    await page.fill("input[name=code]", code)
    await page.fill("input[name=shop_name]", name)
    await page.fill("input[name=floor]", "1F")
    await page.fill("input[name=tenant_name]", "都匀某服饰有限公司")
    await page.fill("input[name=contact_name_0]", "李四")
    await page.fill("input[name=contact_phone_0]", "13900001234")


async def to_summary(page: Page, *meters: Meter) -> None:
    """From the first step to the last."""
    await next_step(page)
    for meter in meters:
        await choose(page, "添加电表", meter.serial)
    await next_step(page)
    await choose_tariff(page)
    await next_step(page)
    await expect(page.get_by_role("button", name="确认开户")).to_be_visible()


async def choose_tariff(page: Page) -> None:
    await page.locator(".el-select", has=page.get_by_label("电价", exact=True)).click()
    await page.locator(".el-select-dropdown__item:visible").first.click()


def complaint(page: Page, text: str) -> Locator:
    return page.locator(".el-form-item__error", has_text=text)
