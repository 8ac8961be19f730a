"""The workbench's tiles (工作台指标): one number each, or nothing and why, and the list that it counts."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.services.approval_inbox import list_waiting
from backend.services.board_rows import BoardRow
from backend.store import rows, sql_time
from common.clock import local, local_midnight
from common.wire import Relay

SOON_DAYS = 1.0
OFF = frozenset({Relay.OFF.value, Relay.PERMITTED.value})

_TOP_UPS_SQL = """
SELECT e.id, e.facts, -p.amount_fen AS amount_fen FROM entry e JOIN posting p ON p.entry_id = e.id
WHERE e.site_id = ? AND e.kind = 'TOP_UP' AND e.booked_at >= ? AND p.ledger_account LIKE ?
AND p.ledger_account <> 'channel:practice'"""
_ALARMS_SQL = """
SELECT COUNT(*) AS n FROM alarm WHERE standing_key > '' AND site_id = ? AND root_id IS NULL
AND acknowledged_at IS NULL AND (snoozed_until_at IS NULL OR snoozed_until_at <= ?)"""
_ORDERS_SQL = """
SELECT COUNT(*) AS n FROM supply_order WHERE site_id = ? AND ended_at IS NULL"""

_HOURS_SQL = """
SELECT u.hour_at_ms, SUM(u.energy_wh) AS energy_wh FROM usage_hour u JOIN meter m ON m.id = u.meter_id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop s ON s.id = a.shop_id
WHERE m.site_id = ? AND u.hour_at_ms >= ? AND (s.practice IS NULL OR s.practice = 0)
GROUP BY u.hour_at_ms"""


class Tile(Struct, frozen=True, kw_only=True):
    """One number. `value` None: not known, and `why` says why. `to`: the list that it counts.

    unit: "fen", "wh" or "count". `compare`: the same a day before; `note`: what else must be known.
    """

    key: str
    value: int | None
    unit: str
    why: str | None = None
    count: int | None = None  # Of payments.
    compare: int | None = None
    note: str | None = None
    to: str


class HourUse(Struct, frozen=True, kw_only=True):
    """Energy of the site in one local hour of today and of yesterday; None: nothing was read."""

    hour: int
    today_wh: int | None
    yesterday_wh: int | None


async def tiles_of(ctx: Context, board: Sequence[BoardRow], hours: Sequence[HourUse]) -> list[Tile]:
    """Return the tiles that the caller's rights give something to do about, in their fixed order."""
    may = ctx.caller.permissions
    tiles: list[Tile] = []
    if "staff.report.sales" in may or "staff.report.own" in may:
        tiles.append(await _top_ups(ctx, own="staff.report.sales" not in may))
    if "staff.board" in may:
        tiles += [_energy(ctx.clock.now(), hours), *_shops(board), _offline(board), await _alarms(ctx)]
    if "staff.command.view" in may:
        tiles.append(await _orders(ctx))
    waiting = await list_waiting(ctx)
    tiles.append(Tile(key="approvals", value=len(waiting), unit="count", to="/"))
    return tiles


async def _top_ups(ctx: Context, *, own: bool) -> Tile:
    """Sum what came in today by the ledger; a cashier's own tile counts what the cashier took."""
    midnight = local_midnight(local(ctx.clock.now()).date())
    found = await rows(_TOP_UPS_SQL, [ctx.caller.site_id, sql_time(midnight), "channel:%"])
    if own:
        found = [row for row in found if _taken_by(row) == str(ctx.caller.id)]
    return Tile(
        key="own_top_ups" if own else "top_ups",
        value=sum(int(row["amount_fen"]) for row in found),
        count=len(found),
        unit="fen",
        to="/reports/sales-by-day",
    )


def _taken_by(row: dict[str, Any]) -> str:
    facts: dict[str, Any] = msgspec.json.decode(row["facts"] or "{}")
    return str(facts.get("staff_id") or "")


def _energy(now: datetime, hours: Sequence[HourUse]) -> Tile:
    """Compare today's energy so far with yesterday's up to the same minute, the running hour by time."""
    here = local(now)
    today = [hour.today_wh for hour in hours if hour.today_wh is not None]
    past = [hour.yesterday_wh for hour in hours if hour.hour < here.hour and hour.yesterday_wh is not None]
    running = next((hour.yesterday_wh for hour in hours if hour.hour == here.hour), None)
    compare = None
    if past or running is not None:
        compare = sum(past) + (running or 0) * here.minute // 60
    return Tile(
        key="energy",
        value=sum(today) if today else None,
        unit="wh",
        why=None if today else "今天还没有抄表数据",
        compare=compare,
        note=None if compare is not None else "昨日没有抄表数据",
        to="/reports/shops",
    )


def _shops(board: Sequence[BoardRow]) -> list[Tile]:
    by_account = accounts_of(board)
    off = sum(is_off(mine) for mine in by_account.values())
    soon = sum(runs_out_soon(mine) for mine in by_account.values())
    unknown = sum(mine[0].days_left is None and not mine[0].in_arrears for mine in by_account.values())
    why = None if by_account else "还没有开户的商铺"
    note = f"另有 {unknown} 户可用天数未知" if unknown else None
    return [
        Tile(
            key="soon",
            value=soon if by_account else None,
            unit="count",
            why=why,
            note=note,
            to="/board?state=urgent",
        ),
        Tile(key="off", value=off if by_account else None, unit="count", why=why, to="/board?state=tripped"),
    ]


def _offline(board: Sequence[BoardRow]) -> Tile:
    silent = sum(row.silent_since_at is not None for row in board)
    never = sum(row.shown_at is None for row in board)
    return Tile(
        key="offline",
        value=silent if board else None,
        unit="count",
        why=None if board else "还没有电表",
        note=f"另有 {never} 块从未抄到" if never else None,
        to="/board?state=offline",
    )


async def _alarms(ctx: Context) -> Tile:
    (row,) = await rows(_ALARMS_SQL, [ctx.caller.site_id, sql_time(ctx.clock.now())])
    return Tile(key="alarms", value=int(row["n"]), unit="count", to="/alarms")


async def _orders(ctx: Context) -> Tile:
    (row,) = await rows(_ORDERS_SQL, [ctx.caller.site_id])
    return Tile(key="orders", value=int(row["n"]), unit="count", to="/control/commands")


def accounts_of(board: Iterable[BoardRow]) -> dict[str, list[BoardRow]]:
    """Gather the board's rows by account; public meters belong to none."""
    found: dict[str, list[BoardRow]] = {}
    for row in board:
        if row.account_id is not None:
            found.setdefault(row.account_id, []).append(row)
    return found


def is_off(mine: Sequence[BoardRow]) -> bool:
    """Say whether a meter of the shop last said that its contact is open."""
    return any(row.relay in OFF for row in mine)


def runs_out_soon(mine: Sequence[BoardRow]) -> bool:
    """Say whether a shop that is still on has money for a day at most."""
    days = mine[0].days_left
    return not is_off(mine) and (mine[0].in_arrears or (days is not None and days <= SOON_DAYS))


async def hours_of(ctx: Context) -> list[HourUse]:
    """Return the site's energy by hour, today and yesterday: all its meters but the practice shop's."""
    now = ctx.clock.now()
    midnight = local_midnight(local(now).date())
    before = midnight - timedelta(days=1)
    found = await rows(_HOURS_SQL, [ctx.caller.site_id, round(before.timestamp() * 1000)])
    by_ms = {int(row["hour_at_ms"]): int(row["energy_wh"]) for row in found}

    def use(start: datetime, hour: int) -> int | None:
        return by_ms.get(round((start + timedelta(hours=hour)).timestamp() * 1000))

    return [
        HourUse(hour=hour, today_wh=use(midnight, hour), yesterday_wh=use(before, hour)) for hour in range(24)
    ]
