"""What of the first steps is done (上手清单), as the database tells: by one's own hand, or on the site."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.services.permissions import MANAGE_USERS, SEEDED_ROLES, effective, read_permissions
from backend.services.show_calendar import show_calendar
from backend.store import rows
from common.clock import local

_PRACTICE_SQL = """
SELECT a.id FROM account a JOIN shop s ON s.id = a.shop_id
WHERE a.site_id = ? AND s.practice = 1 AND a.closed_at IS NULL"""
_PEOPLE_SQL = """
SELECT f.id, r.code, r.permissions FROM staff f
JOIN staff_role sr ON sr.staff_id = f.id JOIN role r ON r.id = sr.role_id
WHERE f.site_id = ? AND f.disabled_at IS NULL"""

_OWN_PRACTICE_SQL = """
SELECT 1 FROM receipt r JOIN posting p ON p.entry_id = r.entry_id
WHERE r.site_id = ? AND r.staff_id = ? AND p.ledger_account = 'channel:practice' LIMIT 1"""
_OWN_PRINT_SQL = """
SELECT 1 FROM audit_record WHERE site_id = ? AND actor = ? AND operation = 'staff.receipt.print' LIMIT 1"""
_OWN_READ_SQL = """
SELECT 1 FROM read_request WHERE site_id = ? AND asked_by = ? AND answered_at IS NOT NULL LIMIT 1"""
_OWN_ALARM_SQL = "SELECT 1 FROM alarm WHERE site_id = ? AND acknowledged_by = ? LIMIT 1"
_OWN_EXPORT_SQL = """
SELECT 1 FROM export_job WHERE site_id = ? AND asked_by = ? AND state IN ('done', 'expired') LIMIT 1"""
_OWN_DRAFT_SQL = "SELECT 1 FROM tariff_draft WHERE site_id = ? AND made_by = ? LIMIT 1"
_OWN_DECISION_SQL = """
SELECT 1 FROM approval WHERE site_id = ? AND decided_by = ? LIMIT 1"""
_OWN_KEEP_SQL = """
SELECT 1 FROM keep_supply k JOIN account a ON a.id = k.account_id
WHERE a.site_id = ? AND k.approved_by = ? LIMIT 1"""
_POLICY_SQL = "SELECT 1 FROM policy_change WHERE site_id = ? LIMIT 1"
_LINE_SQL = """
SELECT 1 FROM line l JOIN gateway g ON g.id = l.gateway_id AND g.removed_at IS NULL
JOIN shaft s ON s.id = g.shaft_id AND s.removed_at IS NULL
WHERE l.site_id = ? AND l.removed_at IS NULL LIMIT 1"""
_METER_SQL = "SELECT 1 FROM meter WHERE site_id = ? AND retired_at IS NULL LIMIT 1"
_SILENT_LINE_SQL = """
SELECT 1 FROM line l WHERE l.site_id = ? AND l.removed_at IS NULL AND NOT EXISTS (
SELECT 1 FROM meter m JOIN meter_state t ON t.meter_id = m.id WHERE m.line_id = l.id AND m.retired_at IS NULL
AND t.shown_at IS NOT NULL) LIMIT 1"""


class SiteFacts(Struct, frozen=True, kw_only=True):
    """practice_id: the practice shop's account. missing_roles: names of roles that nobody holds."""

    practice_id: str | None
    missing_roles: tuple[str, ...]
    administrators: int
    approvers: int


async def site_facts(ctx: Context) -> SiteFacts:
    site_id = ctx.caller.site_id
    practice = await rows(_PRACTICE_SQL, [site_id])
    people = await rows(_PEOPLE_SQL, [site_id])
    rights: dict[int, set[str]] = {}
    for row in people:
        rights.setdefault(row["id"], set()).update(read_permissions(row["permissions"]))
    held = [effective(mine) for mine in rights.values()]
    taken = {row["code"] for row in people}
    return SiteFacts(
        practice_id=str(practice[0]["id"]) if practice else None,
        missing_roles=tuple(role.name for role in SEEDED_ROLES if role.code not in taken),
        administrators=sum(MANAGE_USERS in mine for mine in held),
        approvers=sum("staff.reversal.approve" in mine for mine in held),
    )


Fact = Callable[[Context, SiteFacts], Awaitable[bool]]


async def _is_there(sql: str, values: Sequence[Any]) -> bool:
    return bool(await rows(sql, values))


def _own(sql: str) -> Fact:
    return lambda ctx, _: _is_there(sql, [ctx.caller.site_id, ctx.caller.id])


def _of_site(sql: str) -> Fact:
    return lambda ctx, _: _is_there(sql, [ctx.caller.site_id])


async def _printed(ctx: Context, _: SiteFacts) -> bool:
    return await _is_there(_OWN_PRINT_SQL, [ctx.caller.site_id, ctx.caller.actor])


async def _decided(ctx: Context, _: SiteFacts) -> bool:
    mine = [ctx.caller.site_id, ctx.caller.id]
    return await _is_there(_OWN_DECISION_SQL, mine) or await _is_there(_OWN_KEEP_SQL, mine)


async def _lines_answer(ctx: Context, _: SiteFacts) -> bool:
    mine = [ctx.caller.site_id]
    return await _is_there(_LINE_SQL, mine) and not await _is_there(_SILENT_LINE_SQL, mine)


async def _year_set(ctx: Context, _: SiteFacts) -> bool:
    calendar = await show_calendar(ctx, local(ctx.clock.now()).year)
    return calendar.official or calendar.entered


async def _practice(_: Context, facts: SiteFacts) -> bool:
    return facts.practice_id is not None


async def _two_approvers(_: Context, facts: SiteFacts) -> bool:
    return facts.approvers >= 2


async def _every_role(_: Context, facts: SiteFacts) -> bool:
    return not facts.missing_roles


async def _two_administrators(_: Context, facts: SiteFacts) -> bool:
    return facts.administrators >= 2


# What is not here, no fact tells: the page ticks it once the person has been there.
FACTS: Mapping[str, Fact] = MappingProxyType(
    {
        "practice_top_up": _own(_OWN_PRACTICE_SQL),
        "own_print": _printed,
        "own_read": _own(_OWN_READ_SQL),
        "own_alarm": _own(_OWN_ALARM_SQL),
        "own_export": _own(_OWN_EXPORT_SQL),
        "own_draft": _own(_OWN_DRAFT_SQL),
        "own_decision": _decided,
        "policy_set": _of_site(_POLICY_SQL),
        "practice_shop": _practice,
        "two_approvers": _two_approvers,
        "year_set": _year_set,
        "every_role": _every_role,
        "two_administrators": _two_administrators,
        "shafts_built": _of_site(_LINE_SQL),
        "meters_built": _of_site(_METER_SQL),
        "lines_answer": _lines_answer,
    }
)
