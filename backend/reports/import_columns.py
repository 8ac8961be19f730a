"""The columns of the import file (导入列): what the template offers is what the reader understands.

One table for both, so that they cannot differ. Codes are text whatever Excel makes of them.
"""

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    TEXT = "text"
    WHOLE = "whole"
    KILOWATT = "kilowatt"  # Up to three decimals.


class Column(Struct, frozen=True, kw_only=True):
    """key: our name; title: what stands in the first row; note: what the template says of it."""

    key: str
    title: str
    kind: Kind = Kind.TEXT
    needed: bool = False
    longest: int = 64
    least: int = 0
    most: int = 0
    width: int = 14
    note: str = ""


PREPAID, PUBLIC = "商铺", "公区"
SHOPS, METERS, NOTES = "商铺", "电表", "填写说明"
MOST_ROWS = 2_000

SHOP_COLUMNS = (
    Column(
        key="code",
        title="商铺编号",
        needed=True,
        longest=32,
        note="必填，全商场唯一，如 B1-012。系统里已有的编号不能再导入。",
    ),
    Column(key="name", title="商铺名称", needed=True, width=20, note="必填，最多 64 字。"),
    Column(key="floor", title="楼层", longest=16, width=8, note="如 B1、1F。"),
    Column(key="shop_class", title="业态", longest=32, note="如 餐饮、服装。"),
    Column(
        key="tariff",
        title="电价编号",
        longest=32,
        note="填写后同时开户（账面余额从 0 起，期初余额另行录入）；留空则只建空置商铺。",
    ),
    Column(key="tenant_name", title="商户名称", width=24, note="开户时必填：合同上的名称。"),
    Column(
        key="contact",
        title="联系人",
        longest=32,
        width=10,
        note="开户时填写。导入的联系人未经核实，不会自动断电。",
    ),
    Column(key="phone", title="联系电话", longest=20, note="11 位手机号。"),
    Column(
        key="power_limit_w",
        title="功率限值(kW)",
        kind=Kind.KILOWATT,
        least=1,
        most=10_000_000,
        note="留空为不限。",
    ),
)

METER_COLUMNS = (
    Column(
        key="serial", title="表号", needed=True, longest=32, width=18, note="必填，全商场唯一，按铭牌填写。"
    ),
    Column(key="line", title="总线编号", needed=True, longest=32, note="必填，须先在档案中建好。"),
    Column(
        key="unit",
        title="地址",
        kind=Kind.WHOLE,
        needed=True,
        least=1,
        most=247,
        width=8,
        note="必填，总线上的地址，1 至 247，同一总线不能重复。",
    ),
    Column(key="profile", title="型号", needed=True, width=20, note="必填，采集服务认识的型号。"),
    Column(key="kind", title="用途", needed=True, longest=8, width=8, note=f"必填：{PREPAID} 或 {PUBLIC}。"),
    Column(
        key="rated_power_w",
        title="额定功率(kW)",
        kind=Kind.KILOWATT,
        needed=True,
        least=1,
        most=10_000_000,
        note="必填，一次侧。单相 60 A 约 13.2，三相 100 A 约 66。",
    ),
    Column(
        key="ct_ratio",
        title="电流互感器倍率",
        kind=Kind.WHOLE,
        least=1,
        most=10_000,
        note="直接接入填 1 或留空。",
    ),
    Column(
        key="pt_ratio", title="电压互感器倍率", kind=Kind.WHOLE, least=1, most=10_000, note="没有则留空。"
    ),
    Column(
        key="shop",
        title="所属商铺",
        longest=32,
        note="商铺编号：本文件中开户的商铺，或已开户的商铺。留空则为空闲表，开户时再选。",
    ),
    Column(key="place", title="安装位置", width=20, note="如 1F 东区 3 号箱。"),
    Column(key="address", title="通信地址", longest=12, note="仅 DL/T 645 电表：12 位数字。"),
)
