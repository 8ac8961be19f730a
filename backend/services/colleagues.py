"""Who may be given an alarm (可指派的人)."""

from msgspec import Struct

from backend.context import Context
from backend.services.permissions import effective, read_permissions
from backend.store import rows

HANDLE = "staff.alarm.handle"

_STAFF_SQL = """
SELECT s.id, s.name, r.name AS role, r.permissions FROM staff s
JOIN staff_role sr ON sr.staff_id = s.id JOIN role r ON r.id = sr.role_id
WHERE s.site_id = ? AND s.disabled_at IS NULL ORDER BY s.name, s.id, r.name"""


class Colleague(Struct, frozen=True, kw_only=True):
    staff_id: str
    name: str
    roles: list[str]
    alarms: int  # Standing ones that are given to them already.


async def list_colleagues(ctx: Context) -> list[Colleague]:
    """Return who sees to alarms in the caller's site, by name."""
    people: dict[int, tuple[str, list[str], set[str]]] = {}
    for row in await rows(_STAFF_SQL, [ctx.caller.site_id]):
        _, roles, granted = people.setdefault(int(row["id"]), (row["name"], [], set()))
        roles.append(row["role"])
        granted.update(read_permissions(row["permissions"]))
    given = {
        int(row["assigned_to"]): int(row["n"])
        for row in await rows(
            "SELECT assigned_to, COUNT(*) AS n FROM alarm"
            " WHERE site_id = ? AND standing_key > '' AND assigned_to IS NOT NULL GROUP BY assigned_to",
            [ctx.caller.site_id],
        )
    }
    return [
        Colleague(staff_id=str(number), name=name, roles=roles, alarms=given.get(number, 0))
        for number, (name, roles, granted) in people.items()
        if HANDLE in effective(granted)
    ]
