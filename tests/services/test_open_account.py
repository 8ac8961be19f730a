"""An account is opened: all of it, once, and nothing of a former shop's energy on it."""

import asyncio
from datetime import timedelta

import pytest

from backend.models.accounts import Account, Contact
from backend.models.audit import AuditRecord
from backend.models.meters import Meter, MeterState
from backend.models.openings import DoorCode, OpeningDraft
from backend.models.site import Shop
from backend.models.supply import OffReason, Supply
from backend.services.bindings import bind_tenant
from backend.services.control_supply import trip
from backend.services.cut_day import cut_day
from backend.services.open_account import open_account
from backend.services.opening_drafts import save_draft, show_draft
from backend.services.show_opening import show_choices, show_sheet
from backend.services.verify_books import verify_books
from backend.store import rows
from common.units import NANOYUAN_PER_FEN
from common.wire import Relay
from tests.services.mall import SmallMall
from tests.services.openings import (
    SAME_REQUEST,
    clerk,
    free,
    of,
    opened,
    opened_account,
    read,
    vacate,
    wizard,
)

pytestmark = pytest.mark.mariadb
PEAK = 952_000


async def test_an_account_begins_with_shop_contact_meter_and_codes(mall: SmallMall) -> None:
    meter = await free(mall)

    result = await opened(mall, of(meter))

    account = await opened_account(mall, result)
    shop = await Shop.get(id=account.shop_id)
    contact = await Contact.get(account_id=account.id)
    assert (shop.code, shop.name, shop.floor, account.tenant_name) == (
        "B101",
        "海澜之家",
        "1F",
        "都匀某服饰有限公司",
    )
    assert (contact.phone, contact.verified_at is not None, account.armed) == ("13900001234", True, True)
    assert (await Meter.get(id=meter.id)).account_id == account.id
    assert (await MeterState.get(meter_id=meter.id)).account_id == account.id
    assert (await Supply.get(meter_id=meter.id)).account_id == account.id
    assert (await DoorCode.get(standing_key=str(shop.id))).code in result.door.link
    assert result.binding_code is not None
    bound = await bind_tenant(await mall.as_tenant("A001"), result.binding_code)
    assert bound.id == account.id
    assert await AuditRecord.filter(operation="staff.account.open").count() == 1


async def test_what_a_former_shop_used_is_never_the_new_ones(mall: SmallMall) -> None:
    """The former shop pays its own; what nobody rented is nobody's; the new one begins at its register."""
    meter = await mall.meter("A003")
    former = await mall.account("A003")
    await read(mall, meter, 1_000_000)
    mall.clock.advance(3_600)
    await read(mall, meter, 1_004_000)
    await vacate(mall)
    mall.clock.advance(600)
    await read(mall, meter, 1_004_500)
    result = await opened(mall, of(meter))
    mall.clock.advance(3_600)

    await read(mall, meter, 1_007_500)
    await cut_day(mall.ctx, mall.site_id, mall.clock.now().date() + timedelta(days=1))

    account = await opened_account(mall, result)
    charged = await rows("SELECT account_id, SUM(energy_wh) AS wh FROM accrual GROUP BY account_id")
    assert {int(row["account_id"]): int(row["wh"]) for row in charged} == {
        former.id: 4_000,
        account.id: 3_000,
    }
    owed_nano = -account.settled_fen * NANOYUAN_PER_FEN + account.carried_nano
    assert owed_nano == 3_000 * PEAK
    assert result.meters[0].register_wh == 1_004_500
    assert await verify_books(mall.ctx.settings.ledger_key) == []


async def test_a_reading_that_comes_late_is_not_charged(mall: SmallMall) -> None:
    meter = await free(mall)
    before = mall.clock.now() + timedelta(seconds=30)
    mall.clock.advance(60)
    await opened(mall, of(meter, register_wh=5_000_050, reason="新装，采集未通"))

    await read(mall, meter, 5_000_020, read_at=before)
    mall.clock.advance(60)
    await read(mall, meter, 5_000_080)

    charged = await rows("SELECT SUM(energy_wh) AS wh FROM accrual")
    assert int(charged[0]["wh"]) == 30


async def test_a_typed_register_begins_where_the_person_says(mall: SmallMall) -> None:
    meter = await vacate(mall)

    result = await opened(mall, of(meter, register_wh=123_450, reason="通讯未接通，现场抄见"))
    mall.clock.advance(60)
    await read(mall, meter, 123_550)

    state = await MeterState.get(meter_id=meter.id)
    assert (state.accrued_wh, state.accrued_nano) == (100, 100 * PEAK)
    assert (result.meters[0].source, result.meters[0].register_wh) == ("typed", 123_450)


async def test_the_same_request_opens_once(mall: SmallMall) -> None:
    meter = await free(mall)
    opening = await wizard(mall, of(meter), request_id=str(SAME_REQUEST))

    first, second = await asyncio.gather(
        open_account(clerk(mall), opening), open_account(clerk(mall), opening)
    )

    assert first.account_id == second.account_id
    assert sorted([first.binding_code is None, second.binding_code is None]) == [False, True]
    assert await Account.filter(closed_at=None).count() == 3


async def test_several_meters_are_one_account(mall: SmallMall) -> None:
    first, second = await free(mall), await vacate(mall, "A002")
    await read(mall, second, 700)

    result = await opened(mall, of(first), of(second))

    assert [one.register_wh for one in result.meters] == [5_000_000, 700]
    assert await Meter.filter(account_id=int(result.account_id)).count() == 2


async def test_the_manager_may_grant_an_overdraft(mall: SmallMall) -> None:
    meter = await free(mall)
    terms = {"overdraft_fen": 5_000, "power_limit_w": 3_000, "low_fen": 20_000}
    opening = await wizard(mall, of(meter), terms=terms)

    result = await open_account(clerk(mall, "staff.policy.change"), opening)

    account = await opened_account(mall, result)
    assert (account.overdraft_fen, account.power_limit_w, account.low_fen, account.critical_fen) == (
        5_000,
        3_000,
        20_000,
        5_000,
    )


async def test_a_contact_that_nobody_verified_is_not_armed(mall: SmallMall) -> None:
    meter = await free(mall)

    result = await opened(mall, of(meter), contacts=[{"name": "李四", "phone": "13900001234"}])

    assert not result.armed


async def test_a_vacant_shop_is_used_again(mall: SmallMall) -> None:
    meter = await free(mall)
    shop = await Shop.get(code="A003")

    result = await opened(mall, of(meter), shop={"shop_id": str(shop.id), "name": "新店名"})

    assert result.shop_id == str(shop.id)
    assert (await Shop.get(id=shop.id)).name == "新店名"
    assert await Account.filter(shop_id=shop.id).count() == 2


async def test_a_new_account_has_time_for_its_first_top_up(mall: SmallMall) -> None:
    """An empty balance begins no arrears and warns nobody for two hours; then it is what it is."""
    meter = await free(mall)
    result = await opened(mall, of(meter))
    mall.clock.advance(60)
    await read(mall, meter, 5_000_010)

    assert not (await opened_account(mall, result)).in_arrears
    mall.clock.advance(7_200)
    await read(mall, meter, 5_000_020)
    assert (await opened_account(mall, result)).in_arrears


async def test_the_first_top_up_ends_the_grace(mall: SmallMall) -> None:
    meter = await free(mall)
    result = await opened(mall, of(meter))
    await mall.pay(100, "B101")
    mall.clock.advance(600)

    await read(mall, meter, 5_001_200)

    assert (await opened_account(mall, result)).in_arrears


async def test_a_meter_left_off_for_debt_is_switched_on(mall: SmallMall) -> None:
    await mall.cut_off("A003")
    meter = await vacate(mall)
    await read(mall, meter, mall.registers["A003"])
    assert (await Supply.get(meter_id=meter.id)).desired is Relay.OFF

    await opened(mall, of(meter))

    assert (await Supply.get(meter_id=meter.id)).desired is Relay.ON


async def test_a_meter_that_a_person_switched_off_stays_off(mall: SmallMall) -> None:
    meter = await mall.meter("A003")
    await trip(mall.as_staff(9), meter.id, "检修")
    meter = await free(mall)

    await opened(mall, of(meter))

    assert (await Supply.get(meter_id=meter.id)).desired is Relay.OFF
    assert await OffReason.filter(standing_key=f"{meter.id}:staff").count() == 1


async def test_what_can_be_picked_is_shown_with_its_age(mall: SmallMall) -> None:
    meter = await free(mall)

    choices = await show_choices(clerk(mall))

    assert [one.code for one in choices.shops] == ["A003"]
    (one,) = choices.meters
    assert (one.meter_id, one.register_wh, one.read_at) == (str(meter.id), 5_000_000, mall.clock.now())
    assert (one.former_shop, [item.name for item in choices.tariffs]) == ("A003 商铺A003", ["一般工商业"])


async def test_the_sheet_says_what_was_agreed_and_no_whole_phone(mall: SmallMall) -> None:
    result = await opened(mall, of(await free(mall)))

    sheet = await show_sheet(clerk(mall), int(result.account_id))

    assert (sheet.shop_code, sheet.contacts[0].phone, sheet.meters[0].register_wh) == (
        "B101",
        "139****1234",
        5_000_000,
    )
    assert sheet.door is not None and sheet.door.code == result.door.code


async def test_a_draft_is_kept_for_its_person_alone_and_goes_with_the_opening(mall: SmallMall) -> None:
    await save_draft(clerk(mall), {"step": 1})
    await save_draft(clerk(mall), {"step": 2, "shop": "B101"})

    assert (await show_draft(clerk(mall))).content == {"step": 2, "shop": "B101"}
    assert (await show_draft(clerk(mall, number=12))).content is None
    await opened(mall, of(await free(mall)))
    assert await OpeningDraft.all().count() == 0


async def test_an_old_draft_goes(mall: SmallMall) -> None:
    await save_draft(clerk(mall), {"step": 1})
    mall.clock.advance(8 * 86_400)
    await save_draft(clerk(mall, number=12), {"step": 1})

    assert [row.staff_id for row in await OpeningDraft.all()] == [12]
