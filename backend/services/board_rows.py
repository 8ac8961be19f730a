"""What the board shows of every meter of a site (看板数据), in a handful of queries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from backend.domain.balances import days_left, estimate
from backend.services.show_usage import day_number
from backend.store import rows, some_utc, utc
from common.clock import local, local_midnight
from common.units import Fen, Nanoyuan

Row = Mapping[str, Any]

_SQL = """
SELECT m.id AS meter_id, m.serial, m.unit, m.kind, m.place, m.account_id,
       l.id AS line_id, l.code AS line, sf.code AS shaft, sf.name AS shaft_name,
       sh.code AS shop_code, sh.name AS shop_name, sh.floor,
       a.settled_fen, a.carried_nano, a.overdraft_fen, a.mean_daily_nano, a.in_arrears, a.armed, a.level,
       a.power_limit_w, pw.state AS power_state,
       st.read_at, st.shown_at, st.register_wh, st.power_w, st.relay, st.relay_at, st.quarantined_at,
       st.silent_since_at, ud.energy_wh AS today_wh,
       su.desired, su.generation, su.verified_generation, su.stage, su.stage_at, su.desired_at, su.holds
FROM meter m
JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id JOIN shaft sf ON sf.id = g.shaft_id
JOIN meter_state st ON st.meter_id = m.id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop sh ON sh.id = a.shop_id
LEFT JOIN supply su ON su.meter_id = m.id LEFT JOIN power_watch pw ON pw.meter_id = m.id
LEFT JOIN usage_day ud ON ud.meter_id = m.id AND ud.day = ?
WHERE m.site_id = ? AND m.retired_at IS NULL AND (sh.practice IS NULL OR sh.practice = 0)
ORDER BY sf.code, l.code, m.unit"""

# Of an account with several meters each row shows the account's balance.
_ACCRUED_SQL = """
SELECT account_id, SUM(accrued_nano) AS accrued_nano, MIN(read_at) AS read_at,
       COUNT(*) - COUNT(read_at) AS unread
FROM meter_state WHERE site_id = ? AND account_id IS NOT NULL GROUP BY account_id"""

_REASONS_SQL = """
SELECT meter_id, reason FROM off_reason WHERE site_id = ? AND standing_key IS NOT NULL ORDER BY reason"""

_KEPT_SQL = """
SELECT k.account_id, k.until_at FROM keep_supply k JOIN account a ON a.id = k.account_id
WHERE a.site_id = ? AND k.effective_at IS NOT NULL AND k.released_at IS NULL ORDER BY k.until_at"""

_PHONES_SQL = """
SELECT c.account_id, c.phone FROM contact c JOIN account a ON a.id = c.account_id
WHERE a.site_id = ? AND c.removed_at IS NULL ORDER BY c.verified_at IS NULL DESC, c.id DESC"""


class BoardRow(Struct, frozen=True, kw_only=True):
    """One meter on the board. Times are UTC; None is unknown, never "ok"."""

    meter_id: str
    serial: str
    kind: str
    shaft: str
    shaft_name: str
    line: str
    line_id: str
    unit: int
    place: str
    account_id: str | None
    shop_code: str | None
    shop_name: str | None
    floor: str | None
    settled_fen: int | None
    estimated_fen: int | None
    days_left: float | None
    in_arrears: bool
    armed: bool
    level: int
    read_at: datetime | None  # Of the newest accepted register: what the balance rests on.
    shown_at: datetime | None  # Of the newest reading of all: how old power and relay are.
    register_wh: int | None
    today_wh: int | None  # Since local midnight, up to read_at; None: not read today.
    power_w: int | None
    relay: str
    relay_at: datetime | None
    desired: str | None
    generation: int
    verified: bool
    stage: str | None
    desired_at: datetime | None
    holds: list[str]
    quarantined: bool
    silent_since_at: datetime | None
    keep_supply_until: datetime | None
    off_reasons: list[str]
    power_limit_w: int | None
    power_state: str | None  # domain.power_limit.PowerState; None: never over its limit.


async def board_rows(site_id: int, now: datetime) -> list[BoardRow]:
    """Return every meter of a site as it stands, by shaft and line. The practice shop is left out."""
    reasons: dict[int, list[str]] = {}
    for row in await rows(_REASONS_SQL, [site_id]):
        reasons.setdefault(row["meter_id"], []).append(row["reason"])
    kept = {row["account_id"]: some_utc(row["until_at"]) for row in await rows(_KEPT_SQL, [site_id])}
    accrued = {row["account_id"]: row for row in await rows(_ACCRUED_SQL, [site_id])}
    today = local(now).date()
    midnight = local_midnight(today)
    found = []
    for row in await rows(_SQL, [day_number(today), site_id]):
        until_at = kept.get(row["account_id"])
        found.append(
            _board_row(
                row,
                balance=_balance(row, accrued.get(row["account_id"], {}), now),
                kept_until=until_at if until_at is not None and until_at > now else None,
                reasons=reasons.get(row["meter_id"], []),
                midnight=midnight,
            )
        )
    return found


def _board_row(
    row: Row,
    *,
    balance: tuple[int | None, float | None],
    kept_until: datetime | None,
    reasons: list[str],
    midnight: datetime,
) -> BoardRow:
    read_at = utc(row["read_at"])
    is_read_today = read_at is not None and read_at >= midnight
    return BoardRow(
        meter_id=str(row["meter_id"]),
        serial=row["serial"],
        kind=row["kind"],
        shaft=row["shaft"],
        shaft_name=row["shaft_name"],
        line=row["line"],
        line_id=str(row["line_id"]),
        unit=row["unit"],
        place=row["place"],
        account_id=str(row["account_id"]) if row["account_id"] else None,
        shop_code=row["shop_code"],
        shop_name=row["shop_name"],
        floor=row["floor"],
        settled_fen=row["settled_fen"],
        estimated_fen=balance[0],
        days_left=balance[1],
        in_arrears=bool(row["in_arrears"]),
        armed=bool(row["armed"]),
        level=row["level"] or 0,
        read_at=read_at,
        shown_at=utc(row["shown_at"]),
        register_wh=row["register_wh"],
        today_wh=int(row["today_wh"] or 0) if is_read_today else None,
        power_w=row["power_w"],
        relay=row["relay"],
        relay_at=utc(row["relay_at"]),
        desired=row["desired"],
        generation=row["generation"] or 0,
        verified=row["generation"] is not None and row["generation"] == row["verified_generation"],
        stage=row["stage"],
        desired_at=utc(row["desired_at"]),
        holds=msgspec.json.decode(row["holds"] or "[]", type=list[str]),
        quarantined=row["quarantined_at"] is not None,
        silent_since_at=utc(row["silent_since_at"]),
        keep_supply_until=kept_until,
        off_reasons=reasons,
        power_limit_w=row["power_limit_w"],
        power_state=row["power_state"],
    )


def _balance(row: Row, accrued: Row, now: datetime) -> tuple[int | None, float | None]:
    """Return the estimate and the days left of a row's account; unknown while a meter was never read."""
    if row["settled_fen"] is None or not accrued or accrued["unread"]:
        return None, None
    estimated = estimate(
        Fen(int(row["settled_fen"])),
        Nanoyuan(int(row["carried_nano"])),
        Nanoyuan(int(accrued["accrued_nano"])),
    )
    mean = None if row["mean_daily_nano"] is None else Nanoyuan(int(row["mean_daily_nano"]))
    return estimated, days_left(estimated, Fen(int(row["overdraft_fen"])), mean, utc(accrued["read_at"]), now)


async def contact_phones(site_id: int) -> dict[str, str]:
    """Return the phone of each account's contact, a verified one first (联系电话)."""
    return {str(row["account_id"]): row["phone"] for row in await rows(_PHONES_SQL, [site_id])}
