"""What a person does first (上手清单): a short list by what their rights are for, ticked by facts."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from backend.context import Context
from backend.services.first_step_facts import FACTS, SiteFacts, site_facts
from backend.services.permissions import MANAGE_USERS


class _Plan(Struct, frozen=True, kw_only=True):
    """One step. `permission`: without it the step is not one's own; "" is everybody's."""

    key: str
    title: str
    detail: str
    to: str
    permission: str = ""


class FirstStep(Struct, frozen=True, kw_only=True):
    """done None: no fact tells; the page ticks it once the person has been there. `to`: admin path, or ""."""

    key: str
    title: str
    detail: str
    to: str
    done: bool | None


class FirstSteps(Struct, frozen=True, kw_only=True):
    steps: list[FirstStep]


_SUPERVISES = "staff.policy.change"
_TILL = (
    _Plan(
        key="practice_top_up",
        title="在练习商铺收一笔款",
        detail="练习的钱不进任何报表",
        to="/counter?account={practice_id}",
        permission="staff.top_up",
    ),
    _Plan(
        key="own_print",
        title="打印一张收据",
        detail="收款后打印，确认小票纸宽与打印机相符",
        to="/counter/receipts",
        permission="staff.top_up",
    ),
    _Plan(
        key="customer_screen",
        title="打开顾客屏",
        detail="放到朝向顾客的屏幕上，顾客在那里扫码付款",
        to="/counter/customer",
        permission="staff.top_up",
    ),
    _Plan(
        key="opening_page",
        title="看一遍开户步骤",
        detail="商铺、联系人、电表示数、绑定码，填到一半可以存为草稿",
        to="/account/open",
        permission="staff.account.open",
    ),
)
_SHAFTS = (
    _Plan(
        key="wiring_page",
        title="认识强电井与总线",
        detail="每个强电井有哪些通讯管理机、总线和电表",
        to="/files/wiring",
        permission="staff.site.view",
    ),
    _Plan(
        key="own_read",
        title="试抄一条总线",
        detail="在总线上点“试抄”，看到电表的应答",
        to="/files/wiring",
        permission="staff.read_now",
    ),
    _Plan(
        key="own_alarm",
        title="确认一条告警",
        detail="确认即表示您在处理，同事不必再去",
        to="/alarms",
        permission="staff.alarm.handle",
    ),
    _Plan(
        key="commands_page",
        title="看一遍断送电指令的经过",
        detail="已下发不等于已断开，以回读为准",
        to="/control/commands",
        permission="staff.command.view",
    ),
    _Plan(
        key="board_page",
        title="在手机上打开商铺看板",
        detail="到现场时用手机看状态、读电表",
        to="/board",
        permission="staff.board",
    ),
)
_BOOKS = (
    _Plan(
        key="month_page",
        title="看一个月的售电月报",
        detail="合计行与账本核对一致才有“✓”",
        to="/reports/sales-by-month",
        permission="staff.report.sales",
    ),
    _Plan(
        key="own_export",
        title="导出一份 Excel",
        detail="数字与屏幕上的一致，完成后右上角的铃会提醒",
        to="/reports/shops",
        permission="staff.report.export",
    ),
    _Plan(
        key="tariff_page",
        title="核对现行电价",
        detail="时段、季节和附加费以公示的为准",
        to="/rules/tariffs",
        permission="staff.tariff.view",
    ),
    _Plan(
        key="own_draft",
        title="起草一个电价版本",
        detail="可用上月电量试算；经理批准之前不影响任何商铺",
        to="/rules/tariffs",
        permission="staff.tariff.draft",
    ),
    _Plan(
        key="receipts_page",
        title="找到收据与冲正",
        detail="冲正由一人申请、另一人批准",
        to="/counter/receipts",
        permission="staff.reversal.approve",
    ),
)
_MALL = (
    _Plan(
        key="policy_set",
        title="核对预警与断电策略",
        detail="先看“当前会断电的商铺”，再保存",
        to="/rules/policy",
        permission=_SUPERVISES,
    ),
    _Plan(
        key="practice_shop",
        title="设立练习商铺",
        detail="新同事在这里练收款、打收据、冲正",
        to="/account/open",
        permission="staff.account.practice",
    ),
    _Plan(
        key="two_approvers",
        title="冲正有第二位审批人",
        detail="谁都不能批准自己的申请，至少要有两人有“审批冲正”权限",
        to="/system/users",
        permission="staff.reversal.approve",
    ),
    _Plan(
        key="year_set",
        title="录入今年的节假日",
        detail="免断日和节假日电价都按它计算",
        to="/rules/calendar",
        permission=_SUPERVISES,
    ),
    _Plan(
        key="own_decision",
        title="审批一件申请",
        detail="待审批的事项在工作台的“待我审批”里",
        to="/",
    ),
)
_SYSTEM = (
    _Plan(
        key="every_role",
        title="每个角色都有人",
        detail="还没有人：{missing_roles}",
        to="/system/users",
        permission=MANAGE_USERS,
    ),
    _Plan(
        key="two_administrators",
        title="有第二位系统管理员",
        detail="动态口令重置需要另一位同事批准",
        to="/system/users",
        permission=MANAGE_USERS,
    ),
    _Plan(
        key="shafts_built",
        title="建立强电井、通讯管理机和总线",
        detail="按竣工图录入，之后可以增改",
        to="/files/wiring",
        permission="staff.site.build",
    ),
    _Plan(
        key="meters_built",
        title="录入电表",
        detail="逐块录入，或用 Excel 批量导入",
        to="/account/import",
        permission="staff.account.import",
    ),
    _Plan(
        key="lines_answer",
        title="每条总线都抄到过电表",
        detail="在总线上点“试抄”，逐条确认",
        to="/files/wiring",
        permission="staff.read_now",
    ),
)
# The right that a list is for; whoever supervises has a list of their own instead of the others'.
_LISTS: Mapping[str, tuple[_Plan, ...]] = MappingProxyType(
    {
        MANAGE_USERS: _SYSTEM,
        _SUPERVISES: _MALL,
        "staff.top_up": _TILL,
        "staff.trip": _SHAFTS,
        "staff.report.sales": _BOOKS,
    }
)
_LEFT_TO_OTHERS = {"staff.trip", "staff.report.sales"}


def _plans(permissions: frozenset[str]) -> list[_Plan]:
    """Return the steps of somebody with these rights, each once."""
    found: dict[str, _Plan] = {}
    for right, plans in _LISTS.items():
        if right not in permissions or (right in _LEFT_TO_OTHERS and _SUPERVISES in permissions):
            continue
        found |= {one.key: one for one in plans if not one.permission or one.permission in permissions}
    return list(found.values())


async def show_first_steps(ctx: Context) -> FirstSteps:
    """Return the caller's first steps with what is known of them. Whoever has no such right has none."""
    plans = _plans(ctx.caller.permissions)
    facts = await site_facts(ctx)
    return FirstSteps(steps=[await _step(ctx, plan, facts) for plan in plans])


async def _step(ctx: Context, plan: _Plan, facts: SiteFacts) -> FirstStep:
    fact = FACTS.get(plan.key)
    done = None if fact is None else await fact(ctx, facts)
    detail, to = plan.detail, plan.to
    if plan.key == "practice_top_up":
        to = to.format(practice_id=facts.practice_id) if facts.practice_id else ""
        detail = detail if to else "练习商铺还没有设立，请经理设立"
    elif plan.key == "every_role":
        names = "、".join(facts.missing_roles)
        detail = detail.format(missing_roles=names) if names else "收银、财务、电工、经理、系统管理员各有其人"
    return FirstStep(key=plan.key, title=plan.title, detail=detail, to=to, done=done)
