"""The lists of files as Excel (档案导出): which columns each has."""

from backend.context import Context
from backend.services.file_excel import Column, workbook
from backend.services.file_meters import MeterFile, MeterQuery, all_meters
from backend.services.file_shops import ShopFile, ShopQuery, all_shops
from backend.services.file_tenants import TenantFile, TenantQuery, all_tenants

METER_STATES = {
    "answering": "正常",
    "silent": "不应答",
    "never": "从未抄到",
    "doubt": "待核示数",
    "retired": "已拆除",
}
KINDS = {"prepaid": "预付费", "public": "公区"}
RELAYS = {"ON": "合", "OFF": "分", "PERMITTED": "合闸允许"}
REACH = {"reachable": "可通知", "unproved": "未核实", "nobody": "无联系人"}

# Codes of a site file's shop classes; whatever people typed themselves stays as it is.
CLASSES = {
    "kiosk": "小型店",
    "clothes": "服饰",
    "drinks": "饮品",
    "restaurant": "餐饮",
    "ktv": "KTV",
    "cinema": "影院",
    "supermarket": "超市",
}

_SHOPS: tuple[Column[ShopFile], ...] = (
    Column("商铺编号", "text", lambda row: row.code),
    Column("名称", "text", lambda row: row.name, 20),
    Column("楼层", "text", lambda row: row.floor, 8),
    Column("业态", "text", lambda row: CLASSES.get(row.shop_class, row.shop_class), 10),
    Column("状态", "text", lambda row: "已开户" if row.account_id else "空置", 8),
    Column("商户", "text", lambda row: row.tenant, 16),
    Column("联系电话", "text", lambda row: row.phone),
    Column("账面余额（元）", "yuan", lambda row: row.settled_fen),
    Column("预估可用余额（元）", "yuan", lambda row: row.estimated_fen, 18),
    Column("约可用天数", "days", lambda row: row.days_left, 12),
    Column("欠费", "text", lambda row: "是" if row.in_arrears else "", 8),
    Column("自动断电", "text", lambda row: "启用" if row.armed else "未启用" if row.account_id else "", 10),
    Column("电表数", "count", lambda row: row.meters, 8),
    Column("备注", "text", lambda row: row.remark, 30),
)
_TENANTS: tuple[Column[TenantFile], ...] = (
    Column("商铺编号", "text", lambda row: row.shop_code),
    Column("商铺", "text", lambda row: row.shop_name, 20),
    Column("商户", "text", lambda row: row.tenant_name, 16),
    Column("联系人", "text", lambda row: "、".join(one.name for one in row.contacts), 16),
    Column("电话", "text", lambda row: "、".join(one.phone for one in row.contacts), 26),
    Column("已核实电话数", "count", lambda row: sum(bool(one.verified_at) for one in row.contacts)),
    Column("绑定手机数", "count", lambda row: len(row.bindings), 12),
    Column("可达情况", "text", lambda row: REACH[row.reach], 10),
    Column("自动断电", "text", lambda row: "启用" if row.armed else "未启用", 10),
    Column("最近通知", "time", lambda row: row.last_notice.made_at if row.last_notice else None, 20),
    Column("最近送达", "time", lambda row: row.last_notice.delivered_at if row.last_notice else None, 20),
)
_METERS: tuple[Column[MeterFile], ...] = (
    Column("表号", "text", lambda row: row.serial),
    Column("类别", "text", lambda row: KINDS.get(row.kind, row.kind), 8),
    Column("强电井", "text", lambda row: row.shaft_name, 14),
    Column("通讯管理机", "text", lambda row: row.gateway_name, 16),
    Column("总线", "text", lambda row: row.line, 10),
    Column("地址", "count", lambda row: row.unit, 8),
    Column("通信地址", "text", lambda row: row.address),
    Column("型号", "text", lambda row: row.profile, 22),
    Column("倍率", "count", lambda row: row.ratio, 8),
    Column("商铺编号", "text", lambda row: row.shop_code),
    Column("商铺", "text", lambda row: row.shop_name, 18),
    Column("安装位置", "text", lambda row: row.place, 18),
    Column("最新示数（kWh）", "kwh", lambda row: row.register_wh, 16),
    Column("抄表时间", "time", lambda row: row.read_at, 20),
    Column("功率（kW）", "kw", lambda row: row.power_w, 12),
    Column("继电器", "text", lambda row: RELAYS.get(row.relay, "未知") if row.kind == "prepaid" else "", 10),
    Column("状态", "text", lambda row: METER_STATES[row.state], 10),
    Column("备注", "text", lambda row: row.remark, 30),
)


async def export_shops(ctx: Context, query: ShopQuery) -> bytes:
    return workbook("商铺档案", ctx.clock.now(), _SHOPS, await all_shops(ctx, query))


async def export_tenants(ctx: Context, query: TenantQuery) -> bytes:
    return workbook("商户档案", ctx.clock.now(), _TENANTS, await all_tenants(ctx, query))


async def export_meters(ctx: Context, query: MeterQuery) -> bytes:
    return workbook("电表档案", ctx.clock.now(), _METERS, await all_meters(ctx, query))
