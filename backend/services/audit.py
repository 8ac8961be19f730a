"""The audit log (操作日志): one chain of HMACs a site, so that an edit or a cut tail is found.

The key is the ledger's and stands outside the database. What belongs to no site has a chain of its own.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.models.audit import AuditHead, AuditRecord
from backend.store import rows, run, some_utc, upsert_sql

STEP_UP = "staff.step_up"
# Below every id that we make. Not 0, which MariaDB takes in a key as a wish for the next number.
NO_SITE = 1
_AT_ONCE = 1_000
_WIDTHS = {"actor": 64, "operation": 64, "object": 96, "reason": 200, "request_id": 64, "client_ip": 64}


class Anchor(Struct, frozen=True):
    """The end of a chain as it was kept outside the database (链头)."""

    site_id: int
    count: int
    hmac: str


def _link(key: bytes, before: str, row: Mapping[str, Any], at: datetime) -> str:
    content = [
        before,
        int(row["id"]),
        int(row["site_id"]),
        int(row["sequence"]),
        at.isoformat(timespec="microseconds"),
        *(row[name] for name in (*_WIDTHS, "facts")),
    ]
    return hmac.new(key, msgspec.json.encode(content), hashlib.sha256).hexdigest()


async def record(
    ctx: Context,
    operation: str,
    object_: str = "",
    *,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
    site_id: int | None = None,
) -> None:
    """Add a record to the caller's site's chain.

    Called inside the caller's unit of work, as its last write: the head row stays locked to its end.
    object_: "<kind>:<id>", e.g. "meter:42". facts: what JSON can hold; no secrets.
    site_id: for callers that belong to no site themselves (tenants, jobs).
    """
    site = (ctx.caller.site_id if site_id is None else site_id) or NO_SITE
    head = await _locked_head(site)
    at = ctx.clock.now()
    row: dict[str, Any] = {
        "id": ctx.ids.new(),
        "site_id": site,
        "sequence": head.count + 1,
        "actor": ctx.caller.actor,
        "operation": operation,
        "object": object_,
        "reason": reason,
        "request_id": ctx.request_id,
        "client_ip": ctx.client_ip,
        "facts": msgspec.json.encode(facts or {}, order="deterministic").decode(),
    }
    row.update({name: row[name][:width] for name, width in _WIDTHS.items()})
    link = _link(ctx.settings.ledger_key, head.hmac, row, at)
    await AuditRecord.create(**row, at=at, hmac=link)
    await run("UPDATE audit_head SET count = ?, hmac = ? WHERE site_id = ?", [row["sequence"], link, site])


async def _locked_head(site_id: int) -> AuditHead:
    head = await AuditHead.filter(site_id=site_id).select_for_update().first()
    if head is None:
        # Two first records at once: the second one's insert waits for the first and changes nothing.
        sql = upsert_sql("audit_head", ["site_id", "count", "hmac"], ["site_id"], keep=["count", "hmac"])
        await run(sql, [site_id, 0, ""])
        head = await AuditHead.filter(site_id=site_id).select_for_update().get()
    return head


async def left_record(ctx: Context, since: datetime | None = None) -> bool:
    """Say whether this request left a record of what it did; a second factor alone is none."""
    query = AuditRecord.filter(request_id=ctx.request_id, actor=ctx.caller.actor).exclude(operation=STEP_UP)
    return await (query.filter(at__gte=since) if since else query).exists()


async def audit_heads() -> list[Anchor]:
    """Return the ends of all chains, to be kept outside the database (每日导出)."""
    return [
        Anchor(int(row["site_id"]), int(row["count"]), row["hmac"])
        for row in await rows("SELECT site_id, count, hmac FROM audit_head ORDER BY site_id")
    ]


async def verify_audit(site_id: int, key: bytes, anchors: Iterable[Anchor] = ()) -> list[str]:
    """Return what is wrong with a site's chain, in Chinese; an empty list when all is well.

    anchors: ends kept outside the database. They alone find a tail that was cut together with its head.
    """
    known = {anchor.count: anchor.hmac for anchor in anchors if anchor.site_id == site_id and anchor.count}
    problems: list[str] = []
    before, last = "", 0
    while True:
        found = await rows(
            "SELECT * FROM audit_record WHERE site_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            [site_id, last, _AT_ONCE],
        )
        if not found:
            break
        for row in found:
            sequence = int(row["sequence"])
            if sequence != last + 1:
                problems.append(f"操作日志缺少第 {last + 1} 至 {sequence - 1} 条")
            elif _link(key, before, row, some_utc(row["at"])) != row["hmac"]:
                problems.append(f"操作日志第 {sequence} 条被改动")
            if known.pop(sequence, row["hmac"]) != row["hmac"]:
                problems.append(f"操作日志第 {sequence} 条与导出的链头不符")
            before, last = row["hmac"], sequence
    return [*problems, *await _tail(site_id, before, last), *(_cut(count) for count in sorted(known))]


async def _tail(site_id: int, before: str, last: int) -> list[str]:
    head = await AuditHead.get_or_none(site_id=site_id)
    if head is None:
        return [f"操作日志的链头缺失，共有 {last} 条"] if last else []
    if head.count != last:
        return [f"操作日志应有 {head.count} 条，只到第 {last} 条"]
    return ["操作日志的链头与最后一条不符"] if head.hmac != before else []


def _cut(count: int) -> str:
    return f"操作日志曾有 {count} 条（见导出的链头），现已不在"


async def verify_audits(key: bytes, anchors: Iterable[Anchor] = ()) -> list[str]:
    """Return what is wrong with the chains of all sites, each line beginning with its site."""
    kept = list(anchors)
    sites = {int(row["site_id"]) for row in await rows("SELECT DISTINCT site_id FROM audit_record")}
    sites |= {head.site_id for head in await audit_heads()} | {anchor.site_id for anchor in kept}
    return [
        f"{'不属于站点的记录' if site_id == NO_SITE else f'站点 {site_id}'}：{problem}"
        for site_id in sorted(sites)
        for problem in await verify_audit(site_id, key, kept)
    ]
