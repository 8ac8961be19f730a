"""Filled-in import files, made as a person's Excel makes them."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import openpyxl

from backend.context import Context
from backend.services.import_site import check_import
from tests.services.mall import SmallMall

SHOP_HEADS = (
    "商铺编号",
    "商铺名称",
    "楼层",
    "业态",
    "电价编号",
    "商户名称",
    "联系人",
    "联系电话",
    "功率限值(kW)",
)
METER_HEADS = (
    "表号",
    "总线编号",
    "地址",
    "型号",
    "用途",
    "额定功率(kW)",
    "电流互感器倍率",
    "电压互感器倍率",
    "所属商铺",
    "安装位置",
    "通信地址",
)
Rows = Sequence[Mapping[str, Any]]


def filled(shops: Rows = (), meters: Rows = (), **more: Any) -> bytes:
    """An .xlsx with rows by heading. more: `heads` in place of the shops' headings, `drop` a sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, heads, lines in (("商铺", more.get("heads", SHOP_HEADS), shops), ("电表", METER_HEADS, meters)):
        if more.get("drop") == name:
            continue
        sheet = book.create_sheet(name)
        sheet.append(list(heads))
        for line in lines:
            sheet.append([line.get(head) for head in heads])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def shop(code: object, **more: Any) -> dict[str, Any]:
    return {"商铺编号": code, "商铺名称": f"店{code}", "楼层": "1F", **more}


def opened_shop(code: object, **more: Any) -> dict[str, Any]:
    """A shop that is opened by the file."""
    said = {"电价编号": "general", "商户名称": f"商户{code}", "联系人": "王五", "联系电话": "13900005678"}
    return shop(code, **{**said, **more})


def meter(serial: object, unit: object, **more: Any) -> dict[str, Any]:
    said = {"总线编号": "L1", "型号": "acrel-ddsy1352", "用途": "商铺", "额定功率(kW)": 13.2}
    return {"表号": serial, "地址": unit, **said, **more}


def manager(mall: SmallMall) -> Context:
    return mall.as_staff(5, "staff.account.import", "staff.account.open")


async def said(
    mall: SmallMall, content: bytes, caller: Context | None = None
) -> list[tuple[str, int, str, str]]:
    check = await check_import(caller or manager(mall), content)
    return [(one.sheet, one.row, one.column, one.message) for one in check.problems]
