"""An import by the page: errors by row and column, then sixty good rows, once."""

from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import Page, expect

from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.openings import SiteImport
from backend.models.site import Line, Shop
from backend.models.tariffs import Tariff
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.pages.stage import OnStage
from tests.services.import_files import filled, meter, opened_shop, shop

pytestmark = pytest.mark.asyncio(loop_scope="package")
IMPORT = "/account/import"


async def no_barriers(page: Page) -> None:
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


async def offer(page: Page, folder: Path, content: bytes, name: str = "商铺.xlsx") -> None:
    path = folder / name
    path.write_bytes(content)
    await page.set_input_files("input[type=file]", path)


async def free_line(stage: OnStage) -> tuple[str, dict[str, str]]:
    """A line with room, and what a meter of it is like."""
    one = await Meter.filter(retired_at=None).order_by("unit").first()
    assert one is not None
    line = await Line.get(id=one.line_id)
    return line.code, {"总线编号": line.code, "型号": one.profile}


async def test_the_template_is_downloaded_filled_in_and_taken(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, tmp_path: Path
) -> None:
    await sign_in(page, "manager", IMPORT)
    await picture("import-empty", 1366, 768)
    await picture("import-empty", 1920, 1080)
    await no_barriers(page)
    async with page.expect_download() as waiting:
        await page.get_by_text("下载模板", exact=True).first.click()
    path = tmp_path / "filled.xlsx"
    await (await waiting.value).save_as(path)
    book = openpyxl.load_workbook(path)
    book["商铺"].append(["M001", "模板店", "1F"])
    book.save(path)

    await page.set_input_files("input[type=file]", path)

    await expect(page.get_by_text("将新建商铺 1 间")).to_be_visible()
    await expect(page.get_by_text("模板店")).to_be_visible()


async def test_every_kind_of_bad_row_is_listed_by_row_and_column(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, tmp_path: Path
) -> None:
    code, like = await free_line(stage)
    known_shop, known_meter = await Shop.all().first(), await Meter.filter(retired_at=None).first()
    assert known_shop is not None and known_meter is not None
    shops = [
        shop("E1"),
        shop("E1"),
        shop(known_shop.code),
        {"商铺编号": "E4"},
        shop("=A1"),
        shop(1.5),
        {},
        opened_shop("E8", 电价编号="no-such"),
        opened_shop("E9", 联系电话="123"),
        shop("Ｅ１０", 联系人="王五"),
    ]
    meters = [
        meter("EM1", 240, **like),
        meter(known_meter.serial, 241, **like),
        meter("EM3", 242, **{**like, "总线编号": "no-line"}),
        meter("EM4", "两百", **like),
        meter("EM5", known_meter.unit, **like),
        meter("EM6", 243, **like, 所属商铺="nobody"),
        meter("EM7", 244, **{**like, "额定功率(kW)": -1}),
    ]
    await sign_in(page, "manager", IMPORT)

    await offer(page, tmp_path, filled(shops, meters))

    table = page.locator("[data-problems]")
    await expect(table).to_be_visible()
    for text in (
        "编号 E1 与第 2 行重复",
        f"商铺 {known_shop.code} 已在系统中",
        "不能填公式",
        "不能是小数",
        "没有电价 no-such",
        "应为 11 位手机号",
        "没有填写电价编号",
        f"表号 {known_meter.serial} 已在系统中",
        "没有总线 no-line",
        "应为整数",
        f"地址 {known_meter.unit} 重复",
        "没有商铺 nobody",
        "应在 0.001 至 10000 之间",
    ):
        await expect(table.get_by_text(text).first).to_be_attached()
    await expect(table.locator("tr", has_text="没有电价 no-such")).to_contain_text("9")
    await expect(page.get_by_role("button", name="确认导入")).to_have_count(0)
    await picture("import-errors", 1366, 768)
    await picture("import-errors", 1920, 1080)
    await no_barriers(page)
    assert not await Shop.exists(code="E1")
    assert code


async def test_a_file_that_is_no_workbook_is_refused(
    page: Page, stage: OnStage, sign_in: SignIn, tmp_path: Path
) -> None:
    await sign_in(page, "manager", IMPORT)

    await offer(page, tmp_path, b"%PDF-1.7", "contract.xlsx")
    await expect(page.get_by_text("这不是 Excel 工作簿")).to_be_visible()

    await offer(page, tmp_path, b"0" * (2 * 1024 * 1024 + 1), "big.xlsx")
    await expect(page.get_by_text("文件超过 2 MB")).to_be_visible()


async def test_sixty_good_rows_are_imported_once(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, tmp_path: Path
) -> None:
    _, like = await free_line(stage)
    tariff = await Tariff.all().first()
    assert tariff is not None
    taken = set(await Meter.filter(line__code=like["总线编号"]).values_list("unit", flat=True))
    units = [unit for unit in range(1, 248) if unit not in taken][:60]
    shops = [
        opened_shop(f"G{n:03d}", 电价编号=tariff.code, 联系电话=f"139{n:08d}") for n in range(len(units) // 2)
    ]
    meters = [
        meter(
            f"GM{n:03d}", unit, **like, **({"所属商铺": f"G{n:03d}"} if n < len(shops) else {"用途": "公区"})
        )
        for n, unit in enumerate(units)
    ]
    await sign_in(page, "manager", IMPORT)
    await offer(page, tmp_path, filled(shops, meters))
    await expect(page.get_by_text("试算通过")).to_be_visible()
    for width, height in ((1920, 1080), (1366, 768)):
        await picture("import-preview", width, height)
    await no_barriers(page)
    before = await SiteImport.all().count()

    await page.get_by_role("button", name="确认导入").dblclick()

    await expect(page.get_by_text("已导入：")).to_contain_text(f"电表 {len(units)} 块", timeout=20_000)
    await picture("import-done", 1366, 768)
    assert await SiteImport.all().count() == before + 1
    assert await Meter.filter(serial__startswith="GM").count() == len(units)
    assert await Account.filter(shop__code__startswith="G0").count() == len(shops)


async def test_the_administrator_imports_vacant_shops_alone(
    page: Page, stage: OnStage, sign_in: SignIn, tmp_path: Path
) -> None:
    await sign_in(page, "administrator", IMPORT)

    await offer(page, tmp_path, filled([opened_shop("H001")]))

    await expect(page.get_by_text("您没有开户权限").first).to_be_visible()


async def test_the_cashier_does_not_import(page: Page, stage: OnStage, sign_in: SignIn) -> None:
    await sign_in(page, "cashier", IMPORT)

    await expect(page.get_by_text("无权限")).to_be_visible()
