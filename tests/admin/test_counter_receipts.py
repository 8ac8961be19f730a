"""Receipts: as wide as the paper, printed again and counted, searched for, undone by two people."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from backend.context import Caller, CallerKind
from backend.models.ledger import Entry
from backend.models.people import Staff
from backend.models.receipts import Receipt
from backend.services.counter_top_up import CounterTopUp, Method, Payment, top_up_at_counter
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.admin.counter_steps import Till, boxes, till_for
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

NO_PRINTER = "window.print = () => { window.printed = (window.printed ?? 0) + 1 }"
POINTS_PER_MM = 72 / 25.4
PAPERS = {"80": 80.0, "58": 58.0, "a5": 210.0}


async def sell(stage: OnStage, till: Till, amount_fen: int = 123_456, **more: str) -> CounterTopUp:
    """Take cash as the cashier, past the browser."""
    cashier = await Staff.get(username="cashier")
    rights = frozenset({"staff.top_up"})
    caller = Caller(CallerKind.STAFF, cashier.id, cashier.site_id, cashier.name, rights)
    payment = Payment(
        amount_fen=amount_fen,
        method=Method.CASH,
        received_fen=130_000,
        request_id=str(uuid4()),
        **more,
    )
    return await top_up_at_counter(replace(stage.ctx, caller=caller), till.account_id, payment)


@pytest.mark.parametrize("paper", PAPERS)
async def test_a_receipt_is_as_wide_as_its_paper_and_one_page_long(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, tmp_path: Path, paper: str
) -> None:
    booked = await sell(stage, await till_for(stage, 20), payer="王芳", note="三月份电费，代付")
    await sign_in(page, "cashier", f"/print/receipt/{booked.top_up_id}?paper={paper}")
    await expect(page.locator(".receipt")).to_contain_text("人民币壹仟贰佰叁拾肆元伍角陆分")
    await picture(f"receipt-{paper}", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)

    pdf = await page.pdf(prefer_css_page_size=True, print_background=True)

    (box,) = boxes(pdf)
    assert abs(box[0] - PAPERS[paper] * POINTS_PER_MM) <= 1
    if paper == "80":
        assert abs(box[0] - 227) <= 1


async def test_looking_counts_nothing_and_every_print_is_counted(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    booked = await sell(stage, await till_for(stage, 21))
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "cashier", f"/print/receipt/{booked.top_up_id}")
    await expect(page.locator(".receipt")).to_contain_text(booked.receipt_number)
    assert (await Receipt.get(entry_id=int(booked.top_up_id))).print_count == 0

    await page.get_by_role("button", name="打印", exact=True).click()
    await expect(page.get_by_text("已打印 1 次")).to_be_visible()
    await expect(page.locator(".receipt")).not_to_contain_text("补打")
    await page.get_by_role("button", name="补打").click()

    await expect(page.locator(".receipt")).to_contain_text("补打 第 1 次")
    assert (await Receipt.get(entry_id=int(booked.top_up_id))).print_count == 2
    assert await page.evaluate("window.printed") == 2


async def test_a_reprint_without_the_right_is_refused_and_said(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    booked = await sell(stage, await till_for(stage, 22))
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "electrician", f"/print/receipt/{booked.top_up_id}")
    await page.get_by_role("button", name="打印", exact=True).click()

    await expect(page.get_by_role("alert")).to_contain_text("您没有这项权限")
    assert (await Receipt.get(entry_id=int(booked.top_up_id))).print_count == 0


async def test_receipts_are_listed_and_searched_for(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    till = await till_for(stage, 23)
    booked = await sell(stage, till, 66_600)
    await sign_in(page, "cashier", "/counter/receipts")
    row = page.locator(".list tbody tr", has_text=booked.receipt_number)
    await expect(row).to_contain_text("¥666.00")
    await picture("receipts", 1920, 1080)
    await picture("receipts", 1366, 768)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)

    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator(".el-drawer .receipt")).to_contain_text(booked.receipt_number)
    await page.keyboard.press("Escape")
    await expect(page.locator(".el-drawer")).to_be_hidden()
    await page.get_by_label("商铺", exact=True).fill("没有这家店")
    await expect(page.get_by_text("没有符合条件的收据")).to_be_visible()
    await page.get_by_label("商铺", exact=True).fill("")
    await page.get_by_label("收据号").fill(booked.receipt_number)
    await expect(page.locator(".list tbody tr")).to_have_count(1)
    await row.get_by_role("button", name="查看").click()
    await expect(page.locator(".el-drawer")).to_contain_text("人民币陆佰陆拾陆元整")


async def test_a_reversal_is_asked_by_one_and_granted_by_another(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture
) -> None:
    till = await till_for(stage, 24)
    before_fen = await till.settled_fen()
    booked = await sell(stage, till)
    await sign_in(page, "cashier", f"/counter/receipts?entry={booked.top_up_id}")
    await page.get_by_role("button", name="申请冲正").click()
    await page.get_by_role("button", name="提交冲正申请").click()
    await expect(page.locator(".el-form-item.is-error")).to_contain_text("请写明冲正原因")
    await page.locator("input[name=reason]").fill("收错商铺")
    await page.keyboard.press("Enter")
    await expect(page.locator(".el-drawer")).to_contain_text("等待另一人审批")
    await expect(page.get_by_role("button", name="批准冲正")).to_have_count(0)
    assert await till.settled_fen() == before_fen + 123_456

    await page.context.clear_cookies()
    await sign_in(page, "finance", f"/counter/receipts?entry={booked.top_up_id}")
    await page.get_by_role("button", name="批准冲正").click()
    await picture("reversal", 1366, 768)
    await page.locator(".el-message-box").get_by_role("button", name="批准冲正").click()

    await expect(page.locator(".el-drawer .receipt")).to_contain_text("已冲正")
    assert await till.settled_fen() == before_fen
    assert await Entry.filter(kind="REVERSAL").count() >= 1
    await expect(page.locator(".el-message-box")).to_be_hidden()
    await page.wait_for_timeout(400)  # What fades in or out is pale meanwhile.
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def test_a_payment_by_phone_is_numbered_when_it_is_printed(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    till = await till_for(stage, 25)
    entry = await Entry.filter(cause__startswith="wechat:").order_by("id").first()
    assert entry is not None
    await page.add_init_script(NO_PRINTER)
    await sign_in(page, "finance", f"/print/receipt/{entry.id}")
    await expect(page.locator(".receipt")).to_contain_text("未编号")

    await page.get_by_role("button", name="打印", exact=True).click()

    await expect(page.locator(".receipt")).not_to_contain_text("未编号")
    receipt = await Receipt.get(entry_id=entry.id)
    await expect(page.locator(".receipt")).to_contain_text(receipt.number)
    assert till.account_id
