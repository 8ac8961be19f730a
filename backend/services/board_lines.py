"""The lines and gateways behind the board (通讯状况): which are well, and how old a fresh value may be."""

from datetime import datetime

import msgspec
from msgspec import Struct

from backend.domain.fault_tree import FaultKind
from backend.models.operations import Collector
from backend.services.fault_facts import is_unheard, reader_of
from backend.services.site_policy import policy_of
from backend.store import rows, some_utc, utc
from common.wire import Health

_SHORTEST_POLL_S = 10.0  # A line that is read as fast as it goes is not grey for a moment's delay.

_LINES_SQL = """
SELECT l.id, l.code, g.id AS gateway_id, g.code AS gateway, g.name AS gateway_name, sf.code AS shaft,
       sf.name AS shaft_name
FROM line l JOIN gateway g ON g.id = l.gateway_id JOIN shaft sf ON sf.id = g.shaft_id
WHERE l.site_id = ? AND l.removed_at IS NULL ORDER BY sf.code, g.code, l.code"""

_FAULTS_SQL = """
SELECT cause, since_at, raised_at FROM alarm
WHERE site_id = ? AND standing_key > '' AND kind IN ('gateway_down', 'line_down', 'line_silent')"""


class BoardLine(Struct, frozen=True, kw_only=True):
    """One line with its gateway, as its alarms say (总线与通讯管理机)."""

    line_id: str
    code: str
    gateway_id: str
    gateway: str
    gateway_name: str
    shaft: str
    shaft_name: str
    state: str  # "well"; "gateway_down", "line_down", "line_silent" by its alarm; "unread": no collector.
    since_at: datetime | None
    poll_s: int  # Its meters are read about this often: twice as old is stale.


async def board_lines(site_id: int, now: datetime) -> list[BoardLine]:
    """Return the site's lines by shaft. A fault is what an alarm says, so that both tell the same."""
    collectors = await Collector.filter(site_id=site_id).order_by("id")
    cycles = _cycles(collectors)
    poll_s = (await policy_of(site_id)).poll_interval_s
    faults = {
        row["cause"]: utc(row["since_at"]) or some_utc(row["raised_at"])
        for row in await rows(_FAULTS_SQL, [site_id])
    }
    found = []
    for row in await rows(_LINES_SQL, [site_id]):
        state, since_at = "well", None
        for kind, number in (
            (FaultKind.GATEWAY_DOWN, row["gateway_id"]),
            (FaultKind.LINE_DOWN, row["id"]),
            (FaultKind.LINE_SILENT, row["id"]),
        ):
            if state == "well" and f"{kind.value}:{number}" in faults:
                state, since_at = kind.value, faults[f"{kind.value}:{number}"]
        reader = reader_of(collectors, row["code"])
        if reader is None or reader.seen_at is None or is_unheard(reader, now):
            state, since_at = "unread", reader.seen_at if reader else None
        longest_s = max(poll_s, cycles.get(str(row["id"]), 0.0), _SHORTEST_POLL_S)
        found.append(
            BoardLine(
                line_id=str(row["id"]),
                code=row["code"],
                gateway_id=str(row["gateway_id"]),
                gateway=row["gateway"],
                gateway_name=row["gateway_name"],
                shaft=row["shaft"],
                shaft_name=row["shaft_name"],
                state=state,
                since_at=since_at,
                poll_s=round(longest_s / 5) * 5,
            )
        )
    return found


def _cycles(collectors: list[Collector]) -> dict[str, float]:
    """Return how often each line's meters are really read, as its collector reports."""
    return {
        line.line_id: line.cycle_s
        for one in collectors
        if one.health and one.health != "{}"
        for line in msgspec.json.decode(one.health, type=Health).lines
        if line.cycle_s is not None
    }
