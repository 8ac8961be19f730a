"""The staff and its roles as the administrator sees them (用户与角色)."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.services.permissions import (
    APART_FROM_MANAGING,
    MANAGE_USERS,
    STAFF_PERMISSIONS,
    read_permissions,
)
from backend.services.totp_reset import TOTP_RESET
from backend.store import rows, sql_time, utc

_STAFF_SQL = """
SELECT f.id, f.username, f.name, f.disabled_at, f.locked_until_at, r.code,
  (SELECT COUNT(*) FROM session s WHERE s.kind = 'staff' AND s.subject_id = f.id AND s.revoked_at IS NULL
     AND s.expires_at > ?) AS sessions,
  (SELECT MAX(s.made_at) FROM session s WHERE s.kind = 'staff' AND s.subject_id = f.id) AS last_at
FROM staff f LEFT JOIN staff_role sr ON sr.staff_id = f.id LEFT JOIN role r ON r.id = sr.role_id
WHERE f.site_id = ? ORDER BY f.id, r.code"""
_RESETS_SQL = """
SELECT p.id, p.object_id, p.asked_by, p.asked_at, p.reason, f.name AS asked_name FROM approval p
LEFT JOIN staff f ON f.id = p.asked_by WHERE p.site_id = ? AND p.kind = ? AND p.standing_key IS NOT NULL"""


class Reset(Struct, frozen=True, kw_only=True):
    """A one-time password that waits for a second person."""

    approval_id: str
    asked_by: str
    is_own: bool  # Asked by the caller, who cannot grant it.
    asked_at: datetime
    reason: str


class StaffLine(Struct, frozen=True, kw_only=True):
    staff_id: str
    username: str
    name: str
    roles: list[str]
    is_self: bool
    sessions: int  # Open ones.
    last_sign_in_at: datetime | None
    locked_until_at: datetime | None
    disabled_at: datetime | None
    reset: Reset | None


class RoleLine(Struct, frozen=True, kw_only=True):
    code: str
    name: str
    permissions: list[str]
    people: int  # Who hold it and are not disabled.


class Right(Struct, frozen=True, kw_only=True):
    name: str
    words: str
    apart: bool  # Never together with managing users.


class RoleTable(Struct, frozen=True, kw_only=True):
    roles: list[RoleLine]
    rights: list[Right]
    manage: str  # The right that keeps apart from money and relays.


async def list_staff(ctx: Context) -> list[StaffLine]:
    """Return everybody of the site, those who left too."""
    now, site_id = ctx.clock.now(), ctx.caller.site_id
    resets = {
        int(row["object_id"]): Reset(
            approval_id=str(row["id"]),
            asked_by=row["asked_name"] or "",
            is_own=int(row["asked_by"]) == ctx.caller.id,
            asked_at=utc(row["asked_at"]) or now,
            reason=row["reason"],
        )
        for row in await rows(_RESETS_SQL, [site_id, TOTP_RESET])
    }
    found: dict[int, StaffLine] = {}
    for row in await rows(_STAFF_SQL, [sql_time(now), site_id]):
        number = int(row["id"])
        if number not in found:
            locked_until_at = utc(row["locked_until_at"])
            found[number] = StaffLine(
                staff_id=str(number),
                username=row["username"],
                name=row["name"],
                roles=[],
                is_self=number == ctx.caller.id,
                sessions=int(row["sessions"]),
                last_sign_in_at=utc(row["last_at"]),
                locked_until_at=locked_until_at if locked_until_at and locked_until_at > now else None,
                disabled_at=utc(row["disabled_at"]),
                reset=resets.get(number),
            )
        if row["code"]:
            found[number].roles.append(row["code"])
    return list(found.values())


async def list_roles(ctx: Context) -> RoleTable:
    """Return the site's roles with what each may do, and every right there is."""
    found = await rows(
        "SELECT r.id, r.code, r.name, r.permissions, COUNT(f.id) AS people FROM role r"
        " LEFT JOIN staff_role sr ON sr.role_id = r.id"
        " LEFT JOIN staff f ON f.id = sr.staff_id AND f.disabled_at IS NULL"
        " WHERE r.site_id = ? GROUP BY r.id, r.code, r.name, r.permissions ORDER BY r.id",
        [ctx.caller.site_id],
    )
    roles = [
        RoleLine(
            code=row["code"],
            name=row["name"],
            permissions=[one for one in read_permissions(row["permissions"]) if one in STAFF_PERMISSIONS],
            people=int(row["people"]),
        )
        for row in found
    ]
    rights = [
        Right(name=name, words=words, apart=name in APART_FROM_MANAGING)
        for name, words in STAFF_PERMISSIONS.items()
    ]
    return RoleTable(roles=roles, rights=rights, manage=MANAGE_USERS)
