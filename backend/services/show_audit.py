"""The audit log as people read it (操作日志): found by person, object, action and time, page by page.

Whoever sees the site's people sees all of it; whoever may read the log without them sees money and their
own; everybody else sees their own alone.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.services.audit import verify_audit
from backend.services.audit_words import object_names, operation_words
from backend.services.staff_names import names_of
from backend.store import rows, some_utc, sql_time

Scope = Literal["all", "money", "own"]
Mark = Literal["money", "breaker", ""]
MOST_EXPORTED = 20_000
# By what an operation's name begins with.
_MONEY = (
    "staff.top_up", "staff.receipt", "staff.reversal", "staff.tariff", "staff.ratio", "staff.reading",
    "staff.account", "staff.policy", "staff.meter.change", "staff.export",
)  # fmt: skip
_BREAKER = (
    "staff.trip", "staff.restore", "staff.keep_supply", "staff.decide_trip", "staff.power_limit",
    "staff.command", "staff.lift", "staff.emergency",
)  # fmt: skip


class AuditQuery(Struct, frozen=True, kw_only=True):
    """What is looked for; empty means any. from_at, to_at: to_at itself is not in it."""

    staff_id: int | None = None
    operation: str = ""
    object: str = ""  # A part of it, e.g. "meter:42" or a number.
    mark: Mark = ""
    from_at: datetime | None = None
    to_at: datetime | None = None


class AuditLine(Struct, frozen=True, kw_only=True):
    record_id: str
    sequence: int
    at: datetime
    actor: str  # Name, or what kind of caller.
    operation: str
    words: str
    mark: Mark
    object: str
    object_name: str  # "" when it has none of its own.
    reason: str
    client_ip: str
    request_id: str
    facts: dict[str, Any]  # What was before and after, as the operation wrote it.


class AuditPage(Struct, frozen=True, kw_only=True):
    scope: Scope
    total: int
    lines: list[AuditLine]


class ChainCheck(Struct, frozen=True, kw_only=True):
    checked_at: datetime
    problems: list[str]  # Empty: every record follows from the one before it.


def scope_of(ctx: Context) -> Scope:
    """Say how much of the log the caller sees."""
    rights = ctx.caller.permissions
    if "staff.audit.view" not in rights:
        return "own"
    return "all" if "staff.users.view" in rights else "money"


async def list_audit(ctx: Context, query: AuditQuery, page: int, size: int) -> AuditPage:
    """Return one page, the newest first, pages counted from 1."""
    scope = scope_of(ctx)
    where, values = _where(ctx, query, scope)
    counted = await rows(f"SELECT COUNT(*) AS total FROM audit_record WHERE {where}", values)
    found = await rows(
        f"SELECT * FROM audit_record WHERE {where} ORDER BY sequence DESC LIMIT ? OFFSET ?",
        [*values, size, (page - 1) * size],
    )
    return AuditPage(scope=scope, total=int(counted[0]["total"]), lines=await _lines(ctx, found))


async def all_audit(ctx: Context, query: AuditQuery) -> list[AuditLine]:
    """Return everything that a query finds, the newest MOST_EXPORTED of it."""
    where, values = _where(ctx, query, scope_of(ctx))
    found = await rows(
        f"SELECT * FROM audit_record WHERE {where} ORDER BY sequence DESC LIMIT ?", [*values, MOST_EXPORTED]
    )
    return await _lines(ctx, found)


async def check_chain(ctx: Context) -> ChainCheck:
    """Follow the site's chain from its first record to its head (链校验)."""
    problems = await verify_audit(ctx.caller.site_id, ctx.settings.ledger_key)
    return ChainCheck(checked_at=ctx.clock.now(), problems=problems)


def mark_of(operation: str) -> Mark:
    """Say whether an operation was about money or about a relay."""
    if operation.startswith(_BREAKER):
        return "breaker"
    return "money" if operation.startswith(_MONEY) else ""


def _where(ctx: Context, query: AuditQuery, scope: Scope) -> tuple[str, list[Any]]:
    parts: list[str] = ["site_id = ?"]
    values: list[Any] = [ctx.caller.site_id]
    if scope == "own":
        parts.append("actor = ?")
        values.append(ctx.caller.actor)
    elif scope == "money":
        parts.append(f"(actor = ? OR {_begins(_MONEY)})")
        values += [ctx.caller.actor, *_likes(_MONEY)]
    if query.staff_id is not None:
        parts.append("actor = ?")
        values.append(f"staff:{query.staff_id}")
    if query.operation:
        parts.append("operation = ?")
        values.append(query.operation)
    if query.object:
        parts.append("object LIKE ?")
        # What people type is no pattern.
        values.append(f"%{query.object.replace('%', '').replace('_', '')}%")
    if query.mark:
        named = _MONEY if query.mark == "money" else _BREAKER
        parts.append(_begins(named))
        values += _likes(named)
    for at, sign in ((query.from_at, ">="), (query.to_at, "<")):
        if at is not None:
            parts.append(f"at {sign} ?")
            values.append(sql_time(at))
    return " AND ".join(parts), values


def _begins(names: tuple[str, ...]) -> str:
    return "(" + " OR ".join("operation LIKE ?" for _ in names) + ")"


def _likes(names: tuple[str, ...]) -> list[str]:
    return [f"{name}%" for name in names]


async def _lines(ctx: Context, found: list[dict[str, Any]]) -> list[AuditLine]:
    staff = await names_of(ctx)
    objects = await object_names(ctx, [row["object"] for row in found])
    roles = await rows("SELECT code, name FROM role WHERE site_id = ?", [ctx.caller.site_id])
    objects |= {f"role:{row['code']}": f"角色 {row['name']}" for row in roles}
    return [
        AuditLine(
            record_id=str(row["id"]),
            sequence=int(row["sequence"]),
            at=some_utc(row["at"]),
            actor=_name(row["actor"], staff),
            operation=row["operation"],
            words=operation_words(row["operation"]),
            mark=mark_of(row["operation"]),
            object=row["object"],
            object_name=objects.get(row["object"]) or _person(row["object"], staff),
            reason=row["reason"],
            client_ip=row["client_ip"],
            request_id=row["request_id"],
            facts=_facts(row["facts"]),
        )
        for row in found
    ]


def _name(actor: str, staff: dict[int, str]) -> str:
    kind, _, number = actor.partition(":")
    if kind == "staff" and number.isdigit():
        return staff.get(int(number), "已不在的人员")
    return {"system": "系统", "tenant": "商户", "collector": "采集服务"}.get(kind, "未登录")


def _person(object_: str, staff: dict[int, str]) -> str:
    kind, _, number = object_.partition(":")
    return staff.get(int(number), "") if kind == "staff" and number.isdigit() else ""


def _facts(text: str) -> dict[str, Any]:
    found = msgspec.json.decode(text or "{}")
    return found if isinstance(found, dict) else {"facts": found}
