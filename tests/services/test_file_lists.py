"""Files of shops, tenants and meters: searched, sorted, by page, and the same as Excel."""

import io

import pytest
from openpyxl import load_workbook

from backend.errors import Invalid, NotFound
from backend.models.accounts import Contact
from backend.models.audit import AuditRecord
from backend.models.meters import Meter
from backend.models.site import Shop
from backend.services.account_balances import account_balances
from backend.services.file_exports import export_meters, export_shops, export_tenants
from backend.services.file_meters import MeterQuery, list_meters, remark_meter
from backend.services.file_pages import natural
from backend.services.file_shops import ShopQuery, list_shops, remark_shop
from backend.services.file_tenants import TenantQuery, list_tenants
from backend.services.site_meters import retire_meters
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb
SEES_ALL = ("staff.account.view", "staff.tenant.view", "staff.meter.view")


async def vacant(mall: SmallMall, code: str = "A010") -> Shop:
    return await Shop.create(
        id=mall.ctx.ids.new(), site_id=mall.site_id, code=code, name="空铺", floor="2F", shop_class="餐饮"
    )


async def test_shops_show_what_is_left_and_what_stands_empty(mall: SmallMall) -> None:
    await vacant(mall)
    await mall.pay(10_000)
    await mall.read()

    page = await list_shops(mall.as_staff(5, *SEES_ALL), ShopQuery())

    assert [row.code for row in page.rows] == ["A001", "A002", "A003", "A010"]
    first, empty = page.rows[0], page.rows[-1]
    assert (first.estimated_fen, first.settled_fen, first.meters, first.phone) == (
        10_000, 10_000, 1, "13900000001",
    )  # fmt: skip
    assert (empty.account_id, empty.estimated_fen, empty.armed) == (None, None, False)
    assert (page.floors, page.classes) == (["2F"], ["餐饮"])


async def test_a_balance_that_nobody_knows_comes_last_however_sorted(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.read()
    await mall.pay(5_000, "A002")
    await mall.read("A002")
    ctx = mall.as_staff(5, *SEES_ALL)

    up = await list_shops(ctx, ShopQuery(sort="estimated_fen"))
    down = await list_shops(ctx, ShopQuery(sort="-estimated_fen"))

    assert [row.code for row in up.rows] == ["A002", "A001", "A003"]
    assert [row.code for row in down.rows] == ["A001", "A002", "A003"]


async def test_phones_are_for_who_may_see_people(mall: SmallMall) -> None:
    page = await list_shops(mall.as_staff(5, "staff.account.view"), ShopQuery(q="1390000"))

    assert (page.rows, page.total) == ([], 0)


@pytest.mark.parametrize(("state", "codes"), [("open", 3), ("vacant", 1), ("arrears", 0), (None, 4)])
async def test_shops_are_found_by_state(mall: SmallMall, state: str | None, codes: int) -> None:
    await vacant(mall)

    page = await list_shops(mall.as_staff(5), ShopQuery(state=state, size=2))  # type: ignore[arg-type]

    assert (page.total, len(page.rows)) == (codes, min(codes, 2))


async def test_an_unknown_column_is_refused(mall: SmallMall) -> None:
    with pytest.raises(Invalid):
        await list_shops(mall.as_staff(5), ShopQuery(sort="password_hash"))


async def test_numbers_within_names_sort_by_value() -> None:
    assert sorted(["A10", "A9", "B1", "A-2", "12"], key=natural) == ["12", "A9", "A10", "A-2", "B1"]


async def test_tenants_show_whom_their_news_reaches(mall: SmallMall) -> None:
    await mall.as_tenant()
    second = await mall.account("A002")
    await Contact.filter(account_id=second.id).update(verified_at=None)
    third = await mall.account("A003")
    await Contact.filter(account_id=third.id).update(removed_at=mall.clock.now())

    page = await list_tenants(mall.as_staff(5), TenantQuery(sort="reach"))

    assert [(row.shop_code, row.reach) for row in page.rows] == [
        ("A003", "nobody"),
        ("A002", "unproved"),
        ("A001", "reachable"),
    ]
    assert (len(page.rows[2].bindings), len(page.rows[0].removed), page.unreachable) == (1, 1, 2)


async def test_meters_show_what_they_said_last(mall: SmallMall) -> None:
    await mall.read("A002", power_w=1_500)

    page = await list_meters(mall.as_staff(5), MeterQuery())

    assert [row.serial for row in page.rows] == ["T0001", "T0002", "T0003", "P0001"]
    assert [row.state for row in page.rows] == ["never", "answering", "never", "never"]
    assert page.rows[1].register_wh == 1_000_000
    assert (page.counts, len(page.lines)) == ({"never": 3, "answering": 1}, 1)


async def test_a_retired_meter_is_found_when_it_is_asked_for(mall: SmallMall) -> None:
    public = await Meter.get(serial="P0001")
    await retire_meters(mall.as_staff(5), [str(public.id)], "改造")

    standing = await list_meters(mall.as_staff(5), MeterQuery())
    retired = await list_meters(mall.as_staff(5), MeterQuery(state="retired"))

    assert "P0001" not in [row.serial for row in standing.rows]
    assert [(row.serial, row.unit) for row in retired.rows] == [("P0001", None)]


@pytest.mark.parametrize("words", ["t0002", "a002", "商铺A002"])
async def test_a_meter_is_found_by_what_people_call_it(mall: SmallMall, words: str) -> None:
    page = await list_meters(mall.as_staff(5), MeterQuery(q=words))

    assert [row.serial for row in page.rows] == ["T0002"]


async def test_excel_has_what_was_searched_for_and_no_formula(mall: SmallMall) -> None:
    shop = await vacant(mall)
    await remark_shop(mall.as_staff(5), shop.id, "=HYPERLINK(1)")
    await mall.pay(12_345)
    await mall.read()
    ctx = mall.as_staff(5, *SEES_ALL)

    sheet = load_workbook(io.BytesIO(await export_shops(ctx, ShopQuery()))).active

    assert sheet is not None
    heads = [cell.value for cell in sheet[3]]
    first = dict(zip(heads, [cell.value for cell in sheet[4]], strict=True))
    assert (sheet.max_row, first["商铺编号"], first["预估可用余额（元）"]) == (7, "A001", 123.45)
    remark = sheet.cell(7, heads.index("备注") + 1)
    assert (remark.value, remark.data_type) == ("=HYPERLINK(1)", "s")


async def test_every_list_can_be_taken_along(mall: SmallMall) -> None:
    await mall.read()
    ctx = mall.as_staff(5, *SEES_ALL)

    tenants = load_workbook(io.BytesIO(await export_tenants(ctx, TenantQuery()))).active
    meters = load_workbook(io.BytesIO(await export_meters(ctx, MeterQuery()))).active

    assert tenants is not None
    assert meters is not None
    assert (tenants.max_row, meters.max_row) == (6, 7)


async def test_a_remark_is_on_record_with_what_stood_before(mall: SmallMall) -> None:
    meter = await mall.meter()
    await remark_meter(mall.as_staff(5), meter.id, "装在吊顶内")
    await remark_meter(mall.as_staff(5), meter.id, "")

    last = await AuditRecord.all().order_by("-sequence").first()

    assert (await mall.meter()).remark == ""
    assert last is not None
    assert '"before":"装在吊顶内"' in last.facts
    with pytest.raises(NotFound):
        await remark_meter(mall.as_staff(5), 1, "x")


async def test_balances_are_those_of_the_board(mall: SmallMall) -> None:
    await mall.pay(10_000)
    await mall.read()
    account = await mall.account()

    balances = await account_balances(mall.site_id, mall.clock.now())

    assert (balances[account.id].estimated_fen, balances[account.id].meters) == (10_000, 1)
    assert balances[(await mall.account("A002")).id].estimated_fen is None
