"""Permissions and roles (权限、角色): the names that operations ask for, and five roles to start from.

A role is a row that the administrator may re-cut; what is seeded here is only where it starts. The
rights of a person are read from SQL with every call, so a re-cut role holds at once.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.models.people import Role
from backend.store import rows, unit_of_work

# Every person who pays has the same rights; which account they see is a matter of bindings.
TENANT_PERMISSIONS = frozenset({"tenant.view", "tenant.top_up", "tenant.bind"})

# What the staff may be given, with the words of the role matrix.
STAFF_PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "staff.board": "查看商铺看板、告警和待办",
        "staff.meter.view": "查看电表详情",
        "staff.read_now": "立即抄表",
        "staff.remark": "填写商铺与电表备注",
        "staff.command.view": "查看指令记录",
        "staff.trip": "人工断电",
        "staff.trip.emergency": "紧急断电",
        "staff.restore": "人工送电",
        "staff.restore.emergency_lift": "解除紧急断电",
        "staff.decide_trip": "裁定欠费断电",
        "staff.power_limit": "设置功率限值",
        "staff.keep_supply.ask": "申请保电",
        "staff.keep_supply.approve": "审批和解除保电",
        "staff.reading.decide": "处理待核示数",
        "staff.meter.change": "申请换表",
        "staff.meter.change.approve": "审批换表",
        "staff.task.done": "办结待办",
        "staff.message.send": "向商铺发送余额提醒",
        "staff.alarm.handle": "确认、指派、静音和关闭告警",
        "staff.binding_code": "发放绑定码",
        "staff.account.view": "查看商铺与账户流水",
        "staff.account.open": "开户",
        "staff.account.import": "批量导入商铺与电表",
        "staff.account.practice": "设立和重置练习商铺",
        "staff.tenant.view": "查看商户与联系人",
        "staff.tenant.change": "修改商户与联系人",
        "staff.top_up": "柜台收款",
        "staff.receipt.reprint": "补打收据、打印对账单",
        "staff.reversal.ask": "申请冲正",
        "staff.reversal.approve": "审批冲正",
        "staff.tariff.view": "查看电价方案",
        "staff.tariff.draft": "起草电价版本",
        "staff.tariff.approve": "审批电价版本",
        "staff.policy.view": "查看预警与断电策略",
        "staff.policy.change": "修改预警与断电策略、节假日",
        "staff.report.own": "查看本人收款",
        "staff.report.sales": "查看售电报表",
        "staff.report.energy": "查看用电与运行报表",
        "staff.report.export": "导出报表",
        "staff.ledger.view": "查看账目与凭证",
        "staff.audit.view": "查看操作日志",
        "staff.site.view": "查看强电井、总线与电表档案",
        "staff.site.build": "增改强电井、通讯管理机、总线与电表",
        "staff.ratio.ask": "申请更改变比、登记互感器更换",
        "staff.ratio.approve": "审批变比更改",
        "staff.users.view": "查看用户与角色",
        "staff.users.manage": "管理用户与角色",
        "staff.users.approve": "审批动态口令重置",
    }
)

ADMINISTRATOR = "administrator"
MANAGE_USERS = "staff.users.manage"

# Separation of duties: whoever manages users touches neither money nor relays, whatever a role says.
APART_FROM_MANAGING = frozenset(
    {
        "staff.trip",
        "staff.trip.emergency",
        "staff.restore",
        "staff.restore.emergency_lift",
        "staff.decide_trip",
        "staff.power_limit",
        "staff.keep_supply.ask",
        "staff.keep_supply.approve",
        "staff.binding_code",
        "staff.reading.decide",
        "staff.meter.change",
        "staff.meter.change.approve",
        "staff.task.done",
        "staff.ratio.ask",  # A ratio is a price.
        "staff.ratio.approve",
        "staff.account.open",
        "staff.account.practice",
        "staff.top_up",
        "staff.reversal.ask",
        "staff.reversal.approve",
        "staff.tariff.draft",
        "staff.tariff.approve",
        "staff.policy.change",
    }
)

# Who signs in with a second factor: these roles, and whoever was given one of these rights.
SECOND_FACTOR_ROLES = frozenset({"manager", "finance", ADMINISTRATOR})
SECOND_FACTOR_PERMISSIONS = frozenset(
    {
        MANAGE_USERS,
        "staff.users.approve",
        "staff.decide_trip",
        "staff.keep_supply.approve",
        "staff.ratio.approve",
        "staff.reading.decide",
        "staff.meter.change.approve",
        "staff.reversal.approve",
        "staff.tariff.approve",
        "staff.policy.change",
    }
)


class SeededRole(Struct, frozen=True):
    code: str
    name: str
    permissions: tuple[str, ...]


_EVERYBODY = (
    "staff.board",
    "staff.meter.view",
    "staff.command.view",
    "staff.account.view",
    "staff.policy.view",
)
# What a manager leaves to others: whoever supervises the till does not stand at it.
_NOT_THE_MANAGERS = {MANAGE_USERS, "staff.top_up", "staff.report.own"}

SEEDED_ROLES = (
    SeededRole(
        "cashier",
        "收银员",
        (
            *_EVERYBODY,
            "staff.remark",
            "staff.read_now",
            "staff.keep_supply.ask",
            "staff.binding_code",
            "staff.task.done",
            "staff.message.send",
            "staff.account.open",
            "staff.tenant.view",
            "staff.tenant.change",
            "staff.top_up",
            "staff.receipt.reprint",
            "staff.reversal.ask",
            "staff.tariff.view",
            "staff.report.own",
        ),
    ),
    SeededRole(
        "finance",
        "财务",
        (
            *_EVERYBODY,
            "staff.ledger.view",
            "staff.audit.view",
            "staff.site.view",
            "staff.ratio.approve",
            "staff.reading.decide",  # Money moves.
            "staff.tenant.view",
            "staff.receipt.reprint",
            "staff.reversal.ask",
            "staff.reversal.approve",
            "staff.tariff.view",
            "staff.tariff.draft",
            "staff.report.sales",
            "staff.report.energy",
            "staff.report.export",
        ),
    ),
    SeededRole(
        "electrician",
        "电工",
        (
            *_EVERYBODY,
            "staff.remark",
            "staff.read_now",
            "staff.trip",
            "staff.trip.emergency",
            "staff.restore",
            "staff.restore.emergency_lift",
            "staff.power_limit",
            "staff.meter.change",
            "staff.keep_supply.ask",
            "staff.task.done",
            "staff.alarm.handle",
            "staff.site.view",
            "staff.ratio.ask",
            "staff.report.energy",
        ),
    ),
    SeededRole(
        "manager",
        "经理",
        tuple(name for name in STAFF_PERMISSIONS if name not in _NOT_THE_MANAGERS),
    ),
    SeededRole(
        ADMINISTRATOR,
        "系统管理员",
        (
            *_EVERYBODY,
            "staff.audit.view",
            "staff.site.view",
            "staff.site.build",
            "staff.read_now",
            "staff.remark",
            "staff.account.import",
            "staff.users.view",
            MANAGE_USERS,
            "staff.users.approve",
        ),
    ),
)

_OF_STAFF_SQL = """
SELECT r.code, r.permissions FROM staff_role sr JOIN role r ON r.id = sr.role_id
WHERE sr.staff_id = ? ORDER BY r.code"""


def effective(granted: Iterable[str]) -> frozenset[str]:
    """Return what a set of granted rights comes to: unknown names mean nothing, duties stay apart."""
    known = frozenset(granted) & STAFF_PERMISSIONS.keys()
    return known - APART_FROM_MANAGING if MANAGE_USERS in known else known


def mixes_duties(granted: Iterable[str]) -> bool:
    """Say whether rights join managing users with money or relays."""
    names = frozenset(granted)
    return MANAGE_USERS in names and bool(names & APART_FROM_MANAGING)


def needs_second_factor(role_codes: Iterable[str], permissions: Iterable[str]) -> bool:
    """Say whether signing in takes a one-time password (动态口令)."""
    return bool(
        SECOND_FACTOR_ROLES.intersection(role_codes) or SECOND_FACTOR_PERMISSIONS.intersection(permissions)
    )


def read_permissions(text: str) -> list[str]:
    """Read a role's rights from its column; an empty object, the column's default, is no right."""
    found = msgspec.json.decode(text or "[]")
    return [str(name) for name in found] if isinstance(found, list) else []


class Rights(Struct, frozen=True):
    """What a person's roles come to."""

    role_codes: tuple[str, ...]
    permissions: frozenset[str]

    @property
    def second_factor(self) -> bool:
        return needs_second_factor(self.role_codes, self.permissions)


async def rights_of(staff_id: int) -> Rights:
    """Return the roles and rights of a member of the staff; empty for nobody."""
    found = await rows(_OF_STAFF_SQL, [staff_id])
    granted = [name for row in found for name in read_permissions(row["permissions"])]
    return Rights(tuple(row["code"] for row in found), effective(granted))


async def permissions_of(staff_id: int) -> frozenset[str]:
    return (await rights_of(staff_id)).permissions


async def seed_roles(ctx: Context, site_id: int) -> None:
    """Make the five roles that a site starts with. A role that is there stays as it was re-cut."""

    async def work() -> None:
        there = {row["code"] for row in await rows("SELECT code FROM role WHERE site_id = ?", [site_id])}
        for role in SEEDED_ROLES:
            if role.code not in there:
                await Role.create(
                    id=ctx.ids.new(),
                    site_id=site_id,
                    code=role.code,
                    name=role.name,
                    permissions=msgspec.json.encode(role.permissions).decode(),
                )

    await unit_of_work(work, "seed_roles")
