"""What waits for a second person (待我审批): every kind of request, told as one list.

A kind says who may decide, what it is called and where it is decided. Deciding stays with each kind's own
operation. A request that has stood for a day can no longer be granted and is not shown.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.services.approvals import STANDS_FOR
from backend.services.staff_names import names_of
from backend.store import rows, some_utc, sql_time
from common.units import yuan_text

KEEP_SUPPLY = "keep_supply"
Row = dict[str, Any]


class ApprovalKind(Struct, frozen=True):
    """One kind of request. `about`: what its object_id names (meter, reason, staff, top_up, tariff)."""

    permission: str
    words: str
    to: str
    about: str = ""


KINDS: Mapping[str, ApprovalKind] = MappingProxyType(
    {
        "change_meter": ApprovalKind("staff.meter.change.approve", "换表", "/files/meter-changes", "meter"),
        "ratio_change": ApprovalKind("staff.ratio.approve", "更改倍率", "/files/ratio-changes", "meter"),
        "lift_emergency": ApprovalKind(
            "staff.restore.emergency_lift", "解除紧急断电", "/shops/{account_id}", "reason"
        ),
        "totp_reset": ApprovalKind("staff.users.approve", "重置动态口令", "/system/users", "staff"),
        "reversal": ApprovalKind(
            "staff.reversal.approve", "冲正", "/counter/receipts?entry={object_id}", "top_up"
        ),
        "tariff_version": ApprovalKind(
            "staff.tariff.approve", "电价版本", "/rules/tariffs/{object_id}", "tariff"
        ),
        KEEP_SUPPLY: ApprovalKind("staff.keep_supply.approve", "保电", "/control/keep-supply"),
    }
)

_STANDING_SQL = """
SELECT p.id, p.kind, COALESCE(d.tariff_id, p.object_id) AS object_id, p.asked_by, p.asked_at, p.reason
FROM approval p LEFT JOIN tariff_draft d ON p.kind = 'tariff_version' AND d.id = p.object_id
WHERE p.site_id = ? AND p.standing_key IS NOT NULL AND p.asked_at > ? ORDER BY p.asked_at, p.id"""
# A wish that nobody answered takes effect and is still to be reviewed.
_WISHES_SQL = """
SELECT k.id, k.asked_by, k.asked_at, k.reason, k.account_id, k.until_at, s.code, s.name
FROM keep_supply k JOIN account a ON a.id = k.account_id JOIN shop s ON s.id = a.shop_id
WHERE a.site_id = ? AND k.approved_by IS NULL AND k.refused_at IS NULL AND k.released_at IS NULL
AND k.until_at > ? ORDER BY k.asked_at, k.id"""
_METERS_SQL = """
SELECT m.id, m.serial, m.place, m.account_id, s.code, s.name FROM meter m
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop s ON s.id = a.shop_id
WHERE m.site_id = ? AND m.id = ?"""
_TOP_UP_SQL = """
SELECT r.number, r.account_id, p.amount_fen, s.code, s.name FROM receipt r
JOIN posting p ON p.entry_id = r.entry_id AND p.amount_fen > 0
JOIN account a ON a.id = r.account_id JOIN shop s ON s.id = a.shop_id
WHERE r.site_id = ? AND r.entry_id = ?"""
_TARIFF_SQL = "SELECT name FROM tariff WHERE site_id = ? AND id = ?"
_REASON_SQL = "SELECT meter_id FROM off_reason WHERE site_id = ? AND id = ?"


class WaitingApproval(Struct, frozen=True, kw_only=True):
    """One request. `approval_id`: for keep-supply of the wish itself. `may_decide`: by the caller."""

    approval_id: str
    kind: str
    words: str
    title: str
    reason: str
    asked_by: str
    asked_at: datetime
    account_id: str | None
    to: str
    may_decide: bool


async def list_waiting(ctx: Context) -> list[WaitingApproval]:
    """Return what the caller may decide on, the oldest first: nobody decides on their own request."""
    return [one for one in await _all_waiting(ctx) if one.may_decide]


async def waiting_for_account(ctx: Context, account_id: int) -> list[WaitingApproval]:
    """Return every request about one account, whoever may decide on it."""
    return [one for one in await _all_waiting(ctx) if one.account_id == str(account_id)]


async def _all_waiting(ctx: Context) -> list[WaitingApproval]:
    now, site_id = ctx.clock.now(), ctx.caller.site_id
    names = await names_of(ctx)
    found: list[WaitingApproval] = []
    for row in await rows(_STANDING_SQL, [site_id, sql_time(now - STANDS_FOR)]):
        kind = KINDS.get(row["kind"])
        if kind is not None:
            title, account_id = await _about(site_id, kind, row, names)
            found.append(_view(ctx, row["kind"], kind, row, title, account_id, names))
    for row in await rows(_WISHES_SQL, [site_id, sql_time(now)]):
        title = f"{row['code']} {row['name']}"
        kind = KINDS[KEEP_SUPPLY]
        found.append(_view(ctx, KEEP_SUPPLY, kind, row, title, row["account_id"], names))
    return sorted(found, key=lambda one: one.asked_at)


def _view(
    ctx: Context,
    name: str,
    kind: ApprovalKind,
    row: Row,
    title: str,
    account_id: int | None,
    names: Mapping[int, str],
) -> WaitingApproval:
    mine = row["asked_by"] == ctx.caller.id
    return WaitingApproval(
        approval_id=str(row["id"]),
        kind=name,
        words=kind.words,
        title=title,
        reason=row["reason"],
        asked_by=names.get(row["asked_by"], ""),
        asked_at=some_utc(row["asked_at"]),
        account_id=None if account_id is None else str(account_id),
        to=kind.to.format(account_id=account_id or "", object_id=row.get("object_id", "")),
        may_decide=not mine and kind.permission in ctx.caller.permissions,
    )


async def _about(
    site_id: int, kind: ApprovalKind, row: Row, names: Mapping[int, str]
) -> tuple[str, int | None]:
    """Name what a request is about, and the account that it belongs to."""
    object_id = int(row["object_id"])
    if kind.about == "staff":
        return names.get(object_id, ""), None
    if kind.about == "top_up":
        return await _about_top_up(site_id, object_id)
    if kind.about == "tariff":
        tariffs = await rows(_TARIFF_SQL, [site_id, object_id])
        return tariffs[0]["name"] if tariffs else "", None
    if kind.about == "reason":
        reasons = await rows(_REASON_SQL, [site_id, object_id])
        object_id = int(reasons[0]["meter_id"]) if reasons else 0
    meters = await rows(_METERS_SQL, [site_id, object_id]) if kind.about else []
    if not meters:
        return kind.words, None
    meter = meters[0]
    shop = f"{meter['code']} {meter['name']}" if meter["code"] else meter["place"]
    return f"{shop} 电表 {meter['serial']}", meter["account_id"]


async def _about_top_up(site_id: int, entry_id: int) -> tuple[str, int | None]:
    (row,) = await rows(_TOP_UP_SQL, [site_id, entry_id])
    amount = yuan_text(int(row["amount_fen"]))
    return f"{row['code']} {row['name']} 充值 {amount} 元（收据 {row['number']}）", row["account_id"]
