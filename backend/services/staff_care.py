"""Looking after the staff's accounts (用户维护): back in, out at once, a new password, a role of one's own.

Nobody does any of it to themselves, and each of these ends in the audit log.
"""

import re
from collections.abc import Iterable

import msgspec

from backend.context import CallerKind, Context
from backend.errors import Invalid, Refused
from backend.models.people import Role, Staff
from backend.services.audit import record
from backend.services.authenticate import revoke_sessions
from backend.services.credentials import check_password, hash_password
from backend.services.permissions import STAFF_PERMISSIONS, mixes_duties
from backend.services.staff_admin import DutiesMixed, another
from backend.services.work import wake
from backend.store import unit_of_work

_CODE = re.compile(r"^[a-z][a-z0-9_]{1,31}$")
MOST_ROLES = 30


class RoleTaken(Refused):
    code = "role_taken"
    message = "已有这个角色代码或名称"


async def enable_staff(ctx: Context, staff_id: int, reason: str) -> None:
    """Let a disabled person in again (恢复); harmless when repeated. Errors: NotFound, OwnRights."""

    async def work() -> None:
        staff = await another(ctx, staff_id)
        staff.disabled_at, staff.failures, staff.locked_until_at = None, 0, None
        await staff.save(update_fields=["disabled_at", "failures", "locked_until_at"])
        await record(ctx, "staff.enable", f"staff:{staff.id}", reason=reason, site_id=staff.site_id)

    await unit_of_work(work, "enable_staff")


async def end_sessions(ctx: Context, staff_id: int, reason: str) -> int:
    """Sign a person out everywhere (强制下线); return how many sessions were open.

    Errors: NotFound, OwnRights.
    """

    async def work() -> int:
        staff = await another(ctx, staff_id)
        ended = await revoke_sessions(ctx, CallerKind.STAFF, staff.id)
        wake(ctx, f"live:{staff.site_id}")
        facts = {"sessions": ended}
        await record(
            ctx, "staff.end_sessions", f"staff:{staff.id}", reason=reason, facts=facts, site_id=staff.site_id
        )
        return ended

    return await unit_of_work(work, "end_sessions")


async def reset_password(ctx: Context, staff_id: int, password: str, reason: str) -> None:
    """Give a person another password; all of their sessions end, a lock too (重设密码).

    The one-time password stays as it is, so that this alone opens no manager's account.
    Errors: NotFound, OwnRights, WeakPassword.
    """
    staff = await Staff.get_or_none(id=staff_id)
    check_password(password, staff.username if staff else "")
    password_hash = await hash_password(password)

    async def work() -> None:
        staff = await another(ctx, staff_id)
        staff.password_hash, staff.failures, staff.locked_until_at = password_hash, 0, None
        await staff.save(update_fields=["password_hash", "failures", "locked_until_at"])
        await revoke_sessions(ctx, CallerKind.STAFF, staff.id)
        wake(ctx, f"live:{staff.site_id}")
        await record(ctx, "staff.reset_password", f"staff:{staff.id}", reason=reason, site_id=staff.site_id)

    await unit_of_work(work, "reset_password")


async def add_role(ctx: Context, code: str, name: str, permissions: Iterable[str], reason: str) -> None:
    """Make a role of the site's own (新增角色).

    Errors: Invalid (code, name, unknown right, too many roles), RoleTaken, DutiesMixed.
    """
    names, site_id = sorted(set(permissions)), ctx.caller.site_id
    if not _CODE.match(code):
        raise Invalid(fields={"code": "角色代码为 2 至 32 位小写字母、数字、下划线，以字母开头"})
    if not 1 <= len(name.strip()) <= 16:
        raise Invalid(fields={"name": "请填写角色名称，最多 16 字"})
    unknown = [one for one in names if one not in STAFF_PERMISSIONS]
    if unknown:
        raise Invalid(fields={"permissions": f"没有这项权限：{unknown[0]}"})
    if mixes_duties(names):
        raise DutiesMixed()

    async def work() -> None:
        roles = await Role.filter(site_id=site_id).order_by("id").select_for_update()
        if len(roles) >= MOST_ROLES:
            raise Invalid(fields={"code": f"最多 {MOST_ROLES} 个角色"})
        if any(one.code == code or one.name == name.strip() for one in roles):
            raise RoleTaken()
        await Role.create(
            id=ctx.ids.new(),
            site_id=site_id,
            code=code,
            name=name.strip(),
            permissions=msgspec.json.encode(names).decode(),
        )
        facts = {"name": name.strip(), "permissions": names}
        await record(ctx, "staff.add_role", f"role:{code}", reason=reason, facts=facts)

    await unit_of_work(work, "add_role")
