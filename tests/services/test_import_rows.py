"""Faults of an import file, each by sheet, row and column."""

import io
import zipfile
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from backend.models.accounts import Account
from backend.models.operations import Collector
from backend.reports.import_reader import MOST_BYTES
from backend.services.import_site import (
    NotExcel,
    check_import,
    run_import,
)
from tests.services.import_files import SHOP_HEADS, filled, manager, meter, opened_shop, said, shop
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def test_the_same_file_again_finds_its_own_shops(mall: SmallMall) -> None:
    content = filled([shop("C1")], [meter("N1", 20)])
    await run_import(manager(mall), content, uuid4(), "")

    assert await said(mall, content) == [
        ("商铺", 2, "商铺编号", "商铺 C1 已在系统中"),
        ("电表", 2, "表号", "表号 N1 已在系统中"),
        ("电表", 2, "地址", "同一总线上地址 20 重复，已用于表 N1"),
    ]


BAD_SHOPS: list[tuple[dict[str, Any], str, str]] = [
    ({"商铺编号": None}, "商铺编号", "必填"),
    ({"商铺名称": "  "}, "商铺名称", "必填"),
    ({"商铺编号": "=A1"}, "商铺编号", "不能填公式，请粘贴为数值"),
    ({"商铺编号": True}, "商铺编号", "类型不对，请把单元格设为文本后重新填写"),
    ({"商铺编号": date(2026, 1, 12)}, "商铺编号", "类型不对，请把单元格设为文本后重新填写"),
    ({"商铺编号": 1.5}, "商铺编号", "应为编号或文字，不能是小数"),
    (
        {"商铺编号": 1234567890123456789},
        "商铺编号",
        "数字过长，Excel 已改变末位，请把单元格设为文本后重新填写",
    ),
    ({"商铺编号": "X" * 33}, "商铺编号", "最多 32 个字"),
    ({"商铺编号": "A002"}, "商铺编号", "商铺 A002 已在系统中"),
    ({"楼层": "#N/A"}, "楼层", "单元格里是错误值"),
    ({"联系人": "王五"}, "联系人", "没有填写电价编号，不会开户：请填写电价编号，或清空这一格"),
    ({"电价编号": "none", "商户名称": "甲"}, "电价编号", "没有电价 none，或它还没有价格"),
    ({"电价编号": "general"}, "商户名称", "开户须填写商户名称"),
    (
        {"电价编号": "general", "商户名称": "甲", "联系人": "王", "联系电话": 123},
        "联系电话",
        "应为 11 位手机号",
    ),
    ({"电价编号": "general", "商户名称": "甲", "联系人": "王"}, "联系电话", "联系人和联系电话须一起填写"),
    (
        {"电价编号": "general", "商户名称": "甲", "功率限值(kW)": "很多"},
        "功率限值(kW)",
        "应为数字，最多三位小数",
    ),
]


@pytest.mark.parametrize(("cells", "column", "message"), BAD_SHOPS, ids=lambda one: str(one)[:24])
async def test_a_wrong_shop_is_said_by_row_and_column(
    mall: SmallMall, cells: dict[str, Any], column: str, message: str
) -> None:
    content = filled([shop("C1"), {**shop("C9"), **cells}])

    assert ("商铺", 3, column, message) in await said(mall, content)


BAD_METERS: list[tuple[dict[str, Any], str, str]] = [
    ({"表号": None}, "表号", "必填"),
    ({"表号": "T0001"}, "表号", "表号 T0001 已在系统中"),
    ({"总线编号": "L9"}, "总线编号", "没有总线 L9，请先在档案中建立"),
    ({"地址": 0}, "地址", "应在 1 至 247 之间"),
    ({"地址": "十"}, "地址", "应为整数"),
    ({"地址": "1e999999"}, "地址", "应为整数"),
    ({"地址": 1}, "地址", "同一总线上地址 1 重复，已用于表 T0001"),
    ({"型号": "no-such"}, "型号", "采集服务没有型号 no-such"),
    ({"用途": "仓库"}, "用途", "应为 商铺 或 公区"),
    ({"用途": "公区", "所属商铺": "A001"}, "所属商铺", "公区表不能属于商铺"),
    ({"所属商铺": "C2"}, "所属商铺", "商铺 C2 没有填写电价编号，不会开户"),
    ({"所属商铺": "Z9"}, "所属商铺", "没有商铺 Z9"),
    ({"所属商铺": "A003"}, "所属商铺", "商铺 A003 还没有开户"),
    ({"额定功率(kW)": 0}, "额定功率(kW)", "应在 0.001 至 10000 之间"),
    ({"额定功率(kW)": 1.23456}, "额定功率(kW)", "应为数字，最多三位小数"),
    ({"电流互感器倍率": 2.5}, "电流互感器倍率", "应为整数"),
    ({"通信地址": "12AB"}, "通信地址", "应为 12 位数字"),
    ({"表号": "N1"}, "表号", "表号 N1 与第 2 行重复"),
    ({"地址": 20}, "地址", "同一总线上地址 20 重复，已用于表 N1（第 2 行）"),
]


@pytest.mark.parametrize(("cells", "column", "message"), BAD_METERS, ids=lambda one: str(one)[:24])
async def test_a_wrong_meter_is_said_by_row_and_column(
    mall: SmallMall, cells: dict[str, Any], column: str, message: str
) -> None:
    await Collector.all().update(profiles='{"acrel-ddsy1352": ["modbus"]}')
    await Account.filter(id=(await mall.account("A003")).id).update(closed_at=mall.clock.now())
    content = filled([shop("C2")], [meter("N1", 20), {**meter("N9", 30), **cells}])

    assert ("电表", 3, column, message) in await said(mall, content)


async def test_rows_are_counted_as_excel_does(mall: SmallMall) -> None:
    assert await said(mall, filled([shop("C1"), {}, {}, shop("A001")])) == [
        ("商铺", 5, "商铺编号", "商铺 A001 已在系统中")
    ]


async def test_two_equal_codes_in_the_file_name_each_other(mall: SmallMall) -> None:
    assert await said(mall, filled([shop("C1"), shop("C1")])) == [
        ("商铺", 3, "商铺编号", "编号 C1 与第 2 行重复")
    ]


async def test_missing_and_strange_headings_are_named(mall: SmallMall) -> None:
    heads = (*[one for one in SHOP_HEADS if one != "商铺名称"], "备注", "楼层")

    found = await said(mall, filled([shop("C1")], heads=heads))

    assert found == [
        ("商铺", 1, "备注", "多余的列，请删除"),
        ("商铺", 1, "楼层", "这一列重复出现"),
        ("商铺", 1, "商铺名称", "缺少这一列"),
    ]
    assert await said(mall, filled([shop("C1")], drop="电表")) == [
        ("电表", 1, "", "缺少工作表“电表”，请使用下载的模板")
    ]


async def test_whoever_may_not_open_accounts_imports_vacant_shops_alone(mall: SmallMall) -> None:
    administrator = mall.as_staff(6, "staff.account.import")

    assert await said(mall, filled([opened_shop("C1")]), administrator) == [
        ("商铺", 2, "电价编号", "您没有开户权限：请清空，或由收银员、经理导入")
    ]
    assert await said(mall, filled([shop("C1")], [meter("N1", 20)]), administrator) == []


def bomb() -> bytes:
    """A workbook that says little of itself and unpacks to 60 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b" " * (60 << 20))
    return out.getvalue()


def with_entity() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as parts:
        parts.writestr("xl/workbook.xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    return out.getvalue()


def cut() -> bytes:
    return filled([shop("C1")])[:-200]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "请选择"),
        (b"%PDF-1.7 nothing", "不是 Excel"),
        (b"PK\x03\x04" + b"\0" * 100, "不是 Excel"),
        (cut(), "不是 Excel"),
        (bomb(), "过大"),
        (with_entity(), "不允许"),
        (filled(), "没有填写任何"),
        (filled([shop(f"C{n}") for n in range(2_001)]), "超过 2000 行"),
    ],
    ids=["empty", "pdf", "no-zip", "cut", "bomb", "entity", "no-rows", "too-many"],
)
async def test_a_file_that_cannot_be_used_is_refused_as_a_whole(
    mall: SmallMall, content: bytes, why: str
) -> None:
    with pytest.raises(NotExcel) as caught:
        await check_import(manager(mall), content)

    assert why in caught.value.text()
    assert len(content) < MOST_BYTES
