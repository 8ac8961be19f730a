"""What is known of a site's collectors, lines and meters, as the rules of faults want it (通讯状况).

Read only while something is wrong: three queries, whatever the size of the site.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from backend.domain.fault_tree import (
    AWAY_AFTER,
    SETTLE,
    SETTLE_AT_MOST,
    Cause,
    FaultKind,
    LineFacts,
    LineState,
    settled,
    told_silent_at,
)
from backend.models.operations import Collector
from backend.services.collector_link import owns_line
from backend.services.site_policy import policy_of
from backend.store import rows, utc

Row = Mapping[str, Any]

_LINES_SQL = """
SELECT l.id, l.code, l.gateway_id, g.code AS gateway, g.name AS gateway_name, g.host, g.shaft_id,
       sf.name AS shaft, s.down_since_at, s.silent_since_at, s.back_at
FROM line l JOIN gateway g ON g.id = l.gateway_id JOIN shaft sf ON sf.id = g.shaft_id
LEFT JOIN line_state s ON s.line_id = l.id WHERE l.site_id = ? AND l.removed_at IS NULL ORDER BY l.id"""

_METERS_SQL = """
SELECT m.id, m.line_id, m.serial, m.unit, m.kind, m.place, m.account_id, st.silent_since_at, st.shown_at,
       sh.code AS shop_code, sh.name AS shop_name
FROM meter m JOIN meter_state st ON st.meter_id = m.id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop sh ON sh.id = a.shop_id
WHERE m.site_id = ? AND m.retired_at IS NULL ORDER BY m.id"""


class Known(Struct, frozen=True, kw_only=True):
    """A site as it is known now."""

    tree: tuple[LineFacts, ...]
    away: frozenset[int]
    lines: Mapping[int, Row]
    meters: Mapping[int, Row]
    collectors: Mapping[int, Collector]
    look_at: datetime | None  # When time alone may make a fault of what is wrong already.


class _Later(Struct):
    """The earliest instant at which something unsettled is settled."""

    now: datetime
    at: datetime | None = None

    def note(self, at: datetime) -> None:
        if at > self.now and (self.at is None or at < self.at):
            self.at = at


class _Clocked(Struct, frozen=True, kw_only=True):
    now: datetime
    cycle_s: float
    told: frozenset[Cause]
    later: _Later
    back_at: dict[int, datetime] = field(default_factory=dict)  # Collector -> since when it is in contact.


async def known_of(site_id: int, told: frozenset[Cause], now: datetime) -> Known:
    """Gather the facts. told: the causes of the alarms that stand."""
    collectors = {one.id: one for one in await Collector.filter(site_id=site_id).order_by("id")}
    lines = {int(row["id"]): row for row in await rows(_LINES_SQL, [site_id])}
    meters = {int(row["id"]): row for row in await rows(_METERS_SQL, [site_id])}
    policy = await policy_of(site_id)
    clocked = _Clocked(now=now, cycle_s=policy.poll_interval_s, told=told, later=_Later(now))
    away = frozenset(one.id for one in collectors.values() if _is_away(one, clocked))
    for one in collectors.values():
        if one.first_seen_at is not None:
            clocked.back_at[one.id] = one.first_seen_at
    tree = _tree(lines, meters, list(collectors.values()), clocked)
    return Known(
        tree=tree,
        away=away,
        lines=lines,
        meters=meters,
        collectors=collectors,
        look_at=clocked.later.at,
    )


def is_unheard(collector: Collector, now: datetime) -> bool:
    """Say whether a collector that was in contact has been silent for too long."""
    return collector.seen_at is not None and now - collector.seen_at > AWAY_AFTER


def _is_away(collector: Collector, clocked: _Clocked) -> bool:
    """Told at the second look: after an outage of ours every collector looks away at the first."""
    if not is_unheard(collector, clocked.now):
        return False
    if Cause(FaultKind.COLLECTOR_AWAY, collector.id) in clocked.told:
        return True
    if collector.away_since_at is None:
        return False
    clocked.later.note(collector.away_since_at + SETTLE)
    return clocked.now - collector.away_since_at >= SETTLE


def _tree(
    lines: Mapping[int, Row], meters: Mapping[int, Row], collectors: list[Collector], clocked: _Clocked
) -> tuple[LineFacts, ...]:
    on_line: dict[int, list[Row]] = {}
    for meter in meters.values():
        on_line.setdefault(int(meter["line_id"]), []).append(meter)
    troubled = _settled_lines(lines, on_line, clocked)
    tree = []
    for number, hanging in on_line.items():
        line = lines[number]
        reader = reader_of(collectors, str(line["code"]))
        state = _state(line) if number in troubled else LineState.WELL
        tree.append(
            LineFacts(
                line_id=number,
                gateway_id=int(line["gateway_id"]),
                collector_id=None if reader is None else reader.id,
                state=state,
                meters=tuple(int(meter["id"]) for meter in hanging),
                silent=_long_silent(hanging, line, reader, clocked),
            )
        )
    return tuple(tree)


def reader_of(collectors: list[Collector], code: str) -> Collector | None:
    return next((one for one in collectors if owns_line(one, code)), None)


def _state(line: Row) -> LineState:
    if line["down_since_at"] is not None:
        return LineState.DOWN
    return LineState.WELL if line["silent_since_at"] is None else LineState.SILENT


def trouble_since(line: Row) -> datetime | None:
    return utc(line["down_since_at"]) or utc(line["silent_since_at"])


def _settled_lines(lines: Mapping[int, Row], with_meters: Mapping[int, Any], clocked: _Clocked) -> set[int]:
    """Return the lines whose trouble may be told of: each gateway's lines wait for one another."""
    by_gateway: dict[int, dict[int, datetime]] = {}
    for number in with_meters:
        since_at = trouble_since(lines[number])
        if since_at is not None:
            by_gateway.setdefault(int(lines[number]["gateway_id"]), {})[number] = since_at
    found: set[int] = set()
    for gateway_id, since in by_gateway.items():
        told = {number for number in since if _is_told(number, gateway_id, clocked.told)}
        found |= settled(since, told, clocked.now)
        for at in since.values():
            clocked.later.note(at + SETTLE)
            clocked.later.note(at + SETTLE_AT_MOST)
    return found


def _is_told(line_id: int, gateway_id: int, told: frozenset[Cause]) -> bool:
    return bool(
        told
        & {
            Cause(FaultKind.LINE_DOWN, line_id),
            Cause(FaultKind.LINE_SILENT, line_id),
            Cause(FaultKind.GATEWAY_DOWN, gateway_id),
        }
    )


def _long_silent(
    hanging: list[Row], line: Row, reader: Collector | None, clocked: _Clocked
) -> frozenset[int]:
    backs = [utc(line["back_at"]), clocked.back_at.get(reader.id) if reader is not None else None]
    back_at = max((at for at in backs if at is not None), default=None)
    found = set()
    for meter in hanging:
        since_at = utc(meter["silent_since_at"])
        if since_at is None:
            continue
        if Cause(FaultKind.METER_SILENT, int(meter["id"])) in clocked.told:
            found.add(int(meter["id"]))
            continue
        due_at = told_silent_at(since_at, utc(meter["shown_at"]), back_at, clocked.cycle_s)
        clocked.later.note(due_at)
        if due_at <= clocked.now:
            found.add(int(meter["id"]))
    return frozenset(found)
