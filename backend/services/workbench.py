"""What needs a person today (工作台): tiles, shops running out, today's curve, shafts, own last actions."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.services.audit_words import object_names, operation_words
from backend.services.board_lines import BoardLine, board_lines
from backend.services.board_rows import BoardRow, board_rows, contact_phones
from backend.services.workbench_tiles import HourUse, Tile, accounts_of, hours_of, is_off, tiles_of
from backend.store import rows, some_utc, utc
from backend.store_rows import marks

MOST_SHOPS = 10
MOST_ACTIONS = 10

_NOTICES_SQL = """
SELECT n.account_id, n.made_at, n.delivered_at, n.exhausted_at FROM notice n
JOIN (SELECT account_id, MAX(id) AS id FROM notice WHERE account_id IN ({marks}) GROUP BY account_id) newest
  ON newest.id = n.id"""
_ACTIONS_SQL = """
SELECT id, at, operation, object, reason FROM audit_record WHERE site_id = ? AND actor = ?
AND operation NOT IN ('staff.sign_in', 'staff.demo_sign_in', 'staff.sign_out', 'staff.step_up')
ORDER BY id DESC LIMIT ?"""


class RunningOut(Struct, frozen=True, kw_only=True):
    """A shop that is still on and whose money ends soonest. `phone`: for whoever may see it."""

    account_id: str
    shop_code: str
    shop_name: str
    floor: str
    estimated_fen: int | None
    days_left: float | None
    in_arrears: bool
    phone: str | None
    told_at: datetime | None  # When it was last sent a message.
    told: str | None  # "delivered", "under_way" or "unreached".


class Action(Struct, frozen=True, kw_only=True):
    at: datetime
    operation: str
    words: str
    object: str
    reason: str


class WorkGateway(Struct, frozen=True, kw_only=True):
    gateway_id: str
    name: str
    state: str  # "well", or the worst of its lines.
    since_at: datetime | None


class WorkShaft(Struct, frozen=True, kw_only=True):
    """One shaft: how many of its meters are heard, and its gateways."""

    code: str
    name: str
    meters: int
    silent: int
    newest_at: datetime | None  # The newest value of any of its meters.
    gateways: list[WorkGateway]


class Workbench(Struct, frozen=True, kw_only=True):
    """Lists that the caller has no right to are None."""

    at: datetime
    tiles: list[Tile]
    running_out: list[RunningOut] | None
    hours: list[HourUse] | None
    shafts: list[WorkShaft] | None
    actions: list[Action]


async def show_workbench(ctx: Context) -> Workbench:
    """Return the caller's workbench: what each right of the caller gives something to do about."""
    now, may = ctx.clock.now(), ctx.caller.permissions
    board = await board_rows(ctx.caller.site_id, now) if "staff.board" in may else []
    hours = await hours_of(ctx) if "staff.board" in may else []
    shafts = None
    if "staff.alarm.handle" in may:
        shafts = _shafts(await board_lines(ctx.caller.site_id, now), board)
    return Workbench(
        at=now,
        tiles=await tiles_of(ctx, board, hours),
        running_out=await _running_out(ctx, board) if "staff.board" in may else None,
        hours=hours if "staff.board" in may else None,
        shafts=shafts,
        actions=await _actions(ctx),
    )


async def _running_out(ctx: Context, board: Sequence[BoardRow]) -> list[RunningOut]:
    first = [mine[0] for mine in accounts_of(board).values() if not is_off(mine)]
    known = [row for row in first if row.days_left is not None or row.in_arrears]
    known.sort(key=lambda row: (0.0 if row.in_arrears else row.days_left or 0.0, row.estimated_fen or 0))
    chosen = known[:MOST_SHOPS]
    may_see = "staff.tenant.view" in ctx.caller.permissions
    phones = await contact_phones(ctx.caller.site_id) if may_see else {}
    told = await _told([int(row.account_id or 0) for row in chosen])
    return [
        RunningOut(
            account_id=row.account_id or "",
            shop_code=row.shop_code or "",
            shop_name=row.shop_name or "",
            floor=row.floor or "",
            estimated_fen=row.estimated_fen,
            days_left=row.days_left,
            in_arrears=row.in_arrears,
            phone=phones.get(row.account_id or ""),
            told_at=told.get(row.account_id or "", (None, None))[0],
            told=told.get(row.account_id or "", (None, None))[1],
        )
        for row in chosen
    ]


async def _told(account_ids: Sequence[int]) -> dict[str, tuple[datetime | None, str | None]]:
    if not account_ids:
        return {}
    found = await rows(_NOTICES_SQL.format(marks=marks(account_ids)), account_ids)
    return {
        str(row["account_id"]): (
            utc(row["made_at"]),
            "delivered" if row["delivered_at"] else "unreached" if row["exhausted_at"] else "under_way",
        )
        for row in found
    }


def _shafts(lines: Sequence[BoardLine], board: Sequence[BoardRow]) -> list[WorkShaft]:
    names: dict[str, str] = {}
    gateways: dict[str, dict[str, WorkGateway]] = {}
    for line in lines:
        names[line.shaft] = line.shaft_name
        mine = gateways.setdefault(line.shaft, {})
        # A gateway is as bad as the first of its lines that is not well.
        if line.gateway_id not in mine or (mine[line.gateway_id].state == "well" and line.state != "well"):
            mine[line.gateway_id] = WorkGateway(
                gateway_id=line.gateway_id, name=line.gateway_name, state=line.state, since_at=line.since_at
            )
    found = []
    for code in sorted(names):
        meters = [row for row in board if row.shaft == code]
        found.append(
            WorkShaft(
                code=code,
                name=names[code],
                meters=len(meters),
                silent=sum(row.silent_since_at is not None or row.shown_at is None for row in meters),
                newest_at=max((row.shown_at for row in meters if row.shown_at is not None), default=None),
                gateways=list(gateways[code].values()),
            )
        )
    return found


async def _actions(ctx: Context) -> list[Action]:
    found = await rows(_ACTIONS_SQL, [ctx.caller.site_id, ctx.caller.actor, MOST_ACTIONS])
    names = await object_names(ctx, [row["object"] for row in found])
    return [
        Action(
            at=some_utc(row["at"]),
            operation=row["operation"],
            words=operation_words(row["operation"]),
            object=names.get(row["object"], ""),
            reason=row["reason"],
        )
        for row in found
    ]
