"""What the audit log's operations and objects are called (操作日志用语)."""

from collections.abc import Sequence

from backend.context import Context
from backend.services.permissions import STAFF_PERMISSIONS
from backend.store import rows
from backend.store_rows import marks

UNNAMED = "其他操作"
_WORDS = {
    "staff.sign_in": "登录",
    "staff.demo_sign_in": "登录（演示）",
    "staff.sign_in_failed": "登录失败",
    "staff.sign_out": "退出登录",
    "staff.step_up": "通过动态口令验证",
    "staff.trip": "断电",
    "staff.trip.emergency": "紧急断电",
    "staff.restore": "送电",
    "staff.decide_trip": "裁定欠费断电",
    "staff.keep_supply.ask": "申请保电",
    "staff.keep_supply.approve": "审批保电",
    "staff.keep_supply.release": "解除保电",
    "staff.power_limit": "设置功率限值",
    "staff.alarm.acknowledged": "确认告警",
    "staff.alarm.assigned": "指派告警",
    "staff.alarm.cleared": "关闭告警",
    "staff.alarm.snoozed": "暂停告警提醒",
    "staff.binding_code": "发放绑定码",
    "staff.task.done": "办结待办",
    "staff.message.send": "发送提醒",
    "staff.meter.change": "申请换表",
    "staff.meter.change.approve": "审批换表",
    "staff.ratio.ask": "申请更改倍率",
    "staff.ratio.approve": "审批更改倍率",
    "staff.ratio.replaced": "登记互感器更换",
    "staff.reading.decide": "处理待核示数",
    "staff.create": "新增用户",
    "staff.disable": "停用用户",
    "staff.enable": "恢复用户",
    "staff.end_sessions": "强制下线",
    "staff.reset_password": "重设登录密码",
    "staff.add_role": "新增角色",
    "staff.set_roles": "调整用户角色",
    "staff.recut_role": "调整角色权限",
    "staff.totp_reset.ask": "申请重置动态口令",
    "staff.totp_reset.decide": "审批重置动态口令",
    "staff.top_up": "柜台收款",
    "staff.receipt.reprint": "补打收据",
    "staff.reversal.ask": "申请冲正",
    "staff.reversal.approve": "审批冲正",
    "staff.top_up.scan": "生成收款码",
    "staff.top_up.cancel": "取消收款码",
    "staff.receipt.print": "打印收据",
    "staff.account.practice": "建立练习商铺",
    "staff.binding.revoked": "解除手机绑定",
    "staff.command.cancelled": "取消指令",
    "staff.command.retried": "重发指令",
    "staff.contact.changed": "修改联系人",
    "staff.contact.removed": "删除联系人",
    "staff.contact_check": "核实联系电话",
    "staff.contact_code": "发送核实短信",
    "staff.door_code": "重发门铺码",
    "staff.emergency.explained": "补填紧急断电原因",
    "staff.lift.refused": "驳回解除紧急断电",
    "staff.export": "导出报表",
    "staff.export.cancel": "取消导出",
    "staff.export.retry": "重新导出",
    "staff.remark": "修改备注",
    "staff.tariff.draft.change": "修改电价草稿",
    "staff.tariff.draft.drop": "删除电价草稿",
    "staff.tariff.submit": "提交电价版本",
    "staff.tariff.withdraw": "撤回电价版本",
    "staff.calendar.change": "修改节假日",
    "staff.policy.change": "修改预警与断电策略",
    "staff.policy.change_terms": "修改商铺单独约定",
    "staff.site.add_shaft": "新增强电井",
    "staff.site.add_gateway": "新增通讯管理机",
    "staff.site.add_line": "新增总线",
    "staff.site.change_shaft": "修改强电井",
    "staff.site.change_gateway": "修改通讯管理机",
    "staff.site.change_line": "修改总线",
    "staff.site.remove_shaft": "移除强电井",
    "staff.site.remove_gateway": "移除通讯管理机",
    "staff.site.remove_line": "移除总线",
    "staff.site.add_meters": "新增电表",
    "staff.site.change_meter": "修改电表",
    "staff.site.retire_meters": "停用电表",
    "tenant.bind": "绑定手机",
    "tenant.bind_failed": "绑定失败",
    "tenant.sign_out": "商户退出登录",
}
_SHOP_SQL = """
SELECT a.id, s.code, s.name FROM account a JOIN shop s ON s.id = a.shop_id
WHERE a.site_id = ? AND a.id IN ({marks})"""
_METER_SQL = """
SELECT m.id, m.serial, s.code, s.name FROM meter m LEFT JOIN account a ON a.id = m.account_id
LEFT JOIN shop s ON s.id = a.shop_id WHERE m.site_id = ? AND m.id IN ({marks})"""


def operation_words(operation: str) -> str:
    """Name an operation; one without a name of its own is called as the right that it takes."""
    return _WORDS.get(operation) or STAFF_PERMISSIONS.get(operation) or UNNAMED


async def object_names(ctx: Context, objects: Sequence[str]) -> dict[str, str]:
    """Name accounts and meters of the caller's site among objects like "meter:42"; others have no name."""
    ids: dict[str, list[int]] = {"account": [], "meter": []}
    for one in objects:
        kind, _, number = one.partition(":")
        if kind in ids and number.isdigit():
            ids[kind].append(int(number))
    names: dict[str, str] = {}
    for kind, sql in (("account", _SHOP_SQL), ("meter", _METER_SQL)):
        if not ids[kind]:
            continue
        for row in await rows(sql.format(marks=marks(ids[kind])), [ctx.caller.site_id, *ids[kind]]):
            shop = f"{row['code']} {row['name']}" if row["code"] else f"电表 {row['serial']}"
            names[f"{kind}:{row['id']}"] = shop
    return names
