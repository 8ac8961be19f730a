"""The board (监控看板): every meter of the site in one query, and what changed since."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.balances import days_left, estimate
from backend.services.authenticate import is_still_allowed
from backend.services.show_alarms import AlarmMark, marks_of
from backend.store import rows, some_utc, utc
from common.units import Fen, Nanoyuan

PERMISSION = "staff.board"
STREAM_PAUSE_S = 1.0  # Changes are gathered for this long.
# Rights are asked for again this often, pauses included: within 5 s a stream without them has ended.
RECHECK_S = 4.5
STREAM_BEAT_S = 15.0
_REREAD_WHILE_DOWN_S = 1.0
Row = dict[str, Any]

_SQL = """
SELECT m.id AS meter_id, m.serial, m.unit, m.kind, m.place, m.account_id, m.profile,
       l.code AS line, sf.code AS shaft, sf.name AS shaft_name,
       sh.code AS shop_code, sh.name AS shop_name, sh.floor,
       a.settled_fen, a.carried_nano, a.overdraft_fen, a.mean_daily_nano, a.in_arrears, a.armed, a.level,
       a.power_limit_w, pw.state AS power_state,
       st.read_at, st.shown_at, st.register_wh, st.power_w, st.relay, st.relay_at, st.quarantined_at,
       st.silent_since_at,
       su.desired, su.generation, su.verified_generation, su.stage, su.stage_at, su.desired_at, su.holds
FROM meter m
JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id JOIN shaft sf ON sf.id = g.shaft_id
JOIN meter_state st ON st.meter_id = m.id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop sh ON sh.id = a.shop_id
LEFT JOIN supply su ON su.meter_id = m.id LEFT JOIN power_watch pw ON pw.meter_id = m.id
WHERE m.site_id = ? AND m.retired_at IS NULL ORDER BY sf.code, l.code, m.unit"""

# Of an account with several meters each row shows the account's balance.
_ACCRUED_SQL = """
SELECT account_id, SUM(accrued_nano) AS accrued_nano, MIN(read_at) AS read_at,
       COUNT(*) - COUNT(read_at) AS unread
FROM meter_state WHERE site_id = ? AND account_id IS NOT NULL GROUP BY account_id"""


class BoardRow(Struct, frozen=True, kw_only=True):
    """One meter on the board. Times are UTC; None is unknown, never "ok"."""

    meter_id: str
    serial: str
    kind: str
    shaft: str
    shaft_name: str
    line: str
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


class Board(Struct, frozen=True, kw_only=True):
    """All rows, or those that changed. `alarms`: with all rows alone, what stands by id and version."""

    at: datetime
    rows: list[BoardRow]
    alarms: list[AlarmMark] | None = None


class Alarms(Struct, frozen=True, kw_only=True):
    """What stands now, the whole of it: whoever missed one event is right again with the next."""

    at: datetime
    alarms: list[AlarmMark]


async def show_board(ctx: Context) -> Board:
    """Return every meter of the caller's site as it stands."""
    now = ctx.clock.now()
    site_id = ctx.caller.site_id
    reasons: dict[int, list[str]] = {}
    for row in await rows(
        "SELECT meter_id, reason FROM off_reason WHERE site_id = ? AND standing_key IS NOT NULL"
        " ORDER BY reason",
        [site_id],
    ):
        reasons.setdefault(row["meter_id"], []).append(row["reason"])
    kept = {
        row["account_id"]: some_utc(row["until_at"])
        for row in await rows(
            "SELECT k.account_id, k.until_at FROM keep_supply k JOIN account a ON a.id = k.account_id"
            " WHERE a.site_id = ? AND k.effective_at IS NOT NULL AND k.released_at IS NULL",
            [site_id],
        )
        if some_utc(row["until_at"]) > now
    }
    accrued = {row["account_id"]: row for row in await rows(_ACCRUED_SQL, [site_id])}
    board = []
    for row in await rows(_SQL, [site_id]):
        estimated, days = _balance(row, accrued.get(row["account_id"], {}), now)
        board.append(
            BoardRow(
                meter_id=str(row["meter_id"]),
                serial=row["serial"],
                kind=row["kind"],
                shaft=row["shaft"],
                shaft_name=row["shaft_name"],
                line=row["line"],
                unit=row["unit"],
                place=row["place"],
                account_id=str(row["account_id"]) if row["account_id"] else None,
                shop_code=row["shop_code"],
                shop_name=row["shop_name"],
                floor=row["floor"],
                settled_fen=row["settled_fen"],
                estimated_fen=estimated,
                days_left=days,
                in_arrears=bool(row["in_arrears"]),
                armed=bool(row["armed"]),
                level=row["level"] or 0,
                read_at=utc(row["read_at"]),
                shown_at=utc(row["shown_at"]),
                register_wh=row["register_wh"],
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
                keep_supply_until=kept.get(row["account_id"]),
                off_reasons=reasons.get(row["meter_id"], []),
                power_limit_w=row["power_limit_w"],
                power_state=row["power_state"],
            )
        )
    return Board(at=now, rows=board)


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


async def stream_board(ctx: Context) -> AsyncIterator[str]:
    """Yield server-sent events: the whole board, then each second the rows that changed (实时推送).

    Events: "board" (all rows and alarm marks), "rows" (changed rows), "alarms" (the marks, when one of
    them changed), "beat" (server time; the data are still live).
    Ends when the caller has signed out or lost the right to see it.
    """
    topic = f"live:{ctx.caller.site_id}"
    sent: dict[str, BoardRow] = {}
    marked: list[AlarmMark] = []
    last_beat = ctx.clock.monotonic()
    while True:
        ticket = ctx.wakes.ticket(topic)
        if not await is_still_allowed(ctx, PERMISSION):
            return
        board = await show_board(ctx)
        marks = await marks_of(ctx.caller.site_id or 0)
        changed = [row for row in board.rows if sent.get(row.meter_id) != row]
        events = []
        if not sent or len(changed) > len(board.rows) // 2:
            events.append(_event("board", Board(at=board.at, rows=board.rows, alarms=marks)))
        else:
            if changed:
                events.append(_event("rows", Board(at=board.at, rows=changed)))
            if marks != marked:
                events.append(_event("alarms", Alarms(at=board.at, alarms=marks)))
        if not events and ctx.clock.monotonic() - last_beat > STREAM_BEAT_S:
            events.append(_event("beat", {"at": board.at}))
        for event in events:
            yield event
            last_beat = ctx.clock.monotonic()
        marked = marks
        sent = {row.meter_id: row for row in board.rows}
        await ctx.clock.sleep(STREAM_PAUSE_S)
        longest_s = RECHECK_S - STREAM_PAUSE_S
        await ctx.wakes.wait(topic, ticket, min(longest_s, ctx.wakes.reread_s(_REREAD_WHILE_DOWN_S)))


def _event(name: str, value: object) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode(value).decode()}\n\n"
