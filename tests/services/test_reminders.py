"""Reminders at a person's word: previewed, sent once by the cascade, on record, and not again at once."""

from dataclasses import replace
from uuid import UUID

import pytest

from backend.errors import Invalid
from backend.models.accounts import Account, Contact
from backend.models.audit import AuditRecord
from backend.models.messages import Delivery, Notice
from backend.services.reminders import preview_reminders, send_reminders
from backend.services.shop_log import list_messages
from tests.services.mall import SmallMall

ONE, TWO = UUID(int=1), UUID(int=2)


async def ready(mall: SmallMall, *shops: str) -> list[int]:
    """Shops with 30 yuan that were read: they may be told."""
    ids = []
    for shop in shops:
        await mall.pay(3_000, shop)
        await mall.read(shop)
        ids.append((await mall.account(shop)).id)
    await mall.runner.run_due()
    await Notice.all().delete()
    await Delivery.all().delete()
    return ids


@pytest.mark.mariadb
async def test_a_reminder_goes_out_by_the_cascade_and_stands_in_the_log(mall: SmallMall) -> None:
    ids = await ready(mall, "A001")

    (sent,) = await send_reminders(mall.as_staff(1), ids, ONE)
    await mall.runner.run_due()

    assert sent.sent and "余额 30.00 元" in sent.text
    page = await list_messages(mall.as_staff(1, "staff.tenant.view"), ids[0], None, 10)
    (message,) = page.messages
    assert [(one.channel, one.address) for one in message.deliveries] == [("sms", "13900000001")]


@pytest.mark.mariadb
async def test_the_same_request_again_sends_nothing_twice(mall: SmallMall) -> None:
    ids = await ready(mall, "A001", "A002")

    first = await send_reminders(mall.as_staff(1), ids, ONE)
    second = await send_reminders(mall.as_staff(1), ids, ONE)

    assert [one.sent for one in first + second] == [True] * 4
    assert await Notice.all().count() == 2
    assert await AuditRecord.filter(operation="staff.message.send").count() == 2


async def test_a_shop_that_was_told_is_not_told_again_within_hours(mall: SmallMall) -> None:
    ids = await ready(mall, "A001")
    await send_reminders(mall.as_staff(1), ids, ONE)

    (again,) = await send_reminders(mall.as_staff(1), ids, TWO)
    mall.clock.advance(6 * 3_600 + 1)
    (later,) = await preview_reminders(mall.as_staff(1), ids)

    assert (again.sent, again.why_not) == (False, "6 小时内已提醒过")
    assert later.why_not is None


async def test_the_preview_sends_nothing_and_says_why_not(mall: SmallMall) -> None:
    ids = await ready(mall, "A001", "A002")
    await Contact.filter(account_id=ids[1]).update(verified_at=None)

    first, second = await preview_reminders(mall.as_staff(1), ids)

    assert (first.why_not, second.why_not) == (None, "没有可用的联系方式，请电话通知")
    assert await Notice.all().count() == 0


async def test_a_shop_whose_balance_is_not_known_or_that_is_off_is_told_nothing(mall: SmallMall) -> None:
    await mall.cut_off("A002")
    unread, off = (await mall.account("A001")).id, (await mall.account("A002")).id

    views = {
        view.shop_code: view.why_not for view in await preview_reminders(mall.as_staff(1), [unread, off])
    }

    assert views == {"A001": "余额未知，有电表还没有抄到示数", "A002": "已断电，已另行通知"}


async def test_another_malls_shops_are_told_nothing(mall: SmallMall) -> None:
    ids = await ready(mall, "A001")
    here = mall.as_staff(1)
    stranger = replace(here, caller=replace(here.caller, site_id=mall.site_id + 1))

    assert await send_reminders(stranger, ids, ONE) == []
    assert await Notice.all().count() == 0


async def test_too_many_at_once_are_refused(mall: SmallMall) -> None:
    account: Account = await mall.account()

    with pytest.raises(Invalid):
        await preview_reminders(mall.as_staff(1), [account.id] * 51)
