"""A file of shops and meters: all of it or nothing, once."""

import asyncio
import io
import time
from uuid import uuid4

import openpyxl
import pytest

from backend.models.accounts import Account, Contact
from backend.models.audit import AuditRecord
from backend.models.meters import Meter, MeterState
from backend.models.openings import SiteImport
from backend.models.operations import Collector
from backend.models.site import Shop, Site
from backend.models.supply import Supply
from backend.services.import_site import (
    ImportHasErrors,
    ImportReused,
    check_import,
    make_template,
    run_import,
)
from tests.services.import_files import filled, manager, meter, opened_shop, said, shop
from tests.services.mall import SmallMall
from tests.services.openings import read

pytestmark = pytest.mark.mariadb


async def test_shops_accounts_and_meters_are_made_together(mall: SmallMall) -> None:
    content = filled(
        shops=[opened_shop("C1", **{"功率限值(kW)": 3.5}), shop("C2")],
        meters=[
            meter("N1", 20, 所属商铺="C1"),
            meter("N2", 21),
            meter("N3", 22, 用途="公区", 安装位置="照明"),
        ],
    )
    before = (await Site.get(id=mall.site_id)).plan_version

    result = await run_import(manager(mall), content, uuid4(), "一期.xlsx")

    assert (result.shops, result.accounts, result.meters, result.repeated) == (2, 1, 3, False)
    opened, hung = await Shop.get(code="C1"), await Meter.get(serial="N1")
    account = await Account.get(shop_id=opened.id)
    assert (account.tenant_name, account.power_limit_w, account.armed) == ("商户C1", 3_500, False)
    assert (hung.account_id, hung.rated_power_w, (await Contact.get(account_id=account.id)).verified_at) == (
        account.id,
        13_200,
        None,
    )
    assert (await Meter.get(serial="N2")).account_id is None
    assert not await Account.exists(shop_id=(await Shop.get(code="C2")).id)
    assert await MeterState.filter(meter_id=hung.id, account_id=account.id).count() == 1
    assert await Supply.filter(meter_id=(await Meter.get(serial="N3")).id).count() == 0
    assert (await Site.get(id=mall.site_id)).plan_version != before
    assert await AuditRecord.filter(operation="staff.account.import").count() == 1


async def test_an_imported_meter_begins_at_its_first_reading(mall: SmallMall) -> None:
    content = filled([opened_shop("C1")], [meter("N1", 20, 所属商铺="C1")])
    await run_import(manager(mall), content, uuid4(), "")
    hung = await Meter.get(serial="N1")

    await read(mall, hung, 7_000_000)
    mall.clock.advance(60)
    await read(mall, hung, 7_000_100)

    assert (await MeterState.get(meter_id=hung.id)).accrued_wh == 100


async def test_the_same_request_imports_once(mall: SmallMall) -> None:
    content, request_id = filled([shop("C1")]), uuid4()

    results = await asyncio.gather(
        *(run_import(manager(mall), content, request_id, "") for _ in range(3)),
    )

    assert sorted(one.repeated for one in results) == [False, True, True]
    assert await SiteImport.all().count() == 1
    with pytest.raises(ImportReused):
        await run_import(manager(mall), filled([shop("C2")]), request_id, "")


async def test_one_wrong_row_writes_nothing(mall: SmallMall) -> None:
    content = filled([shop("C1"), shop("A001")], [meter("N1", 20)])

    with pytest.raises(ImportHasErrors):
        await run_import(manager(mall), content, uuid4(), "")

    assert (await Shop.exists(code="C1"), await Meter.exists(serial="N1")) == (False, False)
    assert await SiteImport.all().count() == 0


async def test_what_people_paste_is_read_as_they_mean_it(mall: SmallMall) -> None:
    """Full-width digits, numbers for codes, spaces, empty rows between."""
    content = filled(
        [shop("Ｃ１０１ "), {}, shop(20230001.0)],
        [meter(880012, "２０"), {}, {}, meter("N2", 21.0, **{"额定功率(kW)": "６.６"})],
    )

    await run_import(manager(mall), content, uuid4(), "")

    assert await Shop.filter(code__in=["C101", "20230001"]).count() == 2
    assert (await Meter.get(serial="880012")).unit == 20
    assert (await Meter.get(serial="N2")).rated_power_w == 6_600


async def test_the_template_is_taken_back_and_offers_what_the_site_has(mall: SmallMall) -> None:
    await Collector.all().update(profiles='{"acrel-ddsy1352": ["modbus"], "dlt645-2007": ["dlt645"]}')
    content = await make_template(manager(mall))
    book = openpyxl.load_workbook(io.BytesIO(content))
    offered = [cell.value for column in book["选项"].iter_cols() for cell in column if cell.value]
    assert {"L1", "acrel-ddsy1352", "general", "商铺", "公区"} <= set(offered)
    assert len(book["电表"].data_validations.dataValidation) == 3

    book["商铺"].append(["C1", "新铺"])
    out = io.BytesIO()
    book.save(out)

    assert await said(mall, out.getvalue()) == []


async def test_350_rows_take_a_few_seconds(mall: SmallMall) -> None:
    shops = [opened_shop(f"C{n:03d}", 联系电话=f"139{n:08d}") for n in range(150)]
    meters = [meter(f"N{n:03d}", n + 20, 所属商铺=f"C{n:03d}") for n in range(150)]
    content = filled(shops, [*meters, *(meter(f"P{n}", n + 170, 用途="公区") for n in range(50))])
    begun = time.perf_counter()

    check = await check_import(manager(mall), content)
    result = await run_import(manager(mall), content, uuid4(), "")

    assert (check.problems, result.meters) == ([], 200)
    assert time.perf_counter() - begun < 10
