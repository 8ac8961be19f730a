"""Managing the staff (用户管理): people, their roles, and what a role may do.

Changes of one site wait for each other on its role rows, so that the last administrator stays.
"""

import re
from collections.abc import Iterable

import msgspec
from msgspec import Struct
from tortoise.exceptions import IntegrityError

from backend.context import CallerKind, Context
from backend.errors import Invalid, NotFound, Refused
from backend.models.people import Role, Staff, StaffRole
from backend.services.audit import record
from backend.services.authenticate import revoke_sessions
from backend.services.credentials import (
    check_password,
    hash_password,
    new_totp_secret,
    seal_secret,
    totp_uri,
)
from backend.services.permissions import (
    MANAGE_USERS,
    STAFF_PERMISSIONS,
    mixes_duties,
    read_permissions,
    rights_of,
    seed_roles,
)
from backend.services.work import wake
from backend.store import rows, unit_of_work

_USERNAME = re.compile(r"^[a-z0-9][a-z0-9._-]{1,31}$")
_SECRET = re.compile(r"^[A-Z2-7]{26,64}$")

_MANAGERS_SQL = """
SELECT DISTINCT f.id, r.permissions FROM staff f
JOIN staff_role sr ON sr.staff_id = f.id JOIN role r ON r.id = sr.role_id
WHERE f.site_id = ? AND f.disabled_at IS NULL"""


class UsernameTaken(Refused):
    code = "username_taken"
    message = "账号 {username} 已被使用"


class DutiesMixed(Refused):
    """Whoever manages users touches neither money nor relays."""

    code = "duties_mixed"
    message = "职责分离：管理用户与角色的人不能同时操作资金或通断电"


class LastAdministrator(Refused):
    code = "last_administrator"
    message = "不能移除最后一位系统管理员"


class OwnRights(Refused):
    code = "own_rights"
    message = "不能修改自己的账号、角色或动态口令，请由另一位同事操作"


class NewStaff(Struct, frozen=True, kw_only=True):
    """A new person. The secret is shown this once, as `totp_uri` in a QR code."""

    staff_id: int
    username: str
    totp_secret: str
    totp_uri: str


async def create_staff(
    ctx: Context,
    site_id: int,
    username: str,
    name: str,
    password: str,
    role_codes: Iterable[str],
    totp_secret: str | None = None,
) -> NewStaff:
    """Make a person with a one-time password, and the site's roles where they are missing (新建人员).

    totp_secret: base32; a new one unless given.
    Errors: Invalid (name, password, secret, unknown role), UsernameTaken, DutiesMixed.
    """
    _need_own_site(ctx, site_id)
    username, codes = username.strip().lower(), sorted(set(role_codes))
    if not _USERNAME.match(username):
        raise Invalid(fields={"username": "账号为 2 至 32 位小写字母、数字、点、横线"})
    if not 1 <= len(name.strip()) <= 32:
        raise Invalid(fields={"name": "请填写姓名，最多 32 字"})
    check_password(password, username)
    secret = (totp_secret or new_totp_secret(ctx.random)).upper().rstrip("=")
    if not _SECRET.match(secret):
        raise Invalid(fields={"totp_secret": "动态口令密钥须为至少 26 位 Base32 字符"})
    password_hash = await hash_password(password)
    await seed_roles(ctx, site_id)

    async def work() -> int:
        roles = await _roles(site_id, codes)
        if await Staff.exists(username=username):
            raise UsernameTaken(username=username)
        staff_id = ctx.ids.new()
        await Staff.create(
            id=staff_id,
            site_id=site_id,
            username=username,
            name=name.strip(),
            password_hash=password_hash,
            totp_secret=seal_secret(ctx.settings.secret_key, staff_id, secret, ctx.random),
        )
        await _give(ctx, staff_id, roles)
        await record(
            ctx,
            "staff.create",
            f"staff:{staff_id}",
            facts={"username": username, "roles": codes},
            site_id=site_id,
        )
        return staff_id

    try:
        staff_id = await unit_of_work(work, "create_staff")
    except IntegrityError:
        raise UsernameTaken(username=username) from None
    return NewStaff(
        staff_id=staff_id, username=username, totp_secret=secret, totp_uri=totp_uri(secret, username)
    )


async def disable_staff(ctx: Context, staff_id: int, reason: str) -> None:
    """Shut a person out at once (停用); harmless when repeated.

    Errors: NotFound, OwnRights, LastAdministrator.
    """

    async def work() -> None:
        staff = await another(ctx, staff_id)
        await _lock_roles(staff.site_id)
        if staff.disabled_at is None:
            staff.disabled_at = ctx.clock.now()
            await staff.save(update_fields=["disabled_at"])
            await _need_administrator(staff.site_id)
        await revoke_sessions(ctx, CallerKind.STAFF, staff.id)
        wake(ctx, f"live:{staff.site_id}")
        await record(ctx, "staff.disable", f"staff:{staff.id}", reason=reason, site_id=staff.site_id)

    await unit_of_work(work, "disable_staff")


async def set_roles(ctx: Context, staff_id: int, role_codes: Iterable[str], reason: str) -> None:
    """Give a person exactly these roles, at once (调整角色).

    Errors: NotFound, Invalid (unknown role), OwnRights, DutiesMixed, LastAdministrator.
    """
    codes = sorted(set(role_codes))

    async def work() -> None:
        staff = await another(ctx, staff_id)
        roles = await _roles(staff.site_id, codes)
        before = (await rights_of(staff.id)).role_codes
        await StaffRole.filter(staff_id=staff.id).delete()
        await _give(ctx, staff.id, roles)
        await _need_administrator(staff.site_id)
        wake(ctx, f"live:{staff.site_id}")
        facts = {"before": before, "after": codes}
        await record(
            ctx, "staff.set_roles", f"staff:{staff.id}", reason=reason, facts=facts, site_id=staff.site_id
        )

    await unit_of_work(work, "set_roles")


async def recut_role(
    ctx: Context, site_id: int, role_code: str, permissions: Iterable[str], reason: str
) -> None:
    """Give a role exactly these rights; they hold from the next call on, in open pages too (角色权限调整).

    Errors: NotFound, Invalid (unknown right), LastAdministrator,
    DutiesMixed (also together with another role of somebody who holds this one).
    """
    _need_own_site(ctx, site_id)
    names = sorted(set(permissions))
    unknown = [name for name in names if name not in STAFF_PERMISSIONS]
    if unknown:
        raise Invalid(fields={"permissions": f"没有这项权限：{unknown[0]}"})

    async def work() -> None:
        role = next((one for one in await _lock_roles(site_id) if one.code == role_code), None)
        if role is None:
            raise NotFound()
        before = read_permissions(role.permissions)
        role.permissions = msgspec.json.encode(names).decode()
        await role.save(update_fields=["permissions"])
        for row in await StaffRole.filter(role_id=role.id).order_by("staff_id"):
            await _need_apart(row.staff_id)
        if mixes_duties(names):
            raise DutiesMixed()
        await _need_administrator(site_id)
        wake(ctx, f"live:{site_id}")
        facts = {"added": sorted(set(names) - set(before)), "removed": sorted(set(before) - set(names))}
        await record(
            ctx, "staff.recut_role", f"role:{role_code}", reason=reason, facts=facts, site_id=site_id
        )

    await unit_of_work(work, "recut_role")


def _need_own_site(ctx: Context, site_id: int) -> None:
    if ctx.caller.kind is not CallerKind.SYSTEM and ctx.caller.site_id != site_id:
        raise NotFound()


async def another(ctx: Context, staff_id: int) -> Staff:
    """Lock a person of the caller's site who is not the caller."""
    staff = await Staff.filter(id=staff_id).select_for_update().first()
    if staff is None:
        raise NotFound()
    _need_own_site(ctx, staff.site_id)
    if ctx.caller.kind is CallerKind.STAFF and ctx.caller.id == staff_id:
        raise OwnRights()
    return staff


async def _lock_roles(site_id: int) -> list[Role]:
    return list(await Role.filter(site_id=site_id).order_by("id").select_for_update())


async def _roles(site_id: int, codes: list[str]) -> list[Role]:
    roles = [role for role in await _lock_roles(site_id) if role.code in codes]
    if not codes or len(roles) != len(codes):
        raise Invalid(fields={"role_codes": "请选择有效的角色"})
    return roles


async def _give(ctx: Context, staff_id: int, roles: list[Role]) -> None:
    for role in roles:
        await StaffRole.create(id=ctx.ids.new(), staff_id=staff_id, role_id=role.id)
    await _need_apart(staff_id)


async def _need_apart(staff_id: int) -> None:
    found = await rows(
        "SELECT r.permissions FROM staff_role sr JOIN role r ON r.id = sr.role_id WHERE sr.staff_id = ?",
        [staff_id],
    )
    if mixes_duties(name for row in found for name in read_permissions(row["permissions"])):
        raise DutiesMixed()


async def _need_administrator(site_id: int) -> None:
    found = await rows(_MANAGERS_SQL, [site_id])
    if not any(MANAGE_USERS in read_permissions(row["permissions"]) for row in found):
        raise LastAdministrator()
