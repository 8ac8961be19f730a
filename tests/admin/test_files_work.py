"""Work on files: contacts, registers in doubt, meters and ratios changed by two people."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from backend.models.accounts import Account, Contact
from backend.models.meters import Meter, MeterChange, MeterState, RatioChange
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def open_tenant(page: Page, shop: str) -> None:
    await page.get_by_label("商铺、商户、姓名、手机号").fill(shop)
    await page.get_by_role("button", name=shop).click()
    await expect(page.get_by_role("heading", name="联系人", exact=True)).to_be_visible()


async def test_a_contact_gets_another_phone_and_that_it_has_consequences_is_said(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    account = await Account.get(id=(await stage.meter("A301")).account_id)
    contact = await Contact.get(account_id=account.id)
    await sign_in(page, "cashier", "/files/tenants")
    await open_tenant(page, "A301")
    await page.get_by_role("button", name=f"修改 {contact.name}").click()
    await page.locator("input[name=phone]").fill("12345")
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_text("请填写 11 位手机号")).to_be_visible()
    await expect(page.locator("input[name=phone]")).to_be_focused()

    await page.locator("input[name=phone]").fill("13811112222")
    await expect(page.get_by_text("换了号码就要重新核实")).to_be_visible()
    await picture("files-contact", 1366, 768)
    await page.get_by_role("button", name="保存").click()

    await expect(page.get_by_text("联系人已保存")).to_be_visible()
    await expect(page.get_by_text("未启用：余额用完也不会自动断电")).to_be_visible()
    await picture("files-tenant", 1366, 768)
    row, account = await Contact.get(id=contact.id), await Account.get(id=account.id)
    assert (row.phone, row.verified_at, account.armed) == ("13811112222", None, False)


async def test_a_contact_is_removed_and_stays_on_record(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    contact = await Contact.get(account_id=(await stage.meter("A302")).account_id)
    await sign_in(page, "cashier", "/files/tenants")
    await open_tenant(page, "A302")
    await page.get_by_role("button", name=f"移除 {contact.name}").click()
    await expect(page.get_by_text("最后一个可通知的人")).to_be_visible()
    await page.locator("input[name=reason]").fill("已离职")
    await page.get_by_role("button", name="确定移除").click()

    await expect(page.get_by_role("heading", name="已移除")).to_be_visible()
    await expect(page.get_by_text("■ 无联系人").first).to_be_visible()
    assert (await Contact.get(id=contact.id)).removed_at is not None


async def test_finance_sees_people_and_changes_none(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "finance", "/files/tenants")
    await open_tenant(page, "A102")

    await expect(page.get_by_role("button", name="新增联系人")).to_have_count(0)
    await expect(page.get_by_role("button", name="解除绑定")).to_have_count(0)


async def test_a_register_in_doubt_is_decided_with_its_money_before_the_eyes(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    meter = await stage.meter("A303")
    await stage.read([meter], used_wh=90_000)
    assert (await MeterState.get(meter_id=meter.id)).quarantined_at is not None
    await sign_in(page, "finance", "/files/registers-in-doubt")
    card = page.locator("section", has=page.get_by_role("link", name=f"表 {meter.serial}"))
    await expect(card.get_by_text("1,090.00")).to_be_visible()
    await picture("files-doubts", 1366, 768)
    await card.get_by_role("button", name="处理").click()

    await expect(page.get_by_text("90.00 度，¥")).to_be_visible()
    await expect(page.get_by_text("预估可用余额")).to_be_visible()
    await picture("files-decide", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)
    await page.locator("input[name=reason]").fill("现场核对一致")
    await page.get_by_role("button", name="采用并计费").click()

    await expect(page.get_by_text("已采用，计费 90.00 度")).to_be_visible()
    state = await MeterState.get(meter_id=meter.id)
    assert (state.quarantined_at, state.accrued_wh) == (None, 90_000)


async def test_a_wrong_register_is_rejected_and_costs_nothing(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    meter = await stage.meter("A402")
    await stage.read([meter], used_wh=-500_000)
    await sign_in(page, "manager", "/files/registers-in-doubt")
    card = page.locator("section", has=page.get_by_role("link", name=f"表 {meter.serial}"))
    await card.get_by_role("button", name="处理").click()
    await expect(page.get_by_text("示数低于上次已采用的示数")).to_be_visible()
    await expect(page.get_by_role("button", name="采用并计费")).to_be_disabled()

    await page.get_by_text("示数错误，不采用、不计费").click()
    await page.locator("input[name=reason]").fill("通讯误码")
    await page.get_by_role("button", name="不采用", exact=True).click()

    await expect(page.get_by_text("已标记为不采用")).to_be_visible()
    assert (await MeterState.get(meter_id=meter.id)).accrued_wh == 0
    await stage.read([meter], used_wh=500_000)


async def test_an_electrician_sees_what_waits_and_who_decides(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    meter = await stage.meter("A401")
    await stage.read([meter], used_wh=80_000)
    await sign_in(page, "electrician", "/files/registers-in-doubt")

    await expect(page.get_by_text("由财务或经理处理").first).to_be_visible()
    await expect(page.get_by_role("button", name="处理", exact=True)).to_have_count(0)


async def test_a_meter_is_replaced_by_two_people(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    meter = await stage.meter("A103")
    await sign_in(page, "electrician", f"/files/meters/{meter.id}")
    await page.get_by_role("button", name="申请换表").click()
    await page.locator("input[name=serial]").fill("NEW-0001")
    await page.locator("input[name=register]").fill("abc")
    await page.locator("input[name=reason]").fill("表烧毁")
    await page.get_by_role("button", name="提交申请").click()
    await expect(page.get_by_text("请按表上显示填写")).to_be_visible()
    await picture("files-ask-change", 1366, 768)
    await page.locator("input[name=register]").fill("3.50")
    await page.get_by_role("button", name="提交申请").click()
    await expect(page.get_by_text("等待审批")).to_be_visible()
    await expect(page.get_by_role("button", name="批准")).to_have_count(0)

    await sign_in(page, "manager", "/files/meter-changes")
    await page.get_by_role("button", name="批准", exact=True).click()
    await expect(page.get_by_text("旧表")).not_to_have_count(0)
    await page.get_by_role("button", name="批准换表").click()

    await expect(page.get_by_text("已完成")).to_be_visible()
    await picture("files-changes", 1366, 768)
    change = await MeterChange.get()
    new = await Meter.get(serial="NEW-0001")
    assert (change.new_meter_id, new.account_id) == (new.id, meter.account_id)
    state = await MeterState.get(meter_id=new.id)
    assert state.register_wh == 3_500


async def test_a_ratio_is_changed_by_two_people_and_what_it_makes_of_the_register_is_said(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    meter = await stage.meter("A104")
    await sign_in(page, "electrician", f"/files/meters/{meter.id}")
    await page.get_by_role("button", name="申请更改倍率").click()
    await page.get_by_label("CT 变比").fill("20")
    await page.get_by_label("额定功率，千瓦").fill("66")
    await page.locator("input[name=reason]").fill("建档时填错")
    await expect(page.get_by_text("计费电量变为原来的 20 倍")).to_be_visible()
    await picture("files-ask-ratio", 1366, 768)
    await page.get_by_role("button", name="提交申请").click()
    await expect(page.get_by_text("等待另一人审批")).to_be_visible()

    await sign_in(page, "finance", "/files/ratio-changes")
    await page.get_by_role("button", name="批准", exact=True).click()
    await page.get_by_role("button", name="批准更改").click()
    await expect(page.get_by_text("待抄表生效")).to_be_visible()
    await stage.read([meter], used_wh=10)
    await page.get_by_role("button", name="刷新").click()

    await expect(page.get_by_text("已生效")).to_be_visible()
    change = await RatioChange.get()
    assert change.applied_at is not None
    assert change.applied_at - stage.clock.now() < timedelta(0)
